"""What webhooks are told of trainings and models."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from annotate.models import Delivery, Project, Webhook
from tests.training.fake_queue import FakeQueue
from tests.training.runs import ask, learn, make_run, make_version, running
from training import jobs
from training.models import Run

EVENTS = ["run.ended", "version.promoted"]


@pytest.fixture
def webhook(newsroom: Project, bell: FakeQueue) -> Webhook:
    return Webhook.objects.create(project=newsroom, address="https://example.org/", events=EVENTS)


def told() -> list[tuple[str, Any]]:
    rows = [(one.event, json.loads(one.body)["data"]) for one in Delivery.objects.order_by("pk")]
    return [(event, data["run"] if event == "run.ended" else data["version"]) for event, data in rows]


def test_a_training_that_ended_and_the_model_it_left_are_told(webhook: Webhook, encoder: Path) -> None:
    run = learn(webhook.project, encoder)
    address = f"/api/v1/runs/{run.pk}"
    version = {"number": 1, "run": run.pk, "address": address}
    ended = {"id": run.pk, "kind": "train", "status": "succeeded", "address": address}
    assert told() == [("version.promoted", version), ("run.ended", ended)]


def test_one_that_was_stopped_or_went_silent_has_ended_too(webhook: Webhook) -> None:
    stopped = ask(webhook.project)
    stopped.stop()
    stopped.stop()
    silent = running(webhook.project, heartbeat_at=timezone.now() - timedelta(minutes=5))
    jobs.reconcile()
    jobs.reconcile()
    ended = [(one["id"], one["status"]) for _, one in told()]
    assert ended == [(stopped.pk, "stopped"), (silent.pk, "failed")]


@pytest.mark.parametrize("kind", ["check", "curve"])
def test_what_nobody_waits_for_is_not_told(webhook: Webhook, kind: str) -> None:
    make_run(webhook.project, "queued", kind=kind).stop()
    assert Run.objects.get().status == "stopped"
    assert told() == []


def test_a_model_made_current_by_hand_is_told(webhook: Webhook) -> None:
    version = make_version(webhook.project)
    version.promote()
    assert [(event, one["number"]) for event, one in told()] == [("version.promoted", version.number)]
