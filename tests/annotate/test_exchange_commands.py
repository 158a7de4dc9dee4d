"""create_project, import_documents and export_annotations, as a shell runs them."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import Any

import pytest
from django.core.management import CommandError, ManagementUtility, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate import jobs, queue
from annotate.models import Document, Import, Membership, Project
from annotate.models.exchange import ImportQuerySet
from tests.make import make_document, make_project, make_user, mentions_of, suggest

GOOD = {"tokens": ["Ada", "met", "Bob"], "tags": ["B-PER", "O", "B-PER"]}
BAD = {"tokens": ["Rome"], "tags": ["I-LOC"]}


def write(path: Path, *rows: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.django_db
def test_a_project_is_made_with_its_labels(capsys: pytest.CaptureFixture[str]) -> None:
    user = make_user("ada")
    call_command("create_project", "The News", "--labels", "PER, ORG", "--manager", "ada", "--validation", "30")
    assert capsys.readouterr().out == "the-news\n"
    project = Project.objects.get()
    assert (project.label_names(), project.validation_share) == (["PER", "ORG"], 30)
    assert Membership.objects.get().user == user


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["News", "--labels", ","], "at least one label"),
        (["News", "--labels", "A B"], "no blank"),
        (["", "--labels", "PER"], "blank"),
        (["News", "--labels", "PER,PER"], "of this name already"),
        (["News", "--labels", "PER,per"], "differ by their case alone"),
        (["News", "--labels", "PER", "--manager", "nobody"], "no user “nobody”"),
    ],
)
def test_a_project_that_cannot_be_is_refused_with_the_reason(arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("create_project", *arguments)
    assert not Project.objects.exists()


@pytest.mark.django_db
def test_files_are_imported_and_the_count_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_project("News", labels=["ORG", "Per"])
    text = tmp_path / "story.txt"
    text.write_text("Cy slept.")
    call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD)), str(text), "--split", "train")
    out = capsys.readouterr()
    assert "2 articles, 6 tokens, 2 entities imported; 0 left out" in out.out
    assert "New label: PER, which differs from Per by its case alone" in out.out
    assert set(Document.objects.values_list("split", "state")) == {("train", "finished"), ("train", "raw")}


@pytest.mark.django_db
def test_new_labels_are_told_without_a_query_for_each(tmp_path: Path) -> None:
    make_project("News", labels=["ORG"])
    asked = []
    for labels in (["A"], ["B", "C", "D"]):
        row = {"tokens": labels, "tags": [f"B-{label}" for label in labels]}
        with CaptureQueriesContext(connection) as queries:
            call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", row)), verbosity=0)
        asked.append(sum('SELECT "annotate_label"."name"' in query["sql"] for query in queries))
    assert asked[0] == asked[1] > 0


@pytest.mark.django_db(transaction=True)
def test_no_worker_takes_an_import_away_from_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def do_at_once(name: str, function_name: str, *args: int, job_id: str) -> None:
        getattr(jobs, function_name.removeprefix("annotate.jobs."))(*args)

    def look_for_work() -> None:
        jobs.reconcile()
        connection.close()

    def claim(*args: Any) -> Import | None:
        if current_thread() is main_thread():
            worker = Thread(target=look_for_work)
            worker.start()
            worker.join()
            looked.append(args)
        return claim_as_ever(*args)

    make_project()
    looked: list[Any] = []
    claim_as_ever = ImportQuerySet.claim
    monkeypatch.setattr(ImportQuerySet, "claim", claim)
    monkeypatch.setattr(queue, "length", lambda name: 0)
    monkeypatch.setattr(queue, "enqueue", do_at_once)
    call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD)))
    assert looked
    assert Document.objects.present().count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("on_error", "count"), [("repair", 2), ("skip", 1)])
def test_errors_are_repaired_or_skipped_as_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], on_error: str, count: int
) -> None:
    make_project()
    call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD, BAD)), "--on-error", on_error)
    assert "error: line 2: “Rome” is tagged I-LOC" in capsys.readouterr().err
    assert Document.objects.count() == count


@pytest.mark.django_db
def test_errors_fail_the_import_where_nothing_else_was_asked(tmp_path: Path) -> None:
    make_project()
    with pytest.raises(CommandError, match=r"Line 2: “Rome”.*Nothing was imported"):
        call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD, BAD)), "--verbosity", "0")
    assert not Document.objects.exists()


SPANS = {"text": "Ada2024 met Bob.", "spans": [[0, 3, "PERSON"], [8, 15, "ORG"], [12, 15, "PER"]]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--edges", "split", "--overlaps", "outermost"], [("PERSON", "Ada"), ("ORG", "met Bob")]),
        (["--edges", "snap", "--overlaps", "innermost"], [("PERSON", "Ada2024"), ("PER", "Bob")]),
        (["--edges", "drop", "--overlaps", "first", "--map", "ORG=GROUP"], [("GROUP", "met Bob")]),
        (["--on-error", "repair", "--map", "PERSON=PER", "--leave-out", "ORG"], [("PER", "Ada"), ("PER", "Bob")]),
    ],
)
def test_choices_are_given_as_options(tmp_path: Path, options: list[str], found: list[tuple[str, str]]) -> None:
    make_project()
    call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", SPANS)), *options, "--verbosity", "0")
    assert mentions_of(Document.objects.get()) == found


@pytest.mark.django_db
def test_duplicates_are_told_by_kind_and_labels_that_the_file_lacks_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_project()
    path = str(write(tmp_path / "a.jsonl", {**GOOD, "id": "1"}))
    call_command("import_documents", "news", path)
    other = {"text": "Cy slept.", "id": "1"}
    again = str(write(tmp_path / "b.jsonl", {**GOOD, "id": "1"}, GOOD, other))
    call_command("import_documents", "news", again, "--duplicates", "keep", "--taken-ids", "keep", "--leave-out", "X")
    out = capsys.readouterr()
    told = "1 already there by their id, 1 whose id is there with another text, 1 the same as another article."
    assert f"Among the file's articles: {told}" in out.out
    assert "The file has no label X." in out.err
    assert Document.objects.count() == 3


@pytest.mark.django_db
def test_the_scheme_can_be_given(tmp_path: Path) -> None:
    make_project()
    path = tmp_path / "a.conll"
    path.write_text("Bob B-PER\nRome I-LOC\n")
    call_command("import_documents", "news", str(path), "--scheme", "iob1")
    assert mentions_of(Document.objects.get()) == [("PER", "Bob"), ("LOC", "Rome")]


@pytest.mark.django_db
def test_columns_and_blank_lines_are_said_to_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_project()
    nested = tmp_path / "a.tsv"
    nested.write_text("1\tDie\tO\tO\n2\tDeutsche\tS-ORG\tS-LOC\n")
    call_command("import_documents", "news", str(nested), "--tag-column", "3")
    assert "Understood as CoNLL BIOES" in capsys.readouterr().out
    assert mentions_of(Document.objects.get()) == [("ORG", "Deutsche")]
    text = tmp_path / "b.txt"
    text.write_text("Ada sang.\n\nBob left.\n")
    call_command("import_documents", "news", str(text), "--blank-lines", "1")
    assert Document.objects.filter(title__in=["b 1", "b 2"]).count() == 2
    table = tmp_path / "c.csv"
    table.write_text("Kopf,text\nSong,Cy sang.\n")
    call_command("import_documents", "news", str(table), "--columns", "title=Kopf")
    assert Document.objects.filter(title="Song", text="Cy sang.").exists()
    with pytest.raises(CommandError, match="“beat” is none of title, id"):
        call_command("import_documents", "news", str(table), "--columns", "beat=Kopf")


@pytest.mark.django_db
def test_numbers_are_read_with_a_label_list(tmp_path: Path) -> None:
    make_project()
    path = write(tmp_path / "a.jsonl", {"tokens": ["Ada", "King"], "ner_tags": [1, 2]})
    call_command("import_documents", "news", str(path), "--label-list", "O,B-PER,I-PER")
    assert mentions_of(Document.objects.get()) == [("PER", "Ada King")]


@pytest.mark.django_db
def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    make_project()
    with pytest.raises(CommandError, match=r"no project “olds”\. There is: news"):
        call_command("import_documents", "olds", "a.txt")
    with pytest.raises(CommandError, match=r"nowhere\.txt cannot be read: No such file"):
        call_command("import_documents", "news", str(tmp_path / "nowhere.txt"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "start"), [("jsonl", '{"id": '), ("conll2003", "-DOCSTART- -X- -X- O\n\nAda -X- -X- B-PER")]
)
def test_annotations_are_written_to_a_file(tmp_path: Path, kind: str, start: str) -> None:
    make_document("Ada met Bob.", finished=True, PER="Ada")
    path = tmp_path / "out"
    call_command("export_annotations", "news", "--format", kind, "--output", str(path))
    assert path.read_text().startswith(start)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "count"), [("jsonl", 3), ("conll2003", 2)])
def test_what_was_written_is_counted_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str, count: int
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    make_document("-DOCSTART- opens every article.", finished=True)
    make_document("Ada sang.", PER="Ada")
    make_document("Raw.")
    path = tmp_path / "out"
    call_command("export_annotations", "news", "--all", "--format", kind, "--output", str(path))
    out = capsys.readouterr()
    assert f"{count} articles written" in out.out
    assert f"{count}/{count}" in out.err


@pytest.mark.django_db
def test_nothing_to_export_and_a_folder_that_is_not_there_are_said(tmp_path: Path) -> None:
    make_document("Raw.", project=make_project())
    with pytest.raises(CommandError, match="No article is finished"):
        call_command("export_annotations", "news", "--output", str(tmp_path / "a"))
    with pytest.raises(CommandError, match="No article is begun"):
        call_command("export_annotations", "news", "--all", "--format", "conll2003", "--output", str(tmp_path / "a"))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_annotations", "news", "--all", "--output", str(tmp_path / "no" / "a"))


@pytest.mark.django_db
def test_an_export_is_narrowed_and_given_more_by_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = make_project(manager=make_user("ada"))
    make_document("Ada met Bob.", project, finished=True, PER="Ada")
    suggest(make_document("Cy left.", project), (0, 1, "PER", 0.9))
    path = tmp_path / "out"

    def export(*options: str) -> list[Any]:
        call_command("export_annotations", "news", "--output", str(path), *options)
        return [json.loads(line) for line in path.read_text().splitlines()]

    (row,) = export("--label", "PER", "--with-provenance")
    assert row["provenance"]["entities"][0]["how"] == "hand"
    (row,) = export("--all", "--q", "left", "--with-suggestions")
    assert row["suggestions"][0]["score"] == 0.9
    capsys.readouterr()
    export("--all", "--json")
    outcome = {"status": "done", "project": "news", "format": "jsonl", "articles": 2, "file": str(path)}
    assert json.loads(capsys.readouterr().out) == outcome
    for options, reason in (
        (["--annotator", "ada"], "No article is like that"),
        (["--q", "Zoe"], "No article is like that"),
        (["--annotator", "eve"], "Nobody called “eve” tags in “News”"),
        (["--with-provenance", "--format", "brat"], "A file of brat has no place for who tagged what"),
    ):
        with pytest.raises(CommandError, match=reason):
            export(*options)


def code_of(*arguments: str) -> int | str | None:
    """The exit code of `manage.py` with these arguments."""
    try:
        ManagementUtility(["manage.py", *arguments]).execute()
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.django_db(transaction=True)
def test_exit_codes_are_honest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("create_project", "News", "--labels", "PER,LOC") == 0
    assert code_of("create_project", "News", "--labels", "") == 1
    assert code_of("create_project", "News") == 2
    mixed = str(write(tmp_path / "a.jsonl", GOOD, BAD))
    assert code_of("import_documents", "news", mixed) == 1
    assert code_of("import_documents", "news", mixed, "--on-error", "perhaps") == 2
    assert code_of("import_documents", "news", mixed, "--map", "PER=A B") == 2
    assert code_of("import_documents", "news", mixed, "--on-error", "skip") == 0
    assert code_of("import_documents", "news", mixed, "--on-error", "skip") == 1
    capsys.readouterr()
    assert code_of("export_annotations", "news", "--format", "conll2003", "--output", "-") == 0
    lines = ["Ada -X- -X- B-PER", "met -X- -X- O", "Bob -X- -X- B-PER", ""]
    assert capsys.readouterr().out.splitlines() == ["-DOCSTART- -X- -X- O", "", *lines]
    assert code_of("export_annotations", "olds", "--output", "-") == 1
    assert code_of("export_annotations", "news", "--output", "-", "--json") == 2
    assert code_of("export_annotations", "news", "--output", "-", "--since", "soon") == 2
