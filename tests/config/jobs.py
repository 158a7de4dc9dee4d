"""Jobs for the tests of the workers, which are told to allow this module."""

import os
import signal
import time
from pathlib import Path


def write(path: str) -> None:
    Path(path).write_text(str(os.getpid()))


def end_by_itself(how: str) -> None:
    os.kill(os.getpid(), signal.Signals[how])


def fail() -> None:
    raise ValueError("the job itself failed")


def sleep(path: str) -> None:
    write(path)
    time.sleep(60)


def _private(path: str) -> None:
    write(path)
