"""Work done ahead in a process of its own: while one core writes articles into the database, another reads the next.

What is worked on there may not touch the database: the connection is this process's.
"""

import fcntl
import gc
import multiprocessing
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, TypeVar

AT_ONCE = 20  # items sent together
ON_THE_WAY = 1 << 20  # bytes: as many as Linux lets anybody have

Item = TypeVar("Item")


class _End(NamedTuple):
    """Nothing more comes: all was sent, or this went wrong."""

    error: Exception | None


def can_fork() -> bool:
    """Whether there is a core to spare, and a system on which a process with threads may fork."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, worked out in a child of this process; what is raised there is raised here. The child ends with
    whoever reads them. Raises OSError where it dies.
    """
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    with suppress(OSError):  # it goes with less, too
        fcntl.fcntl(sending.fileno(), fcntl.F_SETPIPE_SZ, ON_THE_WAY)
    child = context.Process(target=_send, args=(items, sending, receiving), daemon=True)
    child.start()
    sending.close()
    try:
        while not isinstance(told := _received(receiving), _End):
            yield from told
        if told.error is not None:
            raise told.error
    finally:
        receiving.close()
        child.kill()
        child.join()
        child.close()


def _received(receiving: "Connection[Any, Any]") -> Any:
    try:
        return receiving.recv()
    except EOFError:
        raise OSError("The process that read the file ended without a word.") from None


def _send(items: Iterator[Item], sending: "Connection[Any, Any]", receiving: "Connection[Any, Any]") -> None:
    receiving.close()  # or nobody would hear that the parent has closed its own
    gc.freeze()  # what the parent has is not looked through here
    some: list[Item] = []
    with suppress(BrokenPipeError):
        try:
            for item in items:
                some.append(item)
                if len(some) == AT_ONCE:
                    sending.send(some)
                    some = []
            end = _End(None)
        except Exception as error:
            end = _End(error)
        sending.send(some)
        sending.send(end)
