"""What a run keeps on the disk from time to time, so that it can go on after its process died."""

import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from training.engine.folder import flush

EVERY = 300.0  # seconds of training between two checkpoints: what a crash may cost
SEAL = "whole.json"  # written last: a checkpoint without it was cut off and is none

log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """The last one: its folder, the steps done, and what else was told when it was kept."""

    folder: Path
    step: int
    told: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, in a folder of theirs; transformers' Trainer writes what they hold.

    on_kept is called with the step of each that is whole; it may raise.
    """

    def __init__(self, folder: Path, on_kept: Callable[[int], None] = lambda step: None, every: float = EVERY) -> None:
        self.folder = folder
        self.on_kept = on_kept
        self.every = every
        self.kept_at = time.monotonic()

    def last(self) -> Checkpoint | None:
        """Find the last whole one."""
        found = [checkpoint for folder in self.folder.glob("checkpoint-*") if (checkpoint := _read(folder))]
        return max(found, key=lambda checkpoint: checkpoint.step, default=None)

    def clear(self) -> None:
        """Remove all of them: training begins anew."""
        for folder in self.folder.glob("checkpoint-*"):
            shutil.rmtree(folder, ignore_errors=True)  # several processes do so at once

    def is_due(self) -> bool:
        return time.monotonic() - self.kept_at >= self.every

    def seal(self, step: int, told: dict[str, Any]) -> None:
        """Say that the checkpoint of this step is whole."""
        folder = self.folder / f"checkpoint-{step}"
        flush(folder)
        (folder / SEAL).write_text(json.dumps({"step": step, "told": told}))
        flush(folder)
        for other in self.folder.glob("checkpoint-*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        self.kept_at = time.monotonic()
        self.on_kept(step)


def _read(folder: Path) -> Checkpoint | None:
    try:
        seal = json.loads((folder / SEAL).read_text())
        return Checkpoint(folder, seal["step"], seal["told"])
    except FileNotFoundError:  # cut off while it was written
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("Checkpoint %s cannot be read (%s).", folder, type(error).__name__)
        return None
