"""Children that end with their parent, even when the parent is killed and says goodbye to nobody."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Loaded here and not in the child: between fork and exec nothing may take a lock.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with(parent: int, sign: signal.Signals = signal.SIGKILL) -> None:
    """Call in a child that was just forked: the kernel sends `sign` when the parent ends. Linux only."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was told
        os._exit(1)
