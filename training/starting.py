"""Starting a training: by a click, by the API, or by itself, all in this one way."""

from contextlib import suppress
from typing import Any

from annotate.models import Document, Project, Split
from annotate.queue import QueueDown
from training import doorbell, encoders
from training.engine.recipe import RECIPES, STANDARD
from training.models import Run
from training.snapshot import nothing_finished


def start(project: Project, by: Any, settings: dict[str, Any], because: str = "") -> tuple[Run | None, str]:
    """The run that is asked for; or, with the reason in words, the one that is active already or none.

    `because` says why it starts where nobody has asked for it.
    """
    project.runs.all().close_stale()
    if told := why_not(project, encoders.chosen(project)):
        return None, told
    run, is_new = Run.objects.queue(project, by, because, **settings)
    if not is_new:
        return run, already_running(run)
    with suppress(QueueDown):  # the run waits in its row, and says what for
        doorbell.ring_for_run(run)
    return run, ""


def why_not(project: Project, encoder: encoders.Chosen, finished: dict[str, int] | None = None) -> str:
    """Why training cannot begin now, for the person who wants it to. Empty where it can."""
    if project.label_changes.unfinished().exists():
        return "The labels of this project are being changed. Training can begin when that is done."
    if gone := encoders.gone(encoder):
        return gone
    finished = finished or finished_articles(project)
    return "" if finished["training"] else nothing_finished(finished["validation"])


def already_running(run: Run) -> str:
    """Why no second training was asked for, and which one is in its place."""
    recipe = RECIPES[run.settings.get("recipe", STANDARD)].title
    return f"A training ({recipe}) is waiting or running already, so nothing new was started."


def finished_articles(project: Project) -> dict[str, int]:
    finished = Document.objects.filter(project=project).finished()
    return {
        "training": finished.in_split(Split.TRAIN).count(),
        "validation": finished.in_split(Split.VALIDATION).count(),
    }
