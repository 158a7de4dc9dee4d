import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotate import uploads
from annotate.exchange import exporting, importing, near, reading, rows, storing
from annotate.exchange.records import Options, Record, apply
from annotate.models import Annotation, Document, DocumentLabel, Edit, Import, NearKey, Prediction, Project, Source
from annotate.signals import documents_imported
from tests.make import make_document, make_project, make_user, mentions_of, tags_of

pytestmark = pytest.mark.django_db
Status = Import.Status

STORY = (
    "Ada King met Bob Stone in Paris on Monday to talk about the long and patient work of counting every boat that "
    "passes under the old bridge before the winter storms begin to close the harbour again"
)
ARTICLE = STORY.split()


def row(number: int = 0, **more: Any) -> dict[str, Any]:
    """An article of its own, 40 words from nowhere else."""
    words = ["Ada", *(f"w{number}x{place}" for place in range(40))]
    return {"id": f"a{number}", "tokens": words, "tags": ["B-PER", *["O"] * 40], **more}


def upload(project: Project, *contents: Any, **options: Any) -> Import:
    """Hand in files: lists of rows become JSON Lines, text and bytes stay what they are."""
    files = []
    for number, content in enumerate(contents):
        if isinstance(content, list):
            content = "".join(json.dumps(line) + "\n" for line in content)
        data = content.encode() if isinstance(content, str) else content
        files.append(ContentFile(data, name=f"file{number}"))
    return uploads.receive(project, None, files, options)


def checked(row: Import) -> Import:
    claimed = Import.objects.claim(row.pk, Status.UPLOADED, Status.CHECKING)
    assert claimed is not None
    importing.check(claimed)
    return claimed


def imported(row: Import, on_error: str = "fail") -> Import:
    assert Import.objects.confirm(checked(row), on_error)
    claimed = Import.objects.claim(row.pk, Status.CONFIRMED, Status.IMPORTING)
    assert claimed is not None
    importing.run(claimed)
    return claimed


def seed(shared_data: Path, **options: Any) -> Import:
    return upload(make_project(), (shared_data / "seed_sample.json").read_bytes(), **options)


def storable(*values: dict[str, Any]) -> list[Record]:
    """Rows as records that can be stored."""
    found = [apply(rows.record_of(value, Options(), 1, 1), "fail") for value in values]
    return [record for record in found if record is not None]


def test_the_check_of_the_seed_sample_reports_three_errors_and_two_notices(shared_data: Path) -> None:
    row = checked(seed(shared_data))
    found = row.preview
    assert (row.status, found["format"], found["scheme"]) == (Status.CHECKED, "json", "iob2")
    assert (found["articles"], found["tokens"], found["errors"], found["notices"]) == (4, 32, 3, 2)
    errors = [(p["record"], p["token"], p["tag"], p["line"]) for p in found["problems"] if p["severity"] == "error"]
    assert errors == [(1, 6, "I-ORG", 4), (2, 7, "I-ORG", 5), (3, 3, "I-ORG", 6)]
    assert found["repairs"] == [
        {"record": 1, "word": "New", "before": "I-ORG", "after": "B-ORG"},
        {"record": 2, "word": "Geneva", "before": "I-ORG", "after": "B-ORG"},
        {"record": 3, "word": "Paris", "before": "I-ORG", "after": "B-ORG"},
    ]
    assert [first["split"] for first in found["first"]] == ["train", "train", "train", "validation"]
    assert ["ORG", "Microsoft"] in found["first"][3]["mentions"]
    assert not Document.objects.exists()


def test_the_seed_sample_is_repaired_and_keeps_its_splits(shared_data: Path) -> None:
    row = imported(seed(shared_data), "repair")
    assert row.status == Status.DONE
    assert (row.report["articles"], row.report["repaired"], row.report["left_out"]) == (4, 3, 0)
    first, *_, last = Document.objects.all()
    assert (first.split, last.split, first.state) == ("train", "validation", "finished")
    assert tags_of(first) == ["B-PER", "I-PER", "O", "O", "B-ORG", "O", "B-ORG", "B-LOC", "O"]
    assert first.text == "John Doe works at Google in New York ."


def test_the_seed_sample_is_skipped_to_the_one_good_record(shared_data: Path) -> None:
    row = imported(seed(shared_data), "skip")
    assert (row.report["articles"], row.report["left_out"]) == (1, 3)
    assert mentions_of(Document.objects.get()) == [("PER", "Bob Johnson"), ("ORG", "Microsoft")]


