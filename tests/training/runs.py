"""Runs for tests: real ones, on an encoder small enough to train in a second."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from django.utils import timezone

from annotate.models import Document, Project, Source
from training import jobs
from training.models import Mistake, Run, Version

PROGRESS = {
    "phase": "training",
    "step": 7,
    "steps": 40,
    "epoch": 2,
    "epochs": 8,
    "loss": 0.51234,
    "words_per_second": 1234.5,
    "seconds_left": 130.2,
}
# The encoders of tests know nothing: frozen layers would teach them as little.
QUICK = {
    "epochs": 2,
    "learning_rate": 1e-3,
    "window": 64,
    "token_budget": 128,
    "frozen_share": 0.0,
    "frozen_at_last": 0.0,
}


def ask(project: Project, encoder: Path | None = None, **settings: Any) -> Run:
    """Queue a run, without ringing for a worker."""
    chosen = {"encoder": str(encoder)} if encoder else {}
    run, is_new = Run.objects.queue(project, None, **{**QUICK, **chosen, **settings})
    assert is_new
    return run


def learn(project: Project, encoder: Path, **settings: Any) -> Run:
    """Train in this process, as the worker would."""
    run = ask(project, encoder, **settings)
    jobs.train(run.pk)
    run.refresh_from_db()
    return run


def make_run(project: Project, status: str = "succeeded", **fields: Any) -> Run:
    return Run.objects.create(project=project, status=status, **fields)


def running(project: Project, **fields: Any) -> Run:
    now = timezone.now()
    return make_run(project, "running", claim=uuid4(), started_at=now, **{"heartbeat_at": now, **fields})


def make_version(project: Project, current: bool = False, f1: float = 0.5, **fields: Any) -> Version:
    """A version by name only: there is no folder."""
    source = Source.next_of(project, "model")
    run = fields.pop("run", None) or make_run(project, scores={"articles": {"training": 3, "validation": 2}})
    version = Version.objects.create(
        run=run,
        project=project,
        source=source,
        number=source.number,
        folder=f"models/{project.pk}/v{source.number}",
        labels=["PER"],
        scores={"f1": f1},
        **fields,
    )
    if current:
        version.promote()
    return version


def make_mistake(run: Run, document: Document, gold: str = "", said: str = "LOC Ada", kind: str = "") -> Mistake:
    """`gold="PER Ada"`: what people tagged, and what the model said, by the words in the text; of each one may lack."""
    fields: dict[str, Any] = {}
    for names, told in ((("label", "start", "end"), gold), (("said", "said_start", "said_end"), said)):
        label, _, words = told.partition(" ")
        if told:
            start = document.text.index(words)
            fields.update(zip(names, (label, start, start + len(words)), strict=True))
    probability = 0.87 if said else None
    kind = kind or ("spurious" if not gold else "label" if said else "missed")
    return Mistake.objects.create(run=run, document=document, kind=kind, probability=probability, **fields)
