"""A training that was cut off behind a checkpoint goes on from it when somebody asks for it."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from annotate.models import Project
from tests.make import join, make_document, make_user
from tests.training.fake_queue import Rung
from tests.training.runs import ask, learn, make_run
from training import folders, heartbeat, jobs
from training.engine import shelf
from training.engine.fitting import Diverged
from training.engine.recipe import rate_for
from training.engine.shelf import DEFAULT
from training.models import Run, Version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("bell")]


@pytest.fixture(autouse=True)
def all_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every step, and every step reported."""
    monkeypatch.setattr("training.engine.checkpoints.Checkpoints.is_due", lambda self: True)
    monkeypatch.setattr("training.engine.progress.REPORT_EVERY", 0.0)


def seen_steps(monkeypatch: pytest.MonkeyPatch, cut_off_at: int = -1, by: Any = None) -> list[int]:
    """The steps of training that are told from now on; at one of them something happens."""
    told, steps = heartbeat.ProgressWriter.__call__, []

    def tell(self: heartbeat.ProgressWriter, progress: Any) -> None:
        told(self, progress)
        if progress.phase == "training":
            steps.append(progress.step)
            if progress.step == cut_off_at:
                by(self.hold)

    monkeypatch.setattr(heartbeat.ProgressWriter, "__call__", tell)
    return steps


def full_disk(hold: heartbeat.Hold) -> None:
    raise OSError(28, "No space left on device")


@pytest.fixture
def cut_off(newsroom: Project, encoder: Path) -> Run:
    """It failed in its eighth step."""
    with pytest.MonkeyPatch.context() as meanwhile:
        seen_steps(meanwhile, 8, full_disk)
        return learn(newsroom, encoder, epochs=12)


@pytest.fixture
def ada(newsroom: Project, client: Client) -> Client:
    client.force_login(join(newsroom, make_user("ada"), "annotator"))
    return client