def test_the_seed_sample_fails_whole_where_errors_are_to_fail(shared_data: Path) -> None:
    row = imported(seed(shared_data), "fail")
    assert (row.status, row.error) == (Status.FAILED, "Line 4: “New” is tagged I-ORG with no ORG entity before it.")
    assert not Document.objects.exists()
    assert not NearKey.objects.exists()


def test_three_bad_among_many_are_left_out_and_listed_by_line() -> None:
    many = [row(number) for number in range(150)]
    for bad in (3, 77, 149):
        many[bad]["tags"].pop()
    done = imported(upload(make_project(), many), "skip")
    assert (done.report["articles"], done.report["left_out"], done.report["errors"]) == (147, 3, 3)
    assert Document.objects.present().count() == 147
    path = uploads.problems_file(done)
    assert path is not None
    listed = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(p["line"], p["kind"]) for p in listed] == [(4, "length"), (78, "length"), (150, "length")]
    assert listed[0]["message"] == "The article has 41 tokens but 40 tags."


def test_an_import_leaves_annotation_log_and_counts_behind() -> None:
    user = make_user()
    waiting = upload(make_project(), [row(1), row(2, tags=["O"] * 41)])
    Import.objects.update(created_by=user)
    imported(waiting)
    tagged, untagged = Annotation.objects.order_by("pk")
    assert (tagged.status, tagged.blind, tagged.revision, tagged.finished_by) == ("finished", None, 1, None)
    edit = tagged.edits.get()
    assert (edit.how, edit.author, edit.start, edit.end) == ("imported", user, 0, 1)
    assert (edit.before, edit.after) == (["O"], ["B-PER"])
    assert (edit.char_start, edit.char_end, edit.status_before, edit.status_after) == (0, 3, "raw", "finished")
    assert untagged.edits.get().after == []
    assert [(c.document, c.label.name, c.count) for c in DocumentLabel.objects.all()] == [(tagged.document, "PER", 1)]


def test_texts_without_tags_arrive_raw_and_unchanged() -> None:
    text = "  Ada  met\u00a0Bob.\r\n\r\n😀 Bob left. \n"
    imported(upload(make_project(), text))
    document = Document.objects.get()
    assert (document.text, document.state, document.title) == (text, "raw", "file0")
    assert document.gold() is None
    assert document.words()[:3] == ["Ada", "met", "Bob"]
    assert document.sentence_starts == [0, 4]


def test_a_pasted_article_gets_the_title_that_was_given() -> None:
    imported(upload(make_project(), "Ada met Bob.", format="txt", title="A walk"))
    assert Document.objects.get().title == "A walk"


def test_tags_can_come_as_suggestions() -> None:
    imported(upload(make_project(), [row(1)], as_="suggestions", split="train"))
    document = Document.objects.get()
    assert (document.state, document.gold()) == ("raw", None)
    assert Prediction.objects.get().source.kind == Source.Kind.IMPORT
    assert [s[:3] for s in document.open_suggestions([])] == [(0, 1, "PER")]


def test_labels_that_the_project_lacks_are_made() -> None:
    done = imported(upload(make_project(labels=["ORG"]), [row(1)]))
    assert (done.preview["new_labels"], done.report["new_labels"]) == (["PER"], ["PER"])
    assert Project.objects.get().label_names() == ["ORG", "PER"]


def test_a_failed_import_takes_back_its_documents_and_labels() -> None:
    waiting = upload(make_project(labels=["ORG"]), [row(number) for number in range(100)])
    write = storing.Intake.write

    def breaks_later(intake: storing.Intake, prepared: Any) -> None:
        write(intake, prepared)
        if intake.stored.articles > 60:
            raise OperationalError("database or disk is full")

    with patch.object(storing.Intake, "write", breaks_later), patch.object(storing, "MOST", 2000):
        done = imported(waiting)
    assert (done.status, done.error) == (Status.FAILED, "database or disk is full")
    assert not Document.objects.exists()
    assert not Edit.objects.exists()
    assert Project.objects.get().label_names() == ["ORG"]


