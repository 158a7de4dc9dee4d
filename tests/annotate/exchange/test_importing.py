"""The two passes of an import: what they tell, and that they store all or nothing."""

import json
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotate import exchange, uploads
from annotate.exchange import hidden, importing, reading, storing
from annotate.exchange.records import Options, apply
from annotate.models import Document, Edit, Import, NearKey, Project
from annotate.signals import documents_imported
from tests.annotate.exchange.handing_in import checked, imported, row, storable, upload
from tests.make import make_project, mentions_of, tags_of

pytestmark = pytest.mark.django_db
Status = Import.Status


def seed(shared_data: Path, **options: Any) -> Import:
    return upload(make_project(), (shared_data / "seed_sample.json").read_bytes(), **options)


def test_the_check_of_the_seed_sample_reports_three_errors_and_two_notices(shared_data: Path) -> None:
    row = checked(seed(shared_data))
    found = row.preview
    assert (row.status, found["format"], found["scheme"]) == (Status.CHECKED, "JSON", "iob2")
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


def test_labels_that_differ_by_case_alone_are_both_kept_and_told() -> None:
    project = make_project(labels=["PER"])
    rows = [row(0), row(1, tags=["B-per", *["O"] * 40]), row(2, tags=["B-Org", *["O"] * 40])]
    rows.append(row(3, tags=["B-ORG", *["O"] * 40]))
    handed_in = checked(upload(project, rows))
    assert handed_in.preview["twins"] == [["per", "PER"], ["ORG", "Org"]]
    imported(upload(project, rows))
    assert project.label_names() == ["PER", "per", "Org", "ORG"]
    assert [mentions_of(document)[0][0] for document in project.documents.all()] == ["PER", "per", "Org", "ORG"]


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

    with patch.object(storing.Intake, "write", cancelled), patch.object(reading, "LOOK_EVERY", 0.0):
        done = imported(waiting)
    done.refresh_from_db()
    assert done.status == Status.CANCELLED
    assert not Document.objects.exists()


def test_a_cancelled_import_reads_no_further() -> None:
    waiting = upload(make_project(), [row(number) for number in range(100)])
    read = []

    def cancelled(*given: Any) -> Any:
        read.append(given)
        if len(read) == 3:
            Import.objects.cancel(waiting)
        return apply(*given)

    assert Import.objects.confirm(checked(waiting), "fail", {})
    claimed = Import.objects.claim(waiting.pk, Status.CONFIRMED, Status.IMPORTING)
    assert claimed is not None
    with patch.object(reading, "apply", cancelled), patch.object(reading, "LOOK_EVERY", 0.0):
        importing.run(claimed)
    assert len(read) == 3


def test_articles_are_shown_in_steps_and_the_import_is_done_at_the_last() -> None:
    waiting = upload(make_project(), [row(number) for number in range(50)])
    seen = []

    def looked_at(size: int, *_: Any) -> int:
        waiting.refresh_from_db()
        seen.append((Document.objects.present().count(), waiting.status))
        return size

    with patch.object(hidden, "paced", looked_at):
        imported(waiting)
    assert seen == [(20, "importing"), (40, "importing"), (50, "importing")]
    waiting.refresh_from_db()
    assert (waiting.status, waiting.report["articles"], "releasing" in waiting.report) == (Status.DONE, 50, False)


@pytest.mark.django_db(transaction=True)
def test_an_import_gives_signs_of_life_while_it_reads_a_whole_file_for_its_scheme() -> None:
    waiting = upload(make_project(), [row(1)])
    resolve = exchange.resolve
    seen: list[bool] = []

    def slow(*args: Any) -> Options:
        began = Import.objects.get().heartbeat_at
        until = time.monotonic() + 10
        while Import.objects.get().heartbeat_at == began and time.monotonic() < until:
            time.sleep(0.01)
        seen.append(Import.objects.get().heartbeat_at != began)
        return resolve(*args)

    with patch.object(reading, "resolve", slow), patch.object(reading, "BEAT", 0.01):
        imported(waiting)
    assert seen == [True, True]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"caf\xe9", "The file is not UTF-8: byte 0xE9 at position 3"),
        ("", "The one record has errors"),
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
    assert done.preview["format"] == "Plain text, JSON Lines, CoNLL"
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


@pytest.mark.slow
def test_ten_thousand_articles_with_three_bad_ones() -> None:
    many = [row(number) for number in range(10_000)]
    for bad in (0, 5_000, 9_999):
        many[bad]["tokens"][3] = ""
    done = imported(upload(make_project(), many), "skip")
    assert (done.report["articles"], done.report["left_out"]) == (9_997, 3)
    assert [problem["line"] for problem in done.report["problems"]] == [1, 5_001, 10_000]
    assert Document.objects.present().count() == 9_997
