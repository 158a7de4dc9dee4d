"""Train on all GPUs of a machine: one process each, started by `accelerate launch` on a folder they share."""

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from training.engine import device, run_folder
from training.engine.articles import Article
from training.engine.checkpoints import Checkpoints
from training.engine.encoders import EncoderError
from training.engine.fitting import Diverged
from training.engine.progress import Progress, Stopped
from training.engine.recipe import Settings
from training.engine.train import Result, Start, TrainingError
from training.engine.train import train as train_here

LEAST_STEPS = 2000  # of each process: with fewer, larger batches cost more F1 than the time they save is worth
SUBWORDS = 1.35  # of a word, as news are split: near enough to count steps by
LOOK_EVERY = 0.2  # seconds between two looks at whether to stop
GRACE = 20.0  # seconds to stop in by oneself
LAST_LINES = 30  # of what the processes say, to tell why they ended

RAISED = {kind.__name__: kind for kind in (TrainingError, EncoderError, Diverged)}

log = logging.getLogger(__name__)


def train(
    settings: Settings,
    labels: Sequence[str],
    training: Sequence[Article],
    validation: Sequence[Article],
    folder: Path,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    checkpoints: Checkpoints,
    data_hash: str = "",
    start: Start | None = None,
) -> Result:
    """Do as `train.train` does: here or, where there are several GPUs and enough to do for them, on all of them."""
    processes = worthwhile(settings, sum(len(article.words) for article in training), device.gpus())
    if processes == 1:
        return train_here(
            settings, labels, training, validation, folder, on_progress, should_stop, data_hash, start, checkpoints
        )
    order = run_folder.Order(settings, list(labels), training, validation, data_hash, start)
    run_folder.write_order(checkpoints.folder, order)
    result = train_together(checkpoints.folder, processes, on_progress, should_stop, checkpoints.on_kept)
    (checkpoints.folder / run_folder.MODEL).rename(folder)
    return result


def worthwhile(settings: Settings, words: int, gpus: int) -> int:
    """Say on how many GPUs to train. Each reads batches of its own: the more there are, the fewer the steps."""
    steps = words * SUBWORDS * settings.epochs / settings.token_budget
    return max(1, min(gpus, int(steps / LEAST_STEPS)))


def train_together(
    folder: Path,
    processes: int,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    on_kept: Callable[[int], None],
) -> Result:
    """Carry out the order that lies in `folder`, in so many processes; the model is left in its `model/`.

    The processes end with this one, whatever ends it. Raises what `train.train` raises.
    """
    for left in (run_folder.RESULT, run_folder.STOP):
        (folder / left).unlink(missing_ok=True)
    command = [*launcher(processes), "-m", "training.engine.train", str(folder)]
    with _held(folder), _started(command, processes) as launched:
        reports = _Reports(launched, on_progress, on_kept)
        while not reports.are_over():
            reports.pass_on()
            if should_stop():
                (folder / run_folder.STOP).touch()
                _wait_a_while(launched)
                raise Stopped
        reports.pass_on()
        status = launched.wait()
    return _result_of(folder, status, reports)


def launcher(processes: int) -> list[str]:
    """Give the command that starts what follows it so many times. Where there is no GPU, they share the processor."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    command += ["--num_processes", str(processes), "--main_process_port", "0", "--gpu_ids", "all"]
    return [*command, "--mixed_precision", "no", "--dynamo_backend", "no"]


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder: who carries out its order looks whether it is held still, and ends where it is not."""
    with (folder / run_folder.HELD).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _started(command: Sequence[str], processes: int) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, device.cores() // processes))}
    launched = subprocess.Popen(
        command,
        env=environment,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield launched
    finally:
        with suppress(ProcessLookupError):
            os.killpg(launched.pid, signal.SIGKILL)
        launched.wait()


def _wait_a_while(launched: subprocess.Popen[str]) -> None:
    with suppress(subprocess.TimeoutExpired):
        launched.wait(GRACE)


class _Reports:
    """What the processes print: reports as lines of JSON, and whatever else, kept in case they fail."""

    def __init__(
        self, launched: subprocess.Popen[str], on_progress: Callable[[Progress], None], on_kept: Callable[[int], None]
    ) -> None:
        self.launched, self.on_progress, self.on_kept = launched, on_progress, on_kept
        self.waiting: deque[dict[str, Any]] = deque()
        self.others: deque[str] = deque(maxlen=LAST_LINES)
        self.reader = threading.Thread(target=self._read, name="reports of training", daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.launched.stdout is not None
        for line in self.launched.stdout:
            try:
                self.waiting.append(dict(json.loads(line)))
            except (ValueError, TypeError):
                self.others.append(line.rstrip())

    def are_over(self) -> bool:
        """Whether no process is left that could print; asking takes a moment."""
        self.reader.join(LOOK_EVERY)
        return not self.reader.is_alive()

    def pass_on(self) -> None:
        """Tell whoever asked, in the thread that asked. Raises what they raise."""
        while self.waiting:
            told = self.waiting.popleft()
            if "kept" in told:
                self.on_kept(told["kept"])
            elif "phase" in told:
                self.on_progress(Progress(**told))


def _result_of(folder: Path, status: int, reports: _Reports) -> Result:
    try:
        told = run_folder.read_result(folder)
    except FileNotFoundError:
        log.error("Training in %s ended with status %s:\n%s", folder, status, "\n".join(reports.others))
        raise TrainingError(
            f"The processes that trained ended with status {status}. Their last lines are in the worker's log."
        ) from None
    if "error" not in told:
        return Result(**told)
    if told["error"] == Stopped.__name__:
        raise Stopped
    raise RAISED.get(told["error"], RuntimeError)(told["message"])
