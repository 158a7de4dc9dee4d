"""What a training leaves on the disk until it ends: what it began with, and its checkpoints. It goes on from them."""

from __future__ import annotations

import json
import logging
import shutil
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from training import folders, snapshot
from training.models import Run
from training.snapshot import Snapshot

if TYPE_CHECKING:
    from training.engine.checkpoints import Checkpoints
    from training.engine.recipe import Settings
    from training.engine.train import Start
    from training.heartbeat import Hold

NAME = "begun.json"

log = logging.getLogger(__name__)


class Beginning(NamedTuple):
    """What a training began with, and must have again to go on."""

    frozen: Snapshot
    settings: Settings
    start: Start | None


def checkpoints(run: Run, hold: Hold) -> Checkpoints:
    """Where the run keeps its state; its row says which step was kept last."""
    from training.engine.checkpoints import Checkpoints

    return Checkpoints(folders.begun(run), lambda step: hold.write(kept_step=step))


def write(run: Run, beginning: Beginning) -> None:
    folder = folders.begun(run)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    frozen, settings, start = beginning
    told = {
        "settings": settings.as_dict(),
        "start": {"folder": str(start.folder), "renamed": dict(start.renamed)} if start else None,
        "snapshot": frozen.hash,
        "blind": frozen.blind,
        "unknown": frozen.unknown,
        "labels": frozen.labels,
        "labels_at": frozen.labels_at,
        "offsets": [list(offsets) for offsets in frozen.offsets],
    }
    (folder / NAME).write_text(json.dumps(told), encoding="utf-8")


def read(run: Run) -> Beginning | None:
    """What the run began with, where it left a checkpoint; None where it is to begin anew."""
    if not run.kept_step:
        return None
    try:
        return _read(folders.begun(run))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("Run %s begins anew: what it had kept cannot be read (%s).", run.pk, type(error).__name__)
        return None


def _read(folder: Path) -> Beginning:
    from training.engine.checkpoints import Checkpoints
    from training.engine.recipe import Settings
    from training.engine.train import Start

    told: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    start = Start(Path(told["start"]["folder"]), told["start"]["renamed"]) if told["start"] else None
    if Checkpoints(folder).last() is None or (start and not start.folder.is_dir()):
        raise FileNotFoundError(folder)
    articles = snapshot.read(snapshot.snapshots_folder() / told["snapshot"])
    frozen = Snapshot(
        told["snapshot"],
        told["labels"],
        articles["train"],
        articles.get("validation", []),
        told["blind"],
        told["unknown"],
        told["labels_at"],
        [array("I", offsets) for offsets in told["offsets"]],
    )
    return Beginning(frozen, Settings(**told["settings"]), start)


def clear(run: Run) -> None:
    shutil.rmtree(folders.begun(run), ignore_errors=True)
