"""A whole archive tagged as a job, in turns; the result as a table and as files."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from annotate.models import Annotation, Document, Edit, Prediction, Project
from tests.make import join, make_document, make_project, make_user
from tests.training.fake_queue import FakeQueue, Rung
from tests.training.runs import make_version
from training import archive, archive_files, jobs, predictions
from training.models import Version
from training.models.tagging import STALE, Mention, Tagging

pytestmark = pytest.mark.usefixtures("rung")
TRIED = {"torch": {"words_per_s": 100, "agreement": 1.0}, "tried_on": {"articles": 1, "entities": 0, "gold": False}}


class Echo:
    """A model that calls each article's first word a person."""

    asked: list[int]

    def __init__(self) -> None:
        self.asked = []

    def predict(self, articles: Any, after_batch: Any = None) -> list[Any]:
        from training.engine.predict import Predicted

        self.asked.append(len(articles))
        return [Predicted(a.key, [], [(0, 1, "PER", 0.25 * (1 + int(a.key) % 4))], 0.0) for a in articles]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    model = Echo()
    monkeypatch.setattr(predictions, "predictor", lambda version: model)
    return model


@pytest.fixture
def version(project: Project) -> Version:
    return make_version(project, current=True, path="torch", paths=TRIED)


def begin(client: Client, project: Project, query: str = "") -> Tagging:
    response = client.post(f"/projects/{project.slug}/archive?{query}")
    assert response.status_code == 302, response.content
    return Tagging.objects.get(pk=int(response["Location"].rpartition("/")[2]))


def work(row: Tagging, rung: Rung) -> Tagging:
    """Do what the workers would, to the end."""
    while rung:
        _queue, name, *args = rung.pop(0)
        getattr(jobs, name.removeprefix("training.jobs."))(*args)
    row.refresh_from_db()
    return row


def test_before_it_begins_one_reads_how_many_articles_and_how_long(
    project: Project, version: Version, page: Callable[..., str]
) -> None:
    for _ in range(3):
        make_document("Ada left. " * 100, project)
    make_document("Ada left.", project, split="validation")
    html = page(f"/projects/{project.slug}/archive")
    assert "3 articles" in html
    assert "900 words" in html
    assert "about 9 s" in html
    assert "2 finished articles," in html
    assert "1 held-out one," in html


def test_without_a_measured_speed_no_time_is_made_up(project: Project, page: Callable[..., str]) -> None:
    make_version(project, current=True)
    make_document("Ada left.", project)
    assert "has not been measured here" in page(f"/projects/{project.slug}/archive")


def test_without_a_model_nothing_is_begun(project: Project, signed_in: Client) -> None:
    make_document("Ada left.", project)
    html = signed_in.post(f"/projects/{project.slug}/archive").content.decode()
    assert "There is no model yet" in html
    assert not Tagging.objects.exists()


def test_all_unfinished_articles_are_tagged_but_those_held_out(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung
) -> None:
    raw = make_document("👩‍🚀 Ada met Bob.", project, title="Space")
    begun = make_document("Bob left.", project)
    Document.objects.filter(pk=begun.pk).update(state="in_progress")
    aside = make_document("Cem left.", project, split="aside")
    for split in ("validation", "test"):
        make_document("Held out.", project, split=split)
    make_document("Deleted.", project).delete_softly(None)
    row = work(begin(signed_in, project), rung)
    assert (row.status, row.total, row.done, row.found) == ("done", 3, 3, 3)
    assert row.words_done == row.words
    found = list(row.mentions.values_list("document_id", "text", "label", "start", "end"))
    first = raw.words()[0]
    assert found == [
        (raw.pk, first, "PER", 0, len(first)),
        (begun.pk, "Bob", "PER", 0, 3),
        (aside.pk, "Cem", "PER", 0, 3),
    ]


def test_nothing_on_the_desk_changes_by_it(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung
) -> None:
    make_document("Ada left.", project)
    before = (Annotation.objects.count(), Edit.objects.count(), Prediction.objects.count())
    work(begin(signed_in, project), rung)
    assert (Annotation.objects.count(), Edit.objects.count(), Prediction.objects.count()) == before


