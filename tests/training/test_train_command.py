import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotate import queue as annotate_queue
from annotate.models import Document, Prediction, Project
from annotate.queue import QueueDown, Workers
from tests.make import make_project
from tests.training.fake_queue import FakeQueue
from tests.training.runs import QUICK, make_run
from training import folders, jobs
from training.engine.progress import Stopped
from training.engine.recipe import Settings
from training.management.commands import train as command
from training.models import Run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, encoder: Path) -> None:
    settings = Settings(encoder=str(encoder), **QUICK)  # type: ignore[arg-type]
    monkeypatch.setattr(Settings, "for_data", lambda *args, **kwargs: settings)
    monkeypatch.setattr(command, "LOOK_EVERY", 0.05)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that answers, and no worker."""
    monkeypatch.setattr(annotate_queue, "enqueue", lambda *args, **kwargs: None)
    monkeypatch.setattr(annotate_queue, "workers_seen", lambda *args: Workers(0, None))


def train(*args: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("train", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refused(*args: str) -> dict[str, Any]:
    """The JSON on standard output of a command that ends with an error."""
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("train", *args, stdout=out, stderr=io.StringIO())
    outcome: dict[str, Any] = json.loads(out.getvalue())
    return outcome


def test_it_trains_here_and_prints_the_outcome_as_json(newsroom: Project, nobody: None) -> None:
    outcome = json.loads(train(newsroom.slug, "--here", "--json")[0])
    run = Run.objects.get()
    assert (outcome["run"], outcome["status"], outcome["version"]) == (run.pk, "succeeded", 1)
    assert outcome["promoted"] is outcome["started"] is True
    assert outcome["scores"]["per_label"].keys() <= {"PER", "LOC"}
    assert outcome["articles"]["training"] == 3
    assert outcome["snapshot"] == run.snapshot_hash


def test_training_here_leaves_suggestions_too(newsroom: Project, nobody: None) -> None:
    train(newsroom.slug, "--here")
    assert Prediction.objects.count() == 4


def test_it_prints_the_scores_for_people_and_says_why_there_are_none(newsroom: Project, nobody: None) -> None:
    out = train("Newsroom", "--here")[0]
    assert "Version 1. Promoted" in out
    assert "precision 0." in out
    Document.objects.in_split("validation").delete()
    assert "No score yet: none of the held-out articles" in train("Newsroom", "--here")[0]


def test_a_failed_training_exits_with_1_and_the_reason(transactional_db: None, nobody: None) -> None:
    project = make_project()
    with pytest.raises(CommandError, match="Finish at least one article first") as caught:
        train(project.slug, "--here")
    assert caught.value.returncode == 1


def test_a_stopped_training_exits_with_1(newsroom: Project, nobody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(run: Run, hold: Any) -> None:
        run.stop()
        raise Stopped

    monkeypatch.setattr(jobs, "learn", stopped)
    with pytest.raises(CommandError, match="was stopped") as caught:
        train(newsroom.slug, "--here")
    assert caught.value.returncode == 1


def test_ctrl_c_stops_the_training_and_leaves_nothing(
    newsroom: Project, nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(run: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_watch", interrupted)
    with pytest.raises(CommandError, match="was stopped"):
        train(newsroom.slug, "--here")
    assert Run.objects.get().status == "stopped"
    folder = folders.models_folder(newsroom)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_ctrl_c_while_waiting_leaves_the_workers_training_alone(
    newsroom: Project, bell: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(run: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_watch", interrupted)
    with pytest.raises(CommandError, match="goes on; it can be stopped on its page") as caught:
        train(newsroom.slug, "--wait")
    assert caught.value.returncode == 130
    run = Run.objects.get()
    assert (run.status, run.stop_requested) == ("queued", False)


def test_without_a_worker_it_exits_with_3_and_the_run_waits(newsroom: Project, nobody: None) -> None:
    with pytest.raises(CommandError, match="No training worker is running") as caught:
        train(newsroom.slug, "--wait")
    assert caught.value.returncode == 3
    assert Run.objects.get().status == "queued"


def test_without_a_queue_it_exits_with_3_and_the_run_waits(newsroom: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise QueueDown("The job queue does not answer.")

    monkeypatch.setattr(annotate_queue, "enqueue", down)
    with pytest.raises(CommandError, match="does not answer") as caught:
        train(newsroom.slug)
    assert caught.value.returncode == 3
    assert Run.objects.get().status == "queued"


def test_a_second_ask_starts_nothing_and_says_so(
    newsroom: Project, nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(newsroom, "queued")
    monkeypatch.setattr(annotate_queue, "workers_seen", lambda *args: Workers(1, None))
    out, err = train(newsroom.slug, "--json")
    assert (json.loads(out)["run"], json.loads(out)["started"]) == (run.pk, False)
    assert "nothing new was started" in err


def test_a_second_ask_without_a_queue_says_that_it_is_the_queue(newsroom: Project, bell: FakeQueue) -> None:
    make_run(newsroom, "queued")
    bell.is_down = True
    with pytest.raises(CommandError, match="does not answer") as caught:
        train(newsroom.slug)
    assert caught.value.returncode == 3


@pytest.mark.parametrize("queue_down", [True, False])
@pytest.mark.parametrize("is_waiting", [True, False])
def test_json_is_printed_last_where_nobody_trains(
    newsroom: Project, bell: FakeQueue, queue_down: bool, is_waiting: bool
) -> None:
    if is_waiting:
        make_run(newsroom, "queued")
    bell.is_down, bell.workers = queue_down, 0
    outcome = refused(newsroom.slug, "--json")
    assert (outcome["status"], outcome["run"], outcome["started"]) == ("queued", Run.objects.get().pk, not is_waiting)
    assert ("does not answer" if queue_down else "No training worker") in outcome["reason"]


def test_json_is_printed_last_where_training_fails_is_stopped_or_cannot_be_asked_for(
    newsroom: Project, nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Document.objects.all().delete()
    failed = refused(newsroom.slug, "--here", "--json")
    assert (failed["status"], failed["reason"]) == ("failed", failed["error"])
    assert failed["reason"]

    def stopped(run: Run, hold: Any) -> None:
        raise Stopped

    monkeypatch.setattr(jobs, "learn", stopped)
    ended = refused(newsroom.slug, "--here", "--json")
    assert (ended["status"], ended["reason"]) == ("stopped", "The training was stopped.")
    unknown = refused("nowhere", "--json")
    assert (unknown["status"], unknown["run"]) == ("refused", None)
    assert "no project" in unknown["reason"]


@pytest.mark.parametrize(("name", "words"), [("nowhere", "no project “nowhere”"), ("Twins", "Several projects")])
def test_an_unknown_or_doubtful_project_is_refused_with_those_there_are(db: None, name: str, words: str) -> None:
    for _ in range(2):
        make_project("Twins")
    with pytest.raises(CommandError, match=rf"{words}.*twins, twins-2"):
        train(name)
