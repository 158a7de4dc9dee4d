"""What programs read of the commands, what a terminal shows, and how Ctrl-C leaves things."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from annotate.exchange import exporting, importing
from annotate.models import Document, Import, Label
from tests.annotate.test_exchange_commands import BAD, GOOD, code_of, write
from tests.make import make_document, make_project, suggest

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture) -> dict[str, Any]:
    """The one object that standard output holds."""
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    return outcome


@pytest.mark.django_db
def test_an_import_tells_programs_what_came_in(tmp_path: Path, capsys: Capture) -> None:
    make_project()
    path = str(write(tmp_path / "a.jsonl", GOOD, BAD))
    call_command("import_documents", "news", path, "--on-error", "skip", "--json")
    outcome = told(capsys)
    assert (outcome["status"], outcome["project"], outcome["articles"], outcome["left_out"]) == ("done", "news", 1, 1)
    assert (outcome["format"], outcome["errors"]) == ("JSON Lines", 1)
    assert [problem["line"] for problem in outcome["problems"]] == [2]
    assert Path(outcome["problems_file"]).is_file()


@pytest.mark.django_db
def test_a_failure_is_told_to_programs_too(tmp_path: Path, capsys: Capture) -> None:
    make_project()
    with pytest.raises(CommandError):
        call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD, BAD)), "--json")
    outcome = told(capsys)
    assert outcome["status"] == "failed"
    assert "Nothing was imported." in outcome["reason"]


@pytest.mark.django_db
def test_a_project_that_was_made_is_told(capsys: Capture) -> None:
    call_command("create_project", "The News", "--labels", "PER,ORG", "--json")
    assert told(capsys) == {"status": "done", "project": "the-news", "labels": ["PER", "ORG"]}


@pytest.mark.django_db
def test_projects_are_listed_one_a_line(capsys: Capture) -> None:
    call_command("projects")
    assert "There is no project yet" in capsys.readouterr().out
    news = make_project("News")
    make_document("Ada left.", project=news, finished=True, PER="Ada")
    suggest(make_document("Bob left.", project=news), (0, 1, "PER", 0.9))
    make_project("Sport", labels=["TEAM"])
    call_command("projects")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "news  News: 2 articles, 1 finished; PER, ORG, LOC, MISC; model 1 suggests",
        "sport  Sport: 0 articles, 0 finished; TEAM; nobody suggests",
    ]
    call_command("projects", "--json")
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["slug"] for one in listed] == ["news", "sport"]
    assert listed[0]["articles"] == {"raw": 1, "in_progress": 0, "finished": 1}
    call_command("projects", "Sport", "--json")
    assert told(capsys)["labels"][0]["name"] == "TEAM"


@pytest.mark.django_db
def test_progress_is_shown_on_a_terminal_alone(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project()
    call_command("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD)))
    assert "Importing" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    call_command("import_documents", "news", str(write(tmp_path / "b.jsonl", {"text": "Cy slept."})))
    assert "Importing: 100%" in capsys.readouterr().err


def interrupted(*args: Any, **options: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_in_an_import_leaves_nothing_of_it(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(labels=["LOC"])
    monkeypatch.setattr(importing, "_counts", interrupted)  # all is written, and nothing shown
    assert code_of("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD)), "--json") == 130
    out = capsys.readouterr()
    assert json.loads(out.out) == {"status": "failed", "reason": "Stopped. Nothing was imported."}
    assert "Traceback" not in out.err
    assert not Document.objects.exists()
    assert list(Label.objects.values_list("name", flat=True)) == ["LOC"]
    row = Import.objects.get()
    assert row.status == Import.Status.CANCELLED
    assert not any((settings.TAGDESK_DATA / stored).exists() for stored, _ in row.files)


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_at_the_very_end_shows_all_that_was_written(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once(row: Import) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    make_project()
    monkeypatch.setattr(importing, "release", once)
    assert code_of("import_documents", "news", str(write(tmp_path / "a.jsonl", GOOD))) == 0
    assert "1 article, " in capsys.readouterr().out
    assert Document.objects.present().count() == 1
    assert Import.objects.get().status == Import.Status.DONE


@pytest.mark.django_db
def test_ctrl_c_in_an_export_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_document("Ada met Bob.", finished=True, PER="Ada")
    monkeypatch.setattr(exporting, "_record", interrupted)
    path = tmp_path / "out"
    path.write_text("before")
    assert code_of("export_annotations", "news", "--output", str(path)) == 130
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert path.read_text() == "before"


@pytest.mark.django_db(transaction=True)
def test_a_gazetteer_is_put_written_told_and_removed(tmp_path: Path, capsys: Capture) -> None:
    make_project()
    path, copy = tmp_path / "names.tsv", tmp_path / "copy.tsv"
    path.write_text("Ada\tPER\nParis\tLOC\nbad\nThe Times\tPAPER\n")
    assert code_of("gazetteer", "news", "--put", str(path)) == 1
    assert "no label “PAPER”" in capsys.readouterr().err
    assert code_of("gazetteer", "news", "--put", str(path), "--new-labels", "make") == 0
    out = capsys.readouterr()
    assert out.out == "3 entries: PER 1, LOC 1, PAPER 1; 1 lines left out.\n"
    assert out.err == "line 3: It is not a mention, a tab and a label.\n"
    assert code_of("gazetteer", "news", "--json") == 0
    assert told(capsys)["faults"] == [{"line": 3, "reason": "It is not a mention, a tab and a label."}]
    assert code_of("gazetteer", "news", "--output", str(copy)) == 0
    assert copy.read_text() == "Ada\tPER\nParis\tLOC\nThe Times\tPAPER\n"
    capsys.readouterr()
    assert code_of("gazetteer", "news", "--output", "-") == 0
    assert capsys.readouterr().out == copy.read_text()
    assert code_of("gazetteer", "news", "--output", "-", "--json") == 2
    assert code_of("gazetteer", "news", "--put", str(path), "--remove") == 2
    assert code_of("gazetteer", "news", "--remove") == 0
    assert code_of("gazetteer", "news", "--remove") == 1
    assert code_of("gazetteer", "news", "--put", str(tmp_path / "none")) == 1
