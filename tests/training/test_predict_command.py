import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotate import queue as annotate_queue
from annotate.models import Project
from annotate.queue import QueueDown, Workers
from tests.training.runs import make_version
from tests.training.served import Knowing, serve_while_waiting
from training import asking, folders, line, predictions
from training.management.commands import predict as command
from training.models import Version

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(project: Project) -> Version:
    version = make_version(project, current=True)
    folders.folder_of(version).mkdir(parents=True)
    return version


@pytest.fixture
def knowing(queue: Any, monkeypatch: pytest.MonkeyPatch) -> Knowing:
    model = Knowing()
    monkeypatch.setattr(predictions, "predictor", lambda version: model)
    serve_while_waiting(queue, monkeypatch)
    return model


def say(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def predict(*args: str) -> str:
    out = io.StringIO()
    call_command("predict", *args, stdout=out)
    return out.getvalue()


def refused(*args: str) -> tuple[int, str]:
    """The exit code, and the reason as the JSON has it."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("predict", *args, "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["status"], told["reason"]) == ("failed", str(caught.value))
    return caught.value.returncode, told["reason"]


def test_files_are_a_text_each(version: Version, knowing: Knowing, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("😀 Ada met\r\nBob.".encode())
    (tmp_path / "b.txt").write_text("Nobody came.")
    files = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    told = json.loads(predict("news", *files, "--json"))
    assert (told["status"], told["version"], [text["name"] for text in told["texts"]]) == ("done", 1, files)
    assert [(span["start"], span["end"], span["text"]) for span in told["texts"][0]["spans"]] == [
        (2, 5, "Ada"),
        (11, 14, "Bob"),
    ]
    assert predict("News", files[0]).splitlines()[1] == f"{files[0]}\t11\t14\tPER\t0.9700\tBob"
    assert knowing.asked == [2, 1]


def test_standard_input_is_one_text_or_one_a_line(
    version: Version, knowing: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(b"Ada left.\nBob stayed.\n", monkeypatch)
    assert predict("news", "-").splitlines()[1] == "-\t10\t13\tPER\t0.9700\tBob"
    say(b"Ada left.\nBob stayed.\n", monkeypatch)
    assert predict("news", "--lines", "-").splitlines()[1] == "-:2\t0\t3\tPER\t0.9700\tBob"
    assert knowing.asked == [1, 2]


def test_more_than_a_request_may_have_becomes_several(
    version: Version, knowing: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MOST_TEXTS", 2)
    monkeypatch.setattr(command, "PORTION", 6)
    say(b"Ada left.\n" * 3 + b"Bob went home.\n" * 2, monkeypatch)
    assert len(predict("news", "-", "--lines").splitlines()) == 5
    assert knowing.asked == [2, 1, 1, 1]


def test_a_portion_is_few_enough_words_to_be_read_in_time(
    version: Version, knowing: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(b"word " * 2_000 + b"\n" + b"word " * 2_000 + b"\n" + b"word " * 2_000, monkeypatch)
    predict("news", "-", "--lines")
    assert knowing.asked == [2, 1]


def test_a_full_line_is_waited_for(version: Version, knowing: Knowing, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    by_worker = asking.by_worker

    def full_at_first(*args: Any) -> Any:
        if not waited:
            raise line.full()
        return by_worker(*args)

    monkeypatch.setattr(asking, "by_worker", full_at_first)
    monkeypatch.setattr(time, "sleep", waited.append)
    say(b"Ada left.", monkeypatch)
    assert "Ada" in predict("news", "-")
    assert waited == [line.TRY_AGAIN]


def test_here_it_needs_neither_queue_nor_worker(by_heart: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    say(b"Ada met Bob in Oslo.", monkeypatch)
    [told] = json.loads(predict("news", "-", "--here", "--json"))["texts"]
    assert [(span["text"], span["label"]) for span in told["spans"]] == [
        ("Ada", "PER"),
        ("Bob", "PER"),
        ("Oslo", "LOC"),
    ]


def test_here_a_folder_that_is_gone_is_told(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    say(b"Ada left.", monkeypatch)
    code, _ = refused("news", "-", "--here")
    assert code == 1


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read: No such file"), (b"caf\xe9", "is not UTF-8 (byte 3)")]
)
def test_a_file_that_cannot_be_read_is_named(
    version: Version, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    code, told = refused("news", str(tmp_path / "a.txt"))
    assert (code, reason in told, "a.txt" in told) == (1, True, True)


def test_without_a_model_or_a_project_it_exits_with_1(project: Project) -> None:
    assert "no trained model yet" in refused("news", "-")[1]
    assert "There is no project" in refused("olds", "-")[1]


def test_without_a_worker_it_exits_with_3(version: Version, queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(annotate_queue, "workers_seen", lambda name: Workers(0, None))
    say(b"Ada left.", monkeypatch)
    code, told = refused("news", "-")
    assert (code, "No predict worker" in told, "--here" in told) == (3, True, True)


def test_without_a_queue_it_exits_with_3(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: Any) -> None:
        raise QueueDown("The job queue does not answer.")

    monkeypatch.setattr(line, "ask", down)
    say(b"Ada left.", monkeypatch)
    assert refused("news", "-")[0] == 3