def test_a_filter_of_the_list_narrows_it(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung
) -> None:
    make_document("Ada left.", project)
    wanted = make_document("Bob stayed.", project)
    row = work(begin(signed_in, project, "q=stayed"), rung)
    assert (row.total, row.words_of_filter) == (1, "“stayed”")
    assert [mention.document_id for mention in row.mentions.all()] == [wanted.pk]


def test_a_filter_that_is_not_understood_begins_nothing(project: Project, version: Version, signed_in: Client) -> None:
    response = signed_in.post(f"/projects/{project.slug}/archive?state=nonsense")
    assert response["Location"].startswith(f"/projects/{project.slug}/articles")
    assert not Tagging.objects.exists()


def test_what_arrives_after_the_click_is_not_part_of_it(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung
) -> None:
    make_document("Ada left.", project)
    row = begin(signed_in, project)
    make_document("Bob left.", project)
    assert work(row, rung).done == 1


def test_an_article_held_out_or_finished_meanwhile_is_left_out(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung
) -> None:
    moved, finished, kept = (make_document("Ada left.", project) for _ in range(3))
    row = begin(signed_in, project)
    Document.objects.filter(pk=moved.pk).update(split="validation")
    Document.objects.filter(pk=finished.pk).update(state="finished")
    work(row, rung)
    assert [mention.document_id for mention in row.mentions.all()] == [kept.pk]


def test_labels_go_by_their_names_now_and_deleted_ones_are_left_out(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung
) -> None:
    make_document("Ada left.", project)
    version.source.renamed = {"PER": "PERSON"}
    version.source.save()
    assert [m.label for m in work(begin(signed_in, project), rung).mentions.all()] == ["PERSON"]
    version.source.renamed = {"PER": None}
    version.source.save()
    assert work(begin(signed_in, project), rung).found == 0


def test_it_works_in_turns_that_repeat_nothing(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "TURN", 0.0)
    monkeypatch.setattr(archive, "MOST_ARTICLES", 2)
    for _ in range(5):
        make_document("Ada left.", project)
    row = begin(signed_in, project)
    jobs.tag_archive(row.pk)
    row.refresh_from_db()
    assert (row.status, row.done) == ("waiting", 2)
    assert rung[-1] == ("predict", "training.jobs.tag_archive", row.pk)
    work(row, rung)
    assert (row.status, row.done, row.found) == ("done", 5, 5)
    assert echo.asked == [2, 2, 1]