def test_nobody_sees_half_an_import() -> None:
    waiting = upload(make_project(), [row(number) for number in range(100)])
    write = storing.Intake.write
    seen = []

    def looked_at(intake: storing.Intake, prepared: Any) -> None:
        write(intake, prepared)
        seen.append((Document.objects.count(), Document.objects.present().count()))

    with patch.object(storing.Intake, "write", looked_at), patch.object(storing, "MOST", 2000):
        imported(waiting)
    assert len(seen) > 1
    assert [present for _, present in seen] == [0] * len(seen)
    assert Document.objects.present().count() == seen[-1][0] == 100


def test_an_import_cancelled_while_it_runs_is_taken_back() -> None:
    waiting = upload(make_project(), [row(number) for number in range(100)])
    write = storing.Intake.write

    def cancelled(intake: storing.Intake, prepared: Any) -> None:
        write(intake, prepared)
        Import.objects.cancel(waiting)

    with patch.object(storing.Intake, "write", cancelled), patch.object(reading, "BEAT", 0.0):
        done = imported(waiting)
    done.refresh_from_db()
    assert done.status == Status.CANCELLED
    assert not Document.objects.exists()


def test_an_import_whose_process_died_is_failed_and_its_rest_removed() -> None:
    project = make_project()
    dead = upload(project, [row(1)])
    claimed = Import.objects.claim(checked(dead).pk, Status.CHECKED, Status.IMPORTING)
    assert claimed is not None
    intake = storing.Intake(project, hidden=storing.hidden_at(dead.pk))
    intake.write([near.prepare(record) for record in storable(row(1))])
    kept = make_document(project=project)
    assert importing.fail_stale() == 0
    Import.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    assert importing.fail_stale() == 1
    dead.refresh_from_db()
    assert dead.status == Status.FAILED
    assert "ended without a word" in dead.error
    assert list(Document.objects.all()) == [kept]


def test_a_second_import_of_the_same_file_brings_nothing_in() -> None:
    project = make_project()
    imported(upload(project, [row(1), row(2)]))
    again = imported(upload(project, [row(1), row(2)]))
    assert again.preview["duplicates"] == 2
    assert again.status == Status.FAILED
    assert again.error == "Nothing new: the project has all 2 articles already."
    more = imported(upload(project, [row(1), row(3)]))
    assert (more.report["articles"], more.report["duplicates"], more.report["left_out"]) == (1, 1, 1)


def test_another_article_with_a_taken_id_keeps_it_in_the_metadata() -> None:
    imported(upload(make_project(), [row(1), row(2, id="a1")]))
    first, second = Document.objects.all()
    assert (first.external_id, second.external_id, second.metadata) == ("a1", "", {"id": "a1"})


def test_near_duplicates_share_their_group_and_side() -> None:
    project = make_project(validation_share=50)
    nearly = [*ARTICLE[:-1], "soon"]
    imported(upload(project, " ".join(ARTICLE)))
    imported(upload(project, " ".join(nearly), [row(1)]))
    first, second, other = Document.objects.all()
    assert (first.group, first.split) == (second.group, second.split)
    assert other.group != first.group


def test_the_split_of_an_article_is_the_same_in_every_project() -> None:
    many = [row(number) for number in range(30)]
    splits = []
    for name in ("one", "two"):
        imported(upload(make_project(name), many))
        splits.append(list(Document.objects.filter(project__name=name).values_list("split", flat=True)))
    assert splits[0] == splits[1]
    assert set(splits[0]) == {"train", "validation"}


def test_an_article_near_to_the_other_side_is_held_aside_and_reported() -> None:
    project = make_project()
    imported(upload(project, " ".join(ARTICLE), split="validation"))
    done = imported(upload(project, [{"text": " ".join([*ARTICLE[:-1], "soon"]), "title": "Again"}], split="train"))
    assert done.report["aside"] == 1
    assert [p["message"].split(":")[0] for p in done.report["problems"]] == ["“Again”"]
    assert list(Document.objects.values_list("split", flat=True)) == ["validation", "aside"]