def test_it_goes_on_from_its_checkpoint_on_the_articles_it_began_with(
    cut_off: Run, newsroom: Project, ada: Client, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (cut_off.status, cut_off.kept_step) == ("failed", 7)
    assert "What it had learnt by step 7 is kept: press Go on" in cut_off.error
    make_document("Ada met Bob in Oslo.", newsroom, finished=True, PER="Ada Bob")
    for address in (f"/runs/{cut_off.pk}/", f"/projects/{newsroom.slug}/training"):
        assert "Go on from step 7" in ada.get(address).content.decode()
    assert ada.post(f"/runs/{cut_off.pk}/go-on")["Location"] == f"/runs/{cut_off.pk}/"
    assert ("train", "training.jobs.train", cut_off.pk) in rung
    steps = seen_steps(monkeypatch)
    jobs.train(cut_off.pk)
    run = Run.objects.get(pk=cut_off.pk)
    assert (run.status, run.error, steps[0]) == ("succeeded", "", 7)
    assert [step for step, _ in run.losses] == list(range(1, run.losses[-1][0] + 1))  # the whole curve
    assert run.snapshot_hash == cut_off.snapshot_hash
    assert run.scores["articles"]["training"] == 3
    assert Version.objects.get().run == run
    assert not folders.begun(run).exists()


def test_a_worker_that_was_killed_leaves_its_checkpoint(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(hold: heartbeat.Hold) -> None:
        jobs.job_died(f"run-{hold.run_id}-1", "Its process was killed (SIGKILL).")
        raise heartbeat.Lost

    seen_steps(monkeypatch, 8, die)
    run = learn(newsroom, encoder, epochs=12)
    assert (run.status, run.can_go_on) == ("failed", True)
    assert "What it had learnt by step 7 is kept" in run.error


def test_the_late_end_of_the_old_process_does_not_end_what_was_sent_again(cut_off: Run) -> None:
    before = cut_off.job_id
    assert cut_off.go_on()
    assert cut_off.job_id == Run.objects.get(pk=cut_off.pk).job_id
    jobs.job_died(before, "Its process was killed (SIGKILL).")
    run = Run.objects.get(pk=cut_off.pk)
    assert (run.status, run.job_id == before) == ("queued", False)
    claimed = Run.objects.claim(run.pk)
    assert claimed is not None
    jobs.job_died(before, "Its process was killed (SIGKILL).")
    assert Run.objects.get(pk=run.pk).status == "running"
    jobs.job_died(claimed.job_id, "Its process was killed (SIGKILL).")
    assert Run.objects.get(pk=run.pk).status == "failed"


def test_what_cannot_be_read_any_more_is_begun_anew(cut_off: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (folders.begun(cut_off) / "begun.json").write_text("{")
    assert cut_off.go_on()
    steps = seen_steps(monkeypatch)
    jobs.train(cut_off.pk)
    assert steps[0] == 0
    assert Run.objects.get().status == "succeeded"


def test_what_diverged_would_diverge_again(newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(hold: heartbeat.Hold) -> None:
        raise Diverged("The loss became nan at step 8. Try a lower learning rate.")

    seen_steps(monkeypatch, 8, diverge)
    run = learn(newsroom, encoder, epochs=12)
    assert (run.status, run.can_go_on, "Go on" in run.error) == ("failed", False, False)
    assert not folders.begun(run).exists()


def test_taking_over_a_ready_model_leaves_a_training_what_it_needs(cut_off: Run, newsroom: Project) -> None:
    ready = make_run(newsroom, "running", kind=Run.Kind.READY, claim=uuid4())
    folders.fresh_aside(ready)
    assert (folders.begun(cut_off) / "begun.json").is_file()


def test_a_warm_start_learns_at_the_rate_of_the_model_it_goes_on_from(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(newsroom, encoder)
    monkeypatch.setattr(shelf, "width", lambda name: {str(encoder): 1024}.get(name, 384))
    run, _ = Run.objects.queue(newsroom, None, encoder=DEFAULT, epochs=1, warm_start=True)
    jobs.train(run.pk)
    run.refresh_from_db()
    assert (run.settings["encoder"], run.settings["learning_rate"]) == (str(encoder), rate_for(1024))


def test_another_training_takes_its_place(cut_off: Run, newsroom: Project, encoder: Path, ada: Client) -> None:
    other = ask(newsroom, encoder)
    page = ada.post(f"/runs/{cut_off.pk}/go-on", follow=True).content.decode()
    assert "This training cannot go on" in page
    assert "Go on from step" not in page
    jobs.train(other.pk)
    assert not folders.begun(cut_off).exists()
    assert Run.objects.get(pk=cut_off.pk).status == "failed"


def test_only_what_was_cut_off_behind_a_checkpoint_can_go_on(cut_off: Run, newsroom: Project) -> None:
    for fields in ({"status": "stopped"}, {"status": "succeeded"}, {"kept_step": 0}):
        Run.objects.filter(pk=cut_off.pk).update(**{"status": "failed", "kept_step": 7, **fields})
        assert not Run.objects.get(pk=cut_off.pk).go_on()
    assert not make_run(newsroom, "failed").go_on()


def test_a_stop_keeps_nothing(newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(hold: heartbeat.Hold) -> None:
        Run.objects.filter(pk=hold.run_id).update(stop_requested=True)
        hold._look(due=False)

    seen_steps(monkeypatch, 8, stop)
    run = learn(newsroom, encoder, epochs=12)
    assert run.status == "stopped"
    assert not folders.begun(run).exists()


def test_viewers_cannot_have_it_go_on(cut_off: Run, newsroom: Project, client: Client) -> None:
    client.force_login(join(newsroom, make_user("vera"), "viewer"))
    assert "Go on from step" not in client.get(f"/runs/{cut_off.pk}/").content.decode()
    assert client.post(f"/runs/{cut_off.pk}/go-on").status_code == 403
    assert client.get(f"/runs/{cut_off.pk}/go-on").status_code == 405
