"""A run's hold on its row: its sign of life, what it may write, and whether it has been told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from django.db import DatabaseError, connection
from django.utils import timezone

from training.models import Run, RunQuerySet, run

if TYPE_CHECKING:
    from training.engine.train import Progress

LOOK_EVERY = 1.0  # seconds between two looks at the row, which is how long a Stop may take to be heard
WRITE_EVERY = 0.5  # seconds between two writes of progress
MOST_LOSSES = 400  # points of the loss curve that are kept; beyond, every second one goes

log = logging.getLogger(__name__)


class Lost(Exception):
    """The claim does not hold any more: the row belongs to somebody else, or is closed. Nothing may be written."""


class Hold:
    """Holds a claimed run for as long as the `with` block lasts, and beats in a thread of its own."""

    def __init__(self, run: Run) -> None:
        self.run_id, self.claim = run.pk, run.claim
        self.lost = False
        self.stop_requested = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of run {run.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def row(self) -> RunQuerySet:
        return Run.objects.held(self.run_id, self.claim)

    def should_stop(self) -> bool:
        return self.lost or self.stop_requested

    def write(self, **fields: Any) -> None:
        """Write to the row. Raises Lost where it is not ours any more."""
        if not self.row().update(heartbeat_at=timezone.now(), **fields):
            self.lost = True
            raise Lost(f"run {self.run_id} is not ours any more")

    def _beat(self) -> None:
        try:
            beaten = time.monotonic()
            while not self._done.wait(LOOK_EVERY):
                due = time.monotonic() - beaten >= run.HEARTBEAT.total_seconds()
                beaten = time.monotonic() if due else beaten
                self._look(due)
        finally:
            connection.close()

    def _look(self, due: bool) -> None:
        try:
            if due:
                self.write()
            asked = self.row().values_list("stop_requested", flat=True).first()
            self.lost = self.lost or asked is None
            self.stop_requested = bool(asked)
        except Lost:
            log.warning("Run %s: the claim was lost, so training stops.", self.run_id)
        except DatabaseError as error:  # a moment without the database is no reason to give up hours of training
            log.warning("Run %s: no sign of life could be written (%s).", self.run_id, type(error).__name__)


class ProgressWriter:
    """Writes the engine's reports to the row, twice a second at most. Raises Lost."""

    def __init__(self, hold: Hold, losses: Sequence[float] = ()) -> None:
        """losses: of the steps that a run which is gone on with has done."""
        self.hold = hold
        self.losses: list[tuple[int, float]] = []
        for step, loss in enumerate(losses, start=1):
            self._remember(step, loss)
        self.phase = ""
        self.written = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "training" and progress.loss is not None:
            self._remember(progress.step, progress.loss)
        over = progress.step >= progress.steps
        if progress.phase == self.phase and not over and time.monotonic() - self.written < WRITE_EVERY:
            return
        self.phase, self.written = progress.phase, time.monotonic()
        try:
            self.hold.write(progress=progress._asdict(), losses=self.losses)
        except DatabaseError as error:
            log.warning("Run %s: progress could not be written (%s).", self.hold.run_id, type(error).__name__)

    def _remember(self, step: int, loss: float) -> None:
        if self.losses and self.losses[-1][0] == step:
            return
        self.losses.append((step, round(loss, 5)))
        if len(self.losses) > MOST_LOSSES:
            del self.losses[1:-1:2]
