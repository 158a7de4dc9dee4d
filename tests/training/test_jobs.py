"""Real trainings of a tiny encoder, as the worker runs them."""

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from annotate.models import Annotation, Document, Prediction, Project, Source
from tests.make import make_document, make_project
from tests.training.fake_queue import Rung
from tests.training.runs import ask, learn, make_version
from training import folders, heartbeat, jobs, learning
from training.engine import launch as engine
from training.heartbeat import Hold
from training.models import Run, Version

pytestmark = pytest.mark.usefixtures("rung")


def files_of(project: Project) -> list[str]:
    folder = settings.TAGDESK_DATA / "models" / str(project.pk)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_run_ends_as_the_current_version_with_scores_and_a_whole_folder(
    newsroom: Project, encoder: Path, rung: Rung
) -> None:
    run = learn(newsroom, encoder)
    version = Version.objects.select_related("project").get(run=run)
    assert (run.status, run.error, version.number, version.is_current) == ("succeeded", "", 1, True)
    assert version.labels == ["PER", "LOC"]
    assert run.scores["articles"] == {"training": 3, "validation": 2, "blind": 2, "unknown": 0}
    assert set(run.scores["candidate"]) >= {"precision", "recall", "f1", "accuracy", "support", "per_label"}
    assert run.scores["candidate"]["support"] == 4
    assert run.scores["calibration"]["temperature"] == 1.0
    assert version.scores == run.scores["candidate"]
    assert "first model" in run.scores["decision"]["reason"]
    assert run.settings["epochs"] == 2
    assert run.settings["seed"] == run.seed
    assert run.losses[-1][0] == 2
    assert run.started_at
    assert run.ended_at
    assert files_of(newsroom) == ["v1"]
    assert rung == [("predict", "training.jobs.predict_next", version.source_id, "next")]


def test_the_folder_loads_with_plain_transformers(newsroom: Project, encoder: Path) -> None:
    from transformers import AutoModelForTokenClassification

    version = learn(newsroom, encoder).version
    model = AutoModelForTokenClassification.from_pretrained(folders.folder_of(version))
    assert list(model.config.id2label.values()) == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def test_the_second_run_is_compared_with_the_first_on_the_same_articles(newsroom: Project, encoder: Path) -> None:
    first = learn(newsroom, encoder, epochs=30)
    second = learn(newsroom, encoder, epochs=30)
    assert second.scores["current_number"] == 1
    assert second.scores["current"] == first.scores["candidate"]
    assert second.scores["decision"]["difference"] == 0.0
    assert second.version.number == 2
    assert files_of(newsroom) == ["v1", "v2"]


def test_a_worse_model_is_kept_aside_and_says_why(newsroom: Project, encoder: Path, rung: Rung) -> None:
    good = learn(newsroom, encoder, epochs=60)
    assert good.scores["candidate"]["f1"] > 0.3
    rung.clear()
    worse = learn(newsroom, encoder, epochs=1, learning_rate=1e-9)
    newsroom.refresh_from_db()
    assert worse.status == "succeeded"
    assert not worse.promoted
    reason = worse.scores["decision"]["reason"]
    assert reason.startswith("Kept aside: F1 -")
    assert "against version 1, current then, on 2 held-out articles" in reason
    assert "both know" not in reason
    assert newsroom.current_source == good.version.source
    assert rung == []


def test_where_labels_differ_the_decision_says_which_ones_it_goes_by(newsroom: Project, encoder: Path) -> None:
    learn(newsroom, encoder)
    newsroom.add_labels(["ORG"])
    second = learn(newsroom, encoder)
    assert "Both were scored by the labels that both know: PER, LOC." in second.scores["decision"]["reason"]


def test_without_a_finished_held_out_article_there_is_no_score_and_the_model_is_used(
    newsroom: Project, encoder: Path
) -> None:
    Document.objects.in_split("validation").delete()
    run = learn(newsroom, encoder)
    assert run.scores["candidate"] is None
    assert run.version.scores == {}
    assert "no score" in run.scores["decision"]["reason"]
    newsroom.refresh_from_db()
    assert newsroom.current_source == run.version.source


