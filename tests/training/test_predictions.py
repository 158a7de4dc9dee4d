from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from annotate import queue as annotate_queue
from annotate.models import Document, Prediction, Project, Source
from annotate.queue import QueueDown
from annotate.signals import documents_imported
from tests.make import join, make_document, make_project
from tests.training.fake_queue import Rung
from tests.training.runs import learn, make_version
from training import jobs, predictions, telling
from training.models import Version

pytestmark = pytest.mark.usefixtures("rung")


class Echo:
    """A model that calls each article's first word a person."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict(self, articles: Any, after_batch: Any = None) -> list[Any]:
        from training.engine.predict import Predicted

        self.asked.append(len(articles))
        tags = [["B-PER", *["O"] * (len(article.words) - 1)] for article in articles]
        return [
            Predicted(a.key, t, [(0, 1, "PER", 0.9)], 1.0 / int(a.key)) for a, t in zip(articles, tags, strict=True)
        ]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    model = Echo()
    monkeypatch.setattr(predictions, "predictor", lambda version: model)
    return model


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


def spoken_of(version: Version) -> list[int]:
    return sorted(Prediction.objects.filter(source=version.source_id).values_list("document_id", flat=True))


def test_the_next_articles_of_the_queue_come_first_and_few_at_once(
    project: Project, echo: Echo, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "AT_ONCE", {"next": 40, "pool": 10, "rest": 10})
    documents = [make_document("Ada left.", project) for _ in range(60)]
    version = make_version(project, current=True)
    jobs.predict_next(version.source_id)
    assert echo.asked == [4, 32, 4]
    assert spoken_of(version) == [document.pk for document in documents[:40]]
    assert rung == [
        ("predict", "training.jobs.try_paths", version.pk),
        ("predict", "training.jobs.predict_next", version.source_id, "pool"),
    ]


def test_then_a_random_pool_then_the_rest_in_turns_to_the_end(
    project: Project, echo: Echo, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "AT_ONCE", {"next": 2, "pool": 4, "rest": 3})
    for _ in range(12):
        make_document("Ada left.", project)
    version = make_version(project, current=True, paths={"torch": {}})
    jobs.predict_next(version.source_id)
    for _queue, _name, *args in rung:
        jobs.predict_next(*args)
    assert [stage for *_, stage in rung] == ["pool", "rest", "rest"]
    assert len(spoken_of(version)) == 12


def test_of_the_articles_that_wait_those_with_by_far_most_to_mend_come_last(
    project: Project, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [make_document("Ada left.", project) for _ in range(14)]
    version = make_version(project, current=True, paths={"torch": {}})
    jobs.predict_next(version.source_id)
    worst = Prediction.objects.filter(source=version.source_id).order_by("-to_mend")
    source = Source.objects.get(pk=version.source_id)
    assert source.ceiling == worst[2].to_mend
    assert source.ceiling == pytest.approx(3 / documents[2].pk)  # three words
    Document.objects.filter(pk__in=[d.pk for d in documents[:9]]).update(state="finished")
    predictions.settle_ceiling(version.source_id)
    source.refresh_from_db()
    assert source.ceiling is None


def test_the_panel_tells_how_far_the_suggestions_are_and_asks_again_until_they_are_made(
    project: Project, echo: Echo, signed_in: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(project, user, "manager")
    monkeypatch.setattr(predictions, "AT_ONCE", {"next": 2, "pool": 4, "rest": 3})
    for _ in range(5):
        make_document("Ada left.", project)
    version = make_version(project, current=True)
    moments = iter([0.0, 4.0])
    monkeypatch.setattr("time.monotonic", lambda: next(moments, 5.0))
    panel = f"/projects/{project.slug}/training"
    jobs.predict_next(version.source_id)
    html = " ".join(signed_in.get(panel).content.decode().split())
    assert "Suggestions: 2 of 5 articles, 30 articles a minute, about 6 s left." in html
    assert 'hx-trigger="every 5s"' in html
    monkeypatch.undo()
    monkeypatch.setattr(predictions, "predictor", lambda version: echo)
    jobs.predict_next(version.source_id, "rest")
    html = " ".join(signed_in.get(panel).content.decode().split())
    assert "Suggestions are ready for 5 articles." in html
    assert "every 5s" not in html


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, ""),
        ({"left": 0, "articles_per_s": 12.0, "at": 1000.0}, ""),
        ({"left": 680, "articles_per_s": 12.0, "at": 1000.0 - 61}, ""),
        (
            {"left": 680, "articles_per_s": 12.0, "at": 999.0},
            "Suggestions: 320 of 1,000 articles, 12 articles a second, about 57 s left.",
        ),
    ],
)
def test_nothing_is_told_of_suggestions_that_nobody_makes(told: dict[str, Any], words: str) -> None:
    assert telling.filling(told, 320, 1000.0) == words


def test_it_runs_twice_without_doing_anything_twice(project: Project, echo: Echo, rung: Rung) -> None:
    make_document("Ada left.", project)
    version = make_version(project, current=True)
    jobs.predict_next(version.source_id)
    jobs.predict_next(version.source_id)
    assert echo.asked == [1]
    assert rung == []


def test_a_prediction_for_other_tokens_is_made_anew_over_the_old_one(project: Project, echo: Echo) -> None:
    document = make_document("Ada left.", project)
    version = make_version(project, current=True)
    Prediction.objects.create(document=document, source=version.source, spans=[], uncertainty=0.5, tokens_revision=0)
    Document.objects.filter(pk=document.pk).update(tokens_revision=1)
    jobs.predict_next(version.source_id)
    prediction = Prediction.objects.get()
    assert (prediction.spans, prediction.tokens_revision) == ([[0, 1, "PER", 0.9]], 1)


@pytest.mark.parametrize("turn", [200, predictions.FIRST])
def test_it_stops_once_another_model_is_current(
    project: Project, echo: Echo, rung: Rung, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    monkeypatch.setitem(predictions.AT_ONCE, "next", turn)
    for _ in range(8):
        make_document("Ada left.", project)
    old, new = make_version(project, current=True), make_version(project)
    write = predictions.write

    def write_and_promote(*args: Any) -> None:
        write(*args)
        new.promote()

    monkeypatch.setattr(predictions, "write", write_and_promote)
    jobs.predict_next(old.source_id)
    assert len(spoken_of(old)) == predictions.FIRST
    assert rung == []
    jobs.predict_next(old.source_id)
    assert len(spoken_of(old)) == predictions.FIRST


def test_an_article_finished_or_deleted_meanwhile_is_left_out(project: Project, echo: Echo) -> None:
    kept, finished, deleted = (make_document("Ada left.", project) for _ in range(3))
    version = make_version(project, current=True)
    make_document("Ada met Bob.", project, finished=True)
    Document.objects.filter(pk=finished.pk).update(state="finished")
    deleted.delete_softly(None)
    jobs.predict_next(version.source_id)
    assert spoken_of(version) == [kept.pk]


def test_an_article_erased_while_the_model_reads_it_is_no_error(project: Project, echo: Echo) -> None:
    kept, erased = make_document("Ada left.", project), make_document("Bob left.", project)
    version = make_version(project, current=True)
    documents = list(Document.objects.order_by("pk"))
    Document.objects.filter(pk=erased.pk).delete()
    predictions.write(version, documents)
    assert spoken_of(version) == [kept.pk]


def test_the_queue_hands_out_what_the_model_is_least_sure_of(project: Project, echo: Echo) -> None:
    make_document("Ada left.", project, finished=True, split="validation")
    first, _second = make_document("Ada left.", project), make_document("Bob left.", project)
    jobs.predict_next(make_version(project, current=True).source_id)
    project.refresh_from_db()
    assert Document.objects.next_in_queue(project) == first


def test_a_model_that_cannot_be_loaded_says_so_in_the_row_until_it_can(
    project: Project, monkeypatch: pytest.MonkeyPatch, rung: Rung
) -> None:
    make_document("Ada left.", project)
    version = make_version(project, current=True)
    jobs.predict_next(version.source_id)
    version.refresh_from_db()
    assert "The model could not be loaded or run" in version.trouble
    assert "EncoderError" in version.trouble
    assert rung == []
    monkeypatch.setattr(predictions, "predictor", lambda version: Echo())
    jobs.predict_next(version.source_id)
    version.refresh_from_db()
    assert version.trouble == ""


def test_an_import_rings_for_the_current_model(project: Project, rung: Rung) -> None:
    documents_imported.send(Project, project=project)
    assert rung == []
    version = make_version(project, current=True)
    make_version(project)
    documents_imported.send(Project, project=project)
    assert rung == [("predict", "training.jobs.predict_next", version.source_id, "next")]


def test_an_import_does_not_fail_where_the_queue_is_down_and_reconcile_rings_for_it(
    project: Project, rung: Rung, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise QueueDown("The job queue does not answer.")

    caplog.set_level("DEBUG", "training")
    version = make_version(project, current=True)
    make_document("Ada left.", project)
    with monkeypatch.context() as lost:
        lost.setattr(annotate_queue, "enqueue", down)
        documents_imported.send(Project, project=project)
    assert "The job queue does not answer." in caplog.text
    assert rung == []
    jobs.reconcile()
    assert rung == [("predict", "training.jobs.predict_next", version.source_id, "next")]


def test_reconcile_rings_for_a_gap_and_only_for_a_gap(project: Project, echo: Echo, rung: Rung) -> None:
    version = make_version(project, current=True)
    jobs.reconcile()
    assert rung == []
    make_document("Ada left.", project)
    jobs.reconcile()
    assert rung == [("predict", "training.jobs.predict_next", version.source_id, "next")]


def test_reconcile_does_not_ring_while_a_predictor_is_at_it(
    project: Project, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version(project, current=True)
    done, _waiting = make_document("Ada left.", project), make_document("Bob left.", project)
    lately = Prediction.objects.create(document=done, source=version.source)
    jobs.reconcile()
    Prediction.objects.filter(pk=lately.pk).update(created_at=timezone.now() - 2 * predictions.AT_WORK_FOR)
    monkeypatch.setattr(annotate_queue, "length", lambda *args: 1)
    jobs.reconcile()
    assert rung == []


def test_suggestions_follow_a_rollback(newsroom: Project, encoder: Path, rung: Rung) -> None:
    first, second = learn(newsroom, encoder).version, learn(newsroom, encoder).version
    jobs.predict_next(second.source_id)
    document = Document.objects.filter(split="train", state="raw")[0]
    assert document.prediction().source == second.source  # type: ignore[union-attr]
    first.promote()
    jobs.predict_next(first.source_id)
    document = Document.objects.get(pk=document.pk)
    assert document.prediction().source == first.source  # type: ignore[union-attr]


@pytest.mark.slow
def test_few_models_are_kept_warm(newsroom: Project, encoder: Path) -> None:
    versions = [learn(newsroom, encoder).version for _ in range(3)]
    loaded = [predictions.predictor(version) for version in versions]
    assert list(predictions._warm) == [(version.pk, "") for version in versions[1:]]
    assert predictions.predictor(versions[2]) is loaded[2]
