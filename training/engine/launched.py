"""What a launched process does: it carries out the order of a folder, alone or together with others."""

import fcntl
import json
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

from training.engine import ranks, run_folder
from training.engine.checkpoints import Checkpoints
from training.engine.train import Result, train

USAGE = "usage: python -m training.engine.train RUN_FOLDER"


def main() -> None:
    if len(sys.argv) != 2 or not (folder := Path(sys.argv[1])).is_dir():
        sys.exit(USAGE)
    try:
        result = carry_out(folder)
    except Exception as error:  # whatever it is: who started this learns it from the folder
        run_folder.write_result(folder, {"error": type(error).__name__, "message": str(error)})
        traceback.print_exc()
        sys.exit(1)
    if ranks.rank() == 0:
        run_folder.write_result(folder, result._asdict())


def carry_out(folder: Path) -> Result:
    """Train what the folder orders; the first process leaves the model there. Raises what `train` raises."""
    order = run_folder.read_order(folder)
    first = ranks.rank() == 0
    if first:
        shutil.rmtree(folder / run_folder.MODEL, ignore_errors=True)
    return train(
        order.settings,
        order.labels,
        order.training,
        order.validation if first else [],
        folder / run_folder.MODEL if first else None,
        (lambda progress: say(progress._asdict())) if first else (lambda progress: None),
        lambda: should_stop(folder),
        order.data_hash,
        order.start,
        Checkpoints(folder, lambda step: say({"kept": step})),
    )


def should_stop(folder: Path) -> bool:
    """Say whether somebody asked to stop. Whoever holds the folder is waiting for this process: where nobody does any
    more, it ends on the spot.
    """
    held = folder / run_folder.HELD
    if not folder.is_dir():  # whoever ordered this has given it up
        os._exit(1)
    if held.exists():
        with held.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                os._exit(1)
    return (folder / run_folder.STOP).exists()


def say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
