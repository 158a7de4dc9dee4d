"""Jobs for the tests of the workers, which are told to allow this module."""

import os
import signal
import time
from pathlib import Path


def write(path: str) -> None:
    """Whole or not at all: who waits for the file reads it at once."""
    part = Path(f"{path}.part")
    part.write_text(str(os.getpid()))
    part.rename(path)


def end_by_itself(how: str) -> None:
    os.kill(os.getpid(), signal.Signals[how])


def fail() -> None:
    raise ValueError("the job itself failed")


def sleep(path: str) -> None:
    write(path)
    time.sleep(60)


def _private(path: str) -> None:
    write(path)
