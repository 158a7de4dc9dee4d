"""Workers killed in mid-training, with real processes on a real queue."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotate.models import Project
from tests.config.watching import alive, eventually
from tests.make import make_user
from tests.training.runs import ask
from training import doorbell
from training.models import Run, Version
from training.models.run import HEARTBEAT, STALE_AFTER

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 150.0  # seconds; a worker imports torch first, and the machine may be busy
LONG = 20_000  # epochs, a few minutes: it goes on until it is killed
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start_worker(queue: Any, tmp_path: Path) -> Iterator[Start]:
    """Starts `manage.py worker train` on the tests' database and queue."""
    if connection.vendor != "sqlite":
        pytest.skip("the worker is given the tests' database as a file")
    database = connection.settings_dict["NAME"]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "TAGDESK_DATA": str(settings.TAGDESK_DATA),
        "DATABASE_URL": f"sqlite:///{database}",
        "OMP_NUM_THREADS": "1",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "worker", "train"]
        with (tmp_path / "worker.log").open("ab") as log:
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        for child in children_of(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait()


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in (Path("/proc") / f"{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def begin(project: Project, encoder: Path, epochs: int) -> Run:
    run = ask(project, encoder, epochs=epochs)
    doorbell.ring_for_run(run)
    return run


def in_mid_training(run: Run) -> bool:
    run.refresh_from_db()
    return bool(run.progress.get("phase") == "training" and run.progress["step"])


def has_ended(run: Run) -> bool:
    run.refresh_from_db()
    return not run.is_active


def retrain_works(project: Project, encoder: Path) -> None:
    run = begin(project, encoder, epochs=1)
    assert eventually(lambda: has_ended(run), PATIENCE), run.status
    assert (run.status, run.error) == ("succeeded", "")
    assert Version.objects.get().run == run
    assert [path.name for path in (settings.TAGDESK_DATA / "models" / str(project.pk)).iterdir()] == ["v1"]


@pytest.mark.slow
def test_a_killed_child_fails_its_run_at_once_and_retrain_works_again(
    newsroom: Project, encoder: Path, start_worker: Start
) -> None:
    worker = start_worker()
    run = begin(newsroom, encoder, LONG)
    assert eventually(lambda: in_mid_training(run), PATIENCE)
    (child,) = children_of(worker.pid)
    os.kill(child, signal.SIGKILL)
    assert eventually(lambda: has_ended(run), PATIENCE)
    assert run.status == "failed"
    assert "Its process was killed (SIGKILL)" in run.error
    assert not alive(child)
    assert worker.poll() is None
    retrain_works(newsroom, encoder)


@pytest.mark.slow
@pytest.mark.parametrize("patient", [False, True])
def test_a_killed_parent_takes_its_child_along_and_the_next_look_tells(
    newsroom: Project, encoder: Path, start_worker: Start, client: Client, patient: bool
) -> None:
    client.force_login(make_user(is_superuser=True))
    worker = start_worker()
    run = begin(newsroom, encoder, LONG)
    assert eventually(lambda: in_mid_training(run), PATIENCE)
    (child,) = children_of(worker.pid)
    worker.kill()
    worker.wait()
    assert eventually(lambda: not alive(child)), "an orphan works on"
    run.refresh_from_db()
    if not patient:  # as if the time had passed
        Run.objects.update(heartbeat_at=timezone.now() - STALE_AFTER - HEARTBEAT)

    def looked() -> str:
        return client.get(f"/projects/{newsroom.slug}/training").content.decode()

    assert eventually(lambda: "without a word" in looked(), PATIENCE)
    written = Run.objects.filter(pk=run.pk).values("progress", "losses", "claim").get()
    assert written == {"progress": run.progress, "losses": run.losses, "claim": run.claim}
    assert "press Retrain to try again" in looked()
    assert 'id="retrain"' in looked()
    start_worker()
    retrain_works(newsroom, encoder)