def test_a_step_holds_no_more_words_than_are_read_within_seconds(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_WORDS", 10)
    for words in (4, 4, 4, 30, 2):
        make_document("word " * words, project)
    work(begin(signed_in, project), rung)
    assert echo.asked == [2, 1, 1, 1]


def test_stopped_it_keeps_what_was_found_and_can_go_on(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_ARTICLES", 1)
    for _ in range(3):
        make_document("Ada left.", project)
    row = begin(signed_in, project)
    step = archive._step

    def step_and_stop(*args: Any) -> None:
        step(*args)
        signed_in.post(f"/archive/{row.pk}/stop")

    monkeypatch.setattr(archive, "_step", step_and_stop)
    jobs.tag_archive(row.pk)
    row.refresh_from_db()
    assert (row.status, row.done, row.found) == ("stopped", 1, 1)
    monkeypatch.setattr(archive, "_step", step)
    rung.clear()
    signed_in.post(f"/archive/{row.pk}/go-on")
    work(row, rung)
    assert (row.status, row.done, Mention.objects.count()) == ("done", 3, 3)


def test_stopped_while_the_model_reads_it_stores_nothing_of_that(
    project: Project, version: Version, signed_in: Client, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_document("Ada left.", project)
    row = begin(signed_in, project)

    class Stopping(Echo):
        def predict(self, articles: Any, after_batch: Any = None) -> list[Any]:
            Tagging.objects.stop(row)
            return super().predict(articles)

    monkeypatch.setattr(predictions, "predictor", lambda version: Stopping())
    work(row, rung)
    assert (row.status, row.done, Mention.objects.count()) == ("stopped", 0, 0)


def test_a_model_that_cannot_be_loaded_is_told_and_it_can_go_on(
    project: Project,
    version: Version,
    signed_in: Client,
    rung: Rung,
    page: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_document("Ada left.", project)
    row = work(begin(signed_in, project), rung)
    assert row.status == "failed"
    html = page(f"/archive/{row.pk}")
    assert "What was found so far is kept" in html
    monkeypatch.setattr(predictions, "predictor", lambda version: Echo())
    signed_in.post(f"/archive/{row.pk}/go-on")
    assert work(row, rung).status == "done"


def test_an_article_erased_while_the_model_reads_it_is_no_error(
    project: Project, version: Version, signed_in: Client, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, erased = make_document("Ada left.", project), make_document("Bob left.", project)

    class Erasing(Echo):
        def predict(self, articles: Any, after_batch: Any = None) -> list[Any]:
            Document.objects.filter(pk=erased.pk).delete()
            return super().predict(articles)

    monkeypatch.setattr(predictions, "predictor", lambda version: Erasing())
    row = work(begin(signed_in, project), rung)
    assert row.status == "done"
    assert [mention.document_id for mention in row.mentions.all()] == [kept.pk]


def test_what_a_dead_process_left_goes_on(
    project: Project, version: Version, signed_in: Client, echo: Echo, rung: Rung
) -> None:
    make_document("Ada left.", project)
    row = begin(signed_in, project)
    rung.clear()
    assert Tagging.objects.claim(row.pk) is not None
    jobs.reconcile()
    assert ("predict", "training.jobs.tag_archive", row.pk) not in rung
    Tagging.objects.update(heartbeat_at=timezone.now() - 2 * STALE)
    rung.clear()
    jobs.reconcile()
    assert work(row, rung).status == "done"


def test_the_page_tells_how_far_it_is(project: Project, version: Version, signed_in: Client, bell: FakeQueue) -> None:
    make_document("Ada left.", project)
    row = begin(signed_in, project)
    Tagging.objects.update(total=1000, words=10_000, done=320, words_done=3200, seconds=32.0, found=700)
    html = " ".join(
        signed_in.get(f"/archive/{row.pk}?shown=working", headers={"HX-Request": "true"}).content.decode().split()
    )
    assert "320 of 1,000 articles, 700 mentions, 10.0 articles a second, about 1 min 8 s left" in html
    assert "Stop" not in html
    bell.is_down = True
    assert "Nothing is lost" in signed_in.get(f"/archive/{row.pk}").content.decode()


@pytest.fixture
def found(project: Project, version: Version, signed_in: Client) -> Tagging:
    document = make_document("Ada left.", project, title="=cmd()")
    row = begin(signed_in, project)
    Tagging.objects.update(status="done", found=3, done=1)
    rows = [("Ada", "PER", 0.9), ("+49", "LOC", 0.4), ("Adana", "LOC", 0.95)]
    Mention.objects.bulk_create(
        Mention(tagging=row, document=document, start=i, end=i + 1, text=text, label=label, probability=p)
        for i, (text, label, p) in enumerate(rows)
    )
    Version.objects.update(labels=["PER", "LOC"])
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("", ["Ada", "+49", "Adana"]),
        ("label=LOC", ["+49", "Adana"]),
        ("least=90", ["Ada", "Adana"]),
        ("q=ada&label=LOC", ["Adana"]),
        ("q=nobody", []),
    ],
)
def test_the_table_and_its_csv_are_narrowed_alike(
    found: Tagging, signed_in: Client, query: str, texts: list[str]
) -> None:
    response = signed_in.get(f"/archive/{found.pk}?{query}")
    assert [mention.text for mention in response.context["mentions"]] == texts
    lines = b"".join(signed_in.get(f"/archive/{found.pk}/mentions.csv?{query}").streaming_content).decode()  # type: ignore[attr-defined]
    assert [row["mention"].lstrip("'") for row in csv.DictReader(io.StringIO(lines))] == texts


def test_an_article_without_a_title_is_called_by_its_beginning(found: Tagging, signed_in: Client) -> None:
    assert "=cmd()</a>" in signed_in.get(f"/archive/{found.pk}").content.decode()
    Document.objects.update(title="")
    assert "Ada left.</a>" in signed_in.get(f"/archive/{found.pk}").content.decode()


def test_no_cell_of_the_csv_is_a_formula(found: Tagging, signed_in: Client) -> None:
    content = b"".join(signed_in.get(f"/archive/{found.pk}/mentions.csv").streaming_content)  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows[0] == ["article", "title", "mention", "label", "start", "end", "probability"]
    assert rows[2][1:4] == ["'=cmd()", "'+49", "LOC"]
    assert rows[2][4:] == ["1", "2", "0.4"]


def test_parquet_holds_all_that_was_found(found: Tagging, signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    from training import archive_files

    monkeypatch.setattr(archive_files, "CHUNK", 2)
    address = f"/archive/{found.pk}/mentions.parquet"
    assert signed_in.get(address).status_code == 404
    jobs.write_archive(found.pk)
    found.refresh_from_db()
    content = b"".join(signed_in.get(address).streaming_content)  # type: ignore[attr-defined]
    table = parquet.read_table(io.BytesIO(content))
    assert table.column("mention").to_pylist() == ["Ada", "+49", "Adana"]
    assert table.column("probability").to_pylist() == [0.9, 0.4, 0.95]
    written = Path(settings.TAGDESK_DATA) / found.parquet
    before = written.stat().st_mtime_ns
    jobs.write_archive(found.pk)
    assert written.stat().st_mtime_ns == before


def test_the_table_goes_on_page_by_page(
    found: Tagging, signed_in: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    from training import archive_views

    monkeypatch.setattr(archive_views, "PAGE", 2)
    with django_assert_max_num_queries(8):
        first = signed_in.get(f"/archive/{found.pk}")
    second = signed_in.get(f"/archive/{found.pk}?after={first.context['next']}")
    assert [[m.text for m in page.context["mentions"]] for page in (first, second)] == [["Ada", "+49"], ["Adana"]]
    assert second.context["next"] is None


@pytest.mark.parametrize("address", ["", "/stop", "/go-on", "/mentions.csv"])
def test_who_is_not_of_the_project_finds_nothing(found: Tagging, client: Client, address: str) -> None:
    client.force_login(make_user())
    send = client.post if address in ("/stop", "/go-on") else client.get
    assert send(f"/archive/{found.pk}{address}").status_code == 404


def test_a_viewer_looks_and_steers_nothing(found: Tagging, client: Client) -> None:
    client.force_login(join(found.project, make_user(), "viewer"))
    assert client.get(f"/archive/{found.pk}").status_code == 200
    for address in (
        f"/archive/{found.pk}/stop",
        f"/archive/{found.pk}/go-on",
        f"/projects/{found.project.slug}/archive",
    ):
        assert client.post(address).status_code == 403


def test_the_models_of_other_projects_are_not_asked(version: Version, user: User, signed_in: Client) -> None:
    other = make_project("Other", manager=user)
    make_document("Ada left.", other)
    assert signed_in.post(f"/projects/{other.slug}/archive").status_code == 200
    assert not Tagging.objects.exists()


def test_a_result_is_deleted_with_its_file_and_nothing_else(
    found: Tagging, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "REMOVED_AT_ONCE", 2)
    jobs.write_archive(found.pk)
    file = archive_files.file_of(found)
    assert file.is_file()
    documents = Document.objects.count()
    assert "Delete it" in signed_in.get(f"/archive/{found.pk}").content.decode()
    page = signed_in.post(f"/archive/{found.pk}/delete", follow=True).content.decode()
    assert "The result is deleted." in page
    assert not Tagging.objects.exists()
    assert not Mention.objects.exists()
    assert not file.exists()
    assert (Document.objects.count(), Version.objects.count()) == (documents, 1)


def test_a_file_written_while_its_result_is_deleted_goes_too(found: Tagging) -> None:
    row = Tagging.objects.get(pk=found.pk)
    archive.remove(Tagging.objects.get(pk=found.pk))
    archive_files.write_parquet(row)
    assert not archive_files.file_of(row).exists()


def test_only_a_manager_deletes_a_result(found: Tagging, client: Client) -> None:
    client.force_login(join(found.project, make_user("anna"), "annotator"))
    assert "Delete it" not in client.get(f"/archive/{found.pk}").content.decode()
    assert client.post(f"/archive/{found.pk}/delete").status_code == 403
    assert client.get(f"/archive/{found.pk}/delete").status_code == 405
    assert Tagging.objects.exists()
