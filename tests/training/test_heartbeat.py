from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotate.models import Project
from tests.config.watching import eventually
from tests.training.runs import make_run, running
from training import heartbeat
from training.heartbeat import Hold, Lost
from training.models import Run


def test_losses_stay_few_and_keep_both_ends(newsroom: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "MOST_LOSSES", 10)
    writer = heartbeat.ProgressWriter(Hold(make_run(newsroom, "running", claim=uuid4())))
    for step in range(100):
        writer._remember(step, 1.0)
    steps = [step for step, _ in writer.losses]
    assert (steps[0], steps[-1]) == (0, 99)
    assert steps == sorted(set(steps))
    assert len(steps) <= 11


def test_writing_without_the_claim_raises(newsroom: Project) -> None:
    run = make_run(newsroom, "running", claim=uuid4(), heartbeat_at=timezone.now())
    hold = Hold(run)
    hold.write(progress={"step": 1})
    Run.objects.update(claim=uuid4())
    with pytest.raises(Lost):
        hold.write(progress={"step": 2})
    run.refresh_from_db()
    assert run.progress == {"step": 1}


def test_it_beats_by_itself_while_training_has_nothing_to_say(
    newsroom: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "LOOK_EVERY", 0.01)
    monkeypatch.setattr("training.models.run.HEARTBEAT", timedelta(seconds=0.02))
    silent = timezone.now() - timedelta(seconds=44)
    with Hold(running(newsroom, heartbeat_at=silent)):
        assert eventually(lambda: not Run.objects.filter(heartbeat_at=silent).exists())