def test_a_forced_split_is_that_of_all() -> None:
    imported(upload(make_project(), [row(1), row(2, split="train")], split="test"))
    assert set(Document.objects.values_list("split", flat=True)) == {"test"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"caf\xe9", "The file is not UTF-8: byte 0xE9 at position 3"),
        ("", "have errors"),
        ("a,b\n1,2\n", "No column holds the text"),
        ('[{"text": "Ada"}', "The JSON breaks at line 1"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_the_reason(content: Any, reason: str) -> None:
    kinds = {"a": "csv", "[": "json"}
    waiting = upload(make_project(), content, format=kinds.get(str(content)[:1], "auto"))
    done = checked(waiting)
    if done.status == Status.CHECKED:
        done = imported(upload(Project.objects.get(), content), "skip")
    assert done.status == Status.FAILED
    assert reason in done.error
    assert not (uploads.folder_of(done) / "0").exists()
    assert not Document.objects.exists()


def test_several_files_are_one_import_and_a_bad_one_is_named() -> None:
    project = make_project()
    done = imported(upload(project, "Ada met Bob.", [row(1), row(2)], "-DOCSTART- O\n\nAda B-PER\n"))
    assert done.report["articles"] == 4
    assert done.preview["format"] == "txt, jsonl, conll"
    bad = checked(upload(project, "Ada", b"\xff"))
    assert (bad.status, bad.error[:18]) == (Status.FAILED, "file1: The file is")


def test_a_fault_of_the_program_fails_the_row_and_is_not_hidden() -> None:
    waiting = upload(make_project(), [row(1)])
    with patch.object(importing.Survey, "count", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        checked(waiting)
    waiting.refresh_from_db()
    assert waiting.status == Status.FAILED
    assert "A fault of the program" in waiting.error


def test_whoever_listens_is_told_after_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    told: list[Project] = []

    def listener(project: Project, **_: Any) -> None:
        told.append(project)

    documents_imported.connect(listener)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            imported(upload(make_project(), [row(1)]))
        with django_capture_on_commit_callbacks(execute=True):
            stored = storing.store(Project.objects.get(), storable(row(2)))
    finally:
        documents_imported.disconnect(listener)
    assert told == [Project.objects.get()] * 2
    assert (stored.articles, stored.entities) == (1, 1)


def test_wikigold_goes_in_and_comes_out_without_a_differing_tag(shared_data: Path) -> None:
    content = (shared_data / "wikigold" / "wikigold.conll").read_text()
    done = imported(upload(make_project(), content))
    assert [done.report[key] for key in ("articles", "tokens", "entities")] == [145, 39_007, 3_558]
    assert "".join(exporting.lines(Project.objects.get(), "conll2003")) == content


def test_no_near_duplicate_crosses_the_split_of_real_articles(shared_data: Path) -> None:
    names = ["gum_news/train.jsonl", "gum_news/dev.jsonl", "gum_news/test.jsonl", "wikigold/articles.jsonl"]
    contents = [(shared_data / name).read_bytes() for name in names]
    project = make_project()
    done = imported(upload(project, *contents))
    assert done.report["articles"] == 20 + 2 + 2 + 145
    sides: dict[str, set[str]] = {}
    for group, side in Document.objects.exclude(split="aside").values_list("group", "split"):
        sides.setdefault(group, set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_an_export_is_imported_again_to_the_letter(shared_data: Path) -> None:
    project = make_project("first")
    imported(upload(project, (shared_data / "gum_news" / "train.jsonl").read_bytes()))
    make_document("Raw  text\u00a0with 😀.", project=project, title="Raw")
    written = "".join(exporting.lines(project, "jsonl", everything=True))
    second = make_project("second")
    imported(upload(second, written))
    assert "".join(exporting.lines(second, "jsonl", everything=True)) == written


def test_an_export_leaves_out_what_is_not_finished_unless_asked() -> None:
    project = make_project()
    make_document("Ada met Bob.", project=project, finished=True, PER="Ada")
    make_document("Ada left.", project=project, PER="Ada")
    make_document("Raw.", project=project)

    def texts(kind: str, everything: bool) -> int:
        return sum(line.startswith(("{", "-DOCSTART-")) for line in exporting.lines(project, kind, everything))

    assert [texts("jsonl", False), texts("jsonl", True)] == [1, 3]
    assert [texts("conll2003", False), texts("conll2003", True)] == [1, 2]


@pytest.mark.slow
def test_ten_thousand_articles_with_three_bad_ones() -> None:
    many = [row(number) for number in range(10_000)]
    for bad in (0, 5_000, 9_999):
        many[bad]["tokens"][3] = ""
    done = imported(upload(make_project(), many), "skip")
    assert (done.report["articles"], done.report["left_out"]) == (9_997, 3)
    assert [problem["line"] for problem in done.report["problems"]] == [1, 5_001, 10_000]
    assert Document.objects.present().count() == 9_997
