"""Train from the command line. The row is read for progress, so it tells what the page tells."""

import json
import time
from argparse import ArgumentParser
from threading import Thread
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from annotate.management.base import STOPPED as STOPPED_BY_HAND
from annotate.management.base import progress as progress_bar
from annotate.management.finding import project_named
from annotate.queue import QueueDown
from training import doorbell, jobs, predictions, telling
from training.models import Run, Version

LOOK_EVERY = 0.5  # seconds
NOBODY = 3  # the exit code where no worker is there
NO_WORKER = (
    "No training worker is running. The training waits in the queue and begins when one is started: "
    "`make run`, or `python manage.py worker train`. To train in this process instead: --here."
)
NO_QUEUE = "The training is stored and begins when it does."
STOPPED = "The training was stopped."


class Command(BaseCommand):
    help = (
        "Train a model on a project's finished articles. Exit code 0: done, 1: failed or stopped, 3: no worker is there"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's short name, as in its address, or its name")
        parser.add_argument("--wait", action="store_true", help="wait for the end, with a progress bar")
        parser.add_argument("--here", action="store_true", help="train in this process, without queue or worker; waits")
        parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object, whatever it is")

    def handle(self, *args: Any, project: str, wait: bool, here: bool, **options: Any) -> None:
        try:
            found = project_named(project)
        except CommandError as error:
            if options["json"]:
                self._print({"status": "refused", "run": None, "reason": str(error)})
            raise
        Run.objects.close_stale()
        run, is_new = Run.objects.queue(found, None)
        if not is_new:
            self.stderr.write("A training of this project is waiting or running already; nothing new was started.")
        nobody, code = "", NOBODY
        try:
            if here and is_new:
                _train_here(run)
            else:
                nobody = _through_queue(run, is_new, wait or here)
        except KeyboardInterrupt:  # of somebody who waited for a worker's run
            nobody, code = (
                f"Nobody waits here any more. Run {run.pk} goes on; it can be stopped on its page.",
                STOPPED_BY_HAND,
            )
        run.refresh_from_db()
        self._tell(run, is_new, nobody, options["json"])
        if nobody:
            raise CommandError(nobody, returncode=code)
        if run.status in (Run.Status.FAILED, Run.Status.STOPPED):
            raise CommandError(run.error or STOPPED, returncode=1)

    def _tell(self, run: Run, is_new: bool, nobody: str, as_json: bool) -> None:
        outcome = _outcome(run, nobody) | {"started": is_new}
        if as_json:
            self._print(outcome)
        elif run.status == Run.Status.SUCCEEDED:
            self.stdout.write(f"Version {outcome['version']}. {outcome['reason']}")
            if outcome["scores"]:
                scores = outcome["scores"]
                names = ("precision", "recall", "f1", "accuracy")
                self.stdout.write("  ".join(f"{name} {scores[name]:.3f}" for name in names))
            else:
                self.stdout.write(telling.why_no_score(outcome["articles"]))
        elif run.is_active:
            self.stdout.write(f"Run {run.pk} is {run.get_status_display().lower()}.")

    def _print(self, outcome: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(outcome, indent=2))


def _through_queue(run: Run, is_new: bool, wait: bool) -> str:
    """Have a worker train. Answers why none can, in which case the run waits; empty where one can."""
    try:
        if is_new:
            doorbell.ring_for_run(run)
    except QueueDown as down:
        return f"{down} {NO_QUEUE}"
    if run.status == Run.Status.QUEUED:
        seen = doorbell.look()
        if seen.queue_down:
            return f"{seen.queue_down} {NO_QUEUE}"
        if not seen.workers:
            return NO_WORKER
    if wait:
        _watch(run)
    return ""


def _train_here(run: Run) -> None:
    """Train in a thread while this one shows how far it is, then make the next articles' suggestions."""
    worker = Thread(target=_train_and_close, args=(run.pk,))
    worker.start()
    try:
        _watch(run)
    except KeyboardInterrupt:
        run.stop()
    finally:
        worker.join()
    version = Version.objects.select_related("project").filter(run=run).first()
    if version is not None and version.is_current:
        predictions.fill(version, "next")


def _train_and_close(run_id: int) -> None:
    try:
        jobs.train(run_id)
    finally:
        connection.close()


def _watch(run: Run) -> None:
    """Show the row's progress until the run is over."""
    with progress_bar("", 0, "step", dynamic_ncols=True) as bar:
        while run.is_active:
            time.sleep(LOOK_EVERY)
            Run.objects.filter(pk=run.pk).close_stale()
            run.refresh_from_db()
            progress = run.progress
            bar.total, bar.n = progress.get("steps", 0), progress.get("step", 0)
            bar.set_description(
                "Waiting" if run.status == Run.Status.QUEUED else telling.phase(progress), refresh=False
            )
            loss = progress.get("loss")
            bar.set_postfix_str("" if loss is None else f"loss {loss:.3f}", refresh=False)
            bar.refresh()


def _outcome(run: Run, nobody: str) -> dict[str, Any]:
    """`reason` says in words why it ended as it did, or why nothing moves."""
    stopped = STOPPED if run.status == Run.Status.STOPPED else ""
    version = Version.objects.filter(run=run).first()
    return {
        "run": run.pk,
        "project": run.project.slug,
        "status": run.status,
        "version": version.number if version else None,
        "folder": version.folder if version else None,
        "promoted": run.promoted,
        "reason": nobody or run.error or stopped or run.scores.get("decision", {}).get("reason", ""),
        "error": run.error,
        "scores": run.scores.get("candidate"),
        "before": run.scores.get("current"),
        "articles": run.scores.get("articles", {}),
        "settings": run.settings,
        "snapshot": run.snapshot_hash,
        "seconds": round(run.duration.total_seconds(), 1) if run.duration else None,
    }