def test_without_a_finished_article_it_fails_with_what_to_do(db: None, transactional_db: None) -> None:
    run = ask(make_project())
    jobs.train(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == (
        "failed",
        "Finish at least one article first: a model learns from finished articles only.",
    )


def test_a_job_that_runs_twice_trains_once(newsroom: Project, encoder: Path) -> None:
    run = learn(newsroom, encoder)
    ended = run.ended_at
    jobs.train(run.pk)
    run.refresh_from_db()
    assert run.ended_at == ended
    assert Version.objects.count() == 1


def test_two_projects_number_their_versions_apart(newsroom: Project, encoder: Path) -> None:
    other = make_project("Other", ["PER"])
    make_document("Ada left.", other, finished=True, PER="Ada")
    assert learn(newsroom, encoder).version.number == learn(other, encoder).version.number == 1


def test_gold_tagged_with_suggestions_in_sight_is_counted_beside_the_score(newsroom: Project, encoder: Path) -> None:
    held_out = Annotation.objects.filter(document__split="validation")
    Annotation.objects.filter(pk=held_out.first().pk).update(blind=False)  # type: ignore[union-attr]
    run = learn(newsroom, encoder)
    assert (run.scores["articles"]["blind"], run.scores["articles"]["validation"]) == (1, 2)


def at_step(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    """Do something in mid-training, once the first step's progress is in the row."""
    told = heartbeat.ProgressWriter.__call__

    def tell(self: heartbeat.ProgressWriter, progress: Any) -> None:
        told(self, progress)
        if progress.phase == "training" and progress.step == 1:
            what(self.hold)

    monkeypatch.setattr(heartbeat.ProgressWriter, "__call__", tell)
    monkeypatch.setattr(heartbeat, "LOOK_EVERY", 0.02)
    monkeypatch.setattr("training.engine.progress.REPORT_EVERY", 0.0)


def wait_until(hold: Hold) -> None:
    """Let the heartbeat's thread look at the row."""
    for _ in range(500):
        if hold.should_stop():
            return
        hold._done.wait(0.01)
    raise AssertionError("the thread did not notice")


def test_stop_is_heard_in_mid_training_and_keeps_nothing(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(hold: Hold) -> None:
        Run.objects.get(pk=hold.run_id).stop()
        wait_until(hold)

    at_step(monkeypatch, stop)
    run = learn(newsroom, encoder, epochs=50)
    assert (run.status, run.error) == ("stopped", "")
    assert run.ended_at
    assert Version.objects.count() == 0
    assert files_of(newsroom) == []


def test_a_stop_in_the_last_moment_still_stops(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = learning._judge

    def judge_and_stop(project: Project, *args: Any) -> Any:
        judgement = judge(project, *args)
        Run.objects.get().stop()
        return judgement

    monkeypatch.setattr(learning, "_judge", judge_and_stop)
    assert learn(newsroom, encoder).status == "stopped"
    assert Version.objects.count() == 0
    assert files_of(newsroom) == []


@pytest.mark.parametrize("takes_over", ["another worker", "reconcile", "a closed row"])
def test_a_claim_lost_in_mid_training_writes_nothing_more(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch, takes_over: str
) -> None:
    after: dict[str, Any] = {}

    def lose(hold: Hold) -> None:
        row = Run.objects.filter(pk=hold.run_id)
        if takes_over == "another worker":
            row.update(claim=uuid4())
        elif takes_over == "reconcile":
            row.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
            jobs.reconcile()
        else:
            jobs.job_died(f"run-{hold.run_id}-1", "Its process was killed (SIGKILL).")
        after.update(row.values().get())
        wait_until(hold)

    at_step(monkeypatch, lose)
    run = learn(newsroom, encoder, epochs=50)
    assert Run.objects.filter(pk=run.pk).values().get() == after
    assert Version.objects.count() == 0
    assert files_of(newsroom) == []
    newsroom.refresh_from_db()
    assert newsroom.current_source is None


def test_a_claim_lost_at_the_very_end_keeps_no_version(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = learning._judge

    def judge_and_lose(project: Project, *args: Any) -> Any:
        judgement = judge(project, *args)
        Run.objects.update(claim=uuid4())
        return judgement

    monkeypatch.setattr(learning, "_judge", judge_and_lose)
    run = learn(newsroom, encoder)
    assert run.status == "running"
    assert run.scores == {"articles": run.scores["articles"]}
    assert Version.objects.count() == 0
    assert files_of(newsroom) == []


def test_a_model_made_current_meanwhile_is_not_pushed_aside(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = learn(newsroom, encoder).version
    second = learn(newsroom, encoder).version
    judge = learning._judge

    def judge_and_roll_back(project: Project, *args: Any) -> Any:
        judgement = judge(project, *args)
        first.promote()
        return judgement

    monkeypatch.setattr(learning, "_judge", judge_and_roll_back)
    run = learn(newsroom, encoder)
    newsroom.refresh_from_db()
    assert newsroom.current_source == first.source != second.source
    assert "somebody made another model current" in run.scores["decision"]["reason"]
    assert not run.promoted


def test_known_mentions_that_came_up_meanwhile_are_no_other_model(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dictionary is what people see as soon as somebody has finished an article, also during a training."""
    judge = learning._judge

    def judge_and_finish_one(project: Project, *args: Any) -> Any:
        judgement = judge(project, *args)
        dictionary = Source.next_of(project, Source.Kind.DICTIONARY)
        Project.objects.filter(pk=project.pk).update(current_source=dictionary)
        return judgement

    monkeypatch.setattr(learning, "_judge", judge_and_finish_one)
    assert learn(newsroom, encoder).version.is_current


def test_a_model_before_that_cannot_be_loaded_is_said_and_not_compared(newsroom: Project, encoder: Path) -> None:
    make_version(newsroom, current=True)
    run = learn(newsroom, encoder)
    assert run.promoted
    assert run.scores["current"] is None
    assert run.scores["decision"]["reason"] == (
        "Promoted. Version 1, the model before, could not be loaded, so nothing was compared."
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
        (KeyError("something"), "no words for"),
    ],
)
def test_what_goes_wrong_is_said_in_words_with_the_technical_line_below(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(engine, "train", fail)
    run = learn(newsroom, encoder)
    assert run.status == "failed"
    assert words in run.reason
    assert "Nothing of this run was kept" in run.reason
    assert type(error).__name__ in run.technical
    assert files_of(newsroom) == []


def test_an_encoder_that_is_not_there_is_named(newsroom: Project, tmp_path: Path) -> None:
    run = learn(newsroom, tmp_path / "missing-encoder")
    assert run.status == "failed"
    assert "missing-encoder" in run.error


def test_what_an_earlier_run_left_unfinished_is_swept_up(newsroom: Project, encoder: Path) -> None:
    left = settings.TAGDESK_DATA / "models" / str(newsroom.pk) / ".partial-of-somebody-killed"
    left.mkdir(parents=True)
    learn(newsroom, encoder)
    assert files_of(newsroom) == ["v1"]


def test_held_out_and_finished_articles_get_no_predictions(newsroom: Project, encoder: Path) -> None:
    version = learn(newsroom, encoder).version
    jobs.predict_next(version.source_id)
    told = set(Prediction.objects.values_list("document__split", "document__state"))
    assert told == {("train", "raw")}
    assert Prediction.objects.count() == 4
