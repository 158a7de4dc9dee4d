"""Looking at processes from outside."""

import time
from collections.abc import Callable
from pathlib import Path


def eventually(true: Callable[[], bool], patience: float = 60.0) -> bool:
    """Ask again until it is so, at most `patience` seconds: a limit for what is broken, not a measure of speed."""
    deadline = time.monotonic() + patience
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def alive(pid: int) -> bool:
    try:
        return not (Path("/proc") / str(pid) / "stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return False
