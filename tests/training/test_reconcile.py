"""Real trainings of a tiny encoder, as the worker runs them."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from annotate import queue as annotate_queue
from annotate.models import Project
from annotate.queue import QueueDown
from tests.training.fake_queue import Rung
from tests.training.runs import ask, learn, make_run
from training import doorbell, jobs
from training.models import Run, Version

pytestmark = pytest.mark.usefixtures("rung")


def test_a_silent_run_is_failed_with_the_reason_and_retrain_works_again(newsroom: Project, encoder: Path) -> None:
    lately = timezone.now() - timedelta(seconds=46)
    silent = make_run(newsroom, "running", claim=uuid4(), heartbeat_at=lately)
    jobs.reconcile()
    silent.refresh_from_db()
    assert silent.status == "failed"
    assert f"The worker stopped at {timezone.localtime(lately):%H:%M} without a word" in silent.error
    assert "press Retrain to try again" in silent.error
    assert learn(newsroom, encoder).status == "succeeded"


def test_a_run_that_beats_is_left_alone(newsroom: Project) -> None:
    alive = make_run(newsroom, "running", claim=uuid4(), heartbeat_at=timezone.now() - timedelta(seconds=30))
    jobs.reconcile()
    alive.refresh_from_db()
    assert alive.status == "running"


def test_a_queued_run_whose_job_is_lost_is_rung_for_again(newsroom: Project, rung: Rung) -> None:
    run = ask(newsroom)
    jobs.reconcile()
    assert rung == []  # a worker may be taking it this moment
    Run.objects.update(created_at=timezone.now() - timedelta(seconds=6))
    jobs.reconcile()
    assert rung == [("train", "training.jobs.train", run.pk)]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("check", ("io", "training.jobs.check_encoder")), ("ready", ("io", "training.jobs.take_over"))],
)
def test_what_is_no_training_is_rung_for_where_it_is_done(
    newsroom: Project, rung: Rung, kind: str, sent: tuple[str, str]
) -> None:
    run = make_run(newsroom, "queued", kind=kind)
    Run.objects.update(created_at=timezone.now() - timedelta(seconds=6))
    jobs.reconcile()
    assert rung == [(*sent, run.pk)]


@pytest.mark.parametrize(("kind", "words"), [("check", "check it again"), ("ready", "take it over again")])
def test_a_silent_worker_is_told_with_what_to_do_again(newsroom: Project, kind: str, words: str) -> None:
    lately = timezone.now() - timedelta(seconds=46)
    silent = make_run(newsroom, "running", kind=kind, claim=uuid4(), heartbeat_at=lately)
    jobs.reconcile()
    silent.refresh_from_db()
    assert silent.error.endswith(f"Nothing it did was kept; {words}.")


def test_a_queued_run_whose_job_waits_is_left_alone(
    newsroom: Project, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(newsroom)
    Run.objects.update(created_at=timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(annotate_queue, "position", lambda *args: 3)
    jobs.reconcile()
    assert rung == []


def test_reconcile_lives_without_a_queue(newsroom: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: Any) -> None:
        raise QueueDown("The job queue does not answer.")

    for name in ("position", "length", "workers_seen"):
        monkeypatch.setattr(annotate_queue, name, down)
    run = ask(newsroom)
    jobs.reconcile()
    run.refresh_from_db()
    assert run.status == "queued"
    assert doorbell.wait(run).queue_down == "The job queue does not answer."


def test_a_killed_process_is_told_at_once(newsroom: Project) -> None:
    run = ask(newsroom)
    Run.objects.claim(run.pk)
    jobs.job_died(run.job_id, "Its process was killed (SIGKILL).")
    jobs.job_died("check-import-7", "whatever")
    run.refresh_from_db()
    assert run.status == "failed"
    assert "was killed (SIGKILL)" in run.error


def test_a_process_killed_before_it_claims_is_told_too(newsroom: Project) -> None:
    run = ask(newsroom)
    jobs.job_died(run.job_id, "Its process was killed (SIGKILL).")
    run.refresh_from_db()
    assert run.status == "failed"


def test_a_run_that_another_worker_holds_outlives_a_second_delivery(
    newsroom: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(newsroom)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("training.models.run.WORKER", uuid4())
        assert Run.objects.claim(run.pk)
    jobs.job_died(run.job_id, "Its process was killed (SIGKILL).")
    run.refresh_from_db()
    assert (run.status, run.error) == ("running", "")


def test_a_run_that_has_ended_stays_as_it_ended(newsroom: Project) -> None:
    run = make_run(newsroom, "succeeded")
    jobs.job_died(run.job_id, "too late")
    run.refresh_from_db()
    assert (run.status, run.error) == ("succeeded", "")


def test_a_second_ask_starts_nothing(newsroom: Project) -> None:
    first = ask(newsroom)
    second, is_new = Run.objects.queue(newsroom, None)
    assert (second, is_new) == (first, False)


def test_a_waiting_run_is_stopped_at_once(newsroom: Project, encoder: Path) -> None:
    run = ask(newsroom, encoder)
    run.stop()
    assert (run.status, run.is_active) == ("stopped", False)
    jobs.train(run.pk)
    assert Version.objects.count() == 0
