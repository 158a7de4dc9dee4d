"""Tell how far a run is, and stop it where somebody asked."""

import time
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, NamedTuple

REPORT_EVERY = 0.25  # seconds between two reports within a phase, so that reporting costs nothing


class Stopped(Exception):
    """Somebody asked the run to stop."""


class Progress(NamedTuple):
    """Where a run stands. Phases: "preparing", "training", "scoring", "saving"; the steps are those of the phase.

    loss is that of the last step; loss, words_per_second (read in training) and seconds_left (of the phase) are None
    where they are not known.
    """

    phase: str
    step: int
    steps: int
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    words_per_second: float | None = None
    seconds_left: float | None = None


class Reporter:
    """Pass progress on, not too often, and ask at every step whether to stop."""

    def __init__(self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> None:
        self.on_progress = on_progress
        self.should_stop = should_stop
        self.phase_began = self.last_report = 0.0
        self.phase, self.first_step = "", 0

    def __call__(self, progress: Progress) -> None:
        """Report this progress, with the time left filled in. Raises Stopped."""
        if self.should_stop():
            raise Stopped
        now = time.monotonic()
        if progress.phase != self.phase:
            self.phase, self.phase_began, self.last_report = progress.phase, now, 0.0
            self.first_step = progress.step  # not 0 where training goes on
        if now - self.last_report < REPORT_EVERY and progress.step < progress.steps:
            return
        self.last_report = now
        done = progress.step - self.first_step
        left = (now - self.phase_began) / done * (progress.steps - progress.step) if done else None
        self.on_progress(progress._replace(seconds_left=left))


class Pace:
    """Turn the steps of training into progress, and keep the loss curve."""

    def __init__(self, words_in_epoch: int, batches: Sequence[Sequence[object]], at_once: int = 1) -> None:
        """at_once: how many batches are read in a step, one by each process."""
        self.ends = [ceil(sum(map(len, batches[: epoch + 1])) / at_once) for epoch in range(len(batches))]
        self.at_once = at_once
        self.words_in_epoch = words_in_epoch
        self.losses: list[float] = []
        self.began = time.monotonic()
        self.seconds = 0.0

    def told(self) -> dict[str, Any]:
        """Give what `go_on` wants to be told."""
        return {"losses": self.losses, "seconds": self.seconds, "at_once": self.at_once}

    def go_on(self, told: dict[str, Any]) -> bool:
        """Go on from what was told, when training was cut off; not where its steps were others."""
        if told["at_once"] != self.at_once:
            return False
        self.losses = list(told["losses"])
        self.began = time.monotonic() - told["seconds"]
        return True

    def progress(self, step: int, loss: float | None) -> Progress:
        """Describe the state after `step` steps, 0 before the first."""
        self.seconds = time.monotonic() - self.began
        if loss is not None:
            self.losses.append(round(loss, 5))
        epoch = sum(step > end for end in self.ends)
        return Progress(
            "training",
            step,
            self.ends[-1],
            min(epoch + 1, len(self.ends)),
            len(self.ends),
            loss,
            self.words_per_second(step) if step else None,
        )

    def words_per_second(self, step: int) -> float:
        """Say how many words of the articles were read per second, each word once an epoch."""
        read = self.words_in_epoch * len(self.ends) * step / self.ends[-1]
        return read / max(self.seconds, 1e-9)
