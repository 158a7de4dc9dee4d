"""Whose turn it is to compute in the predictor: who waits for an answer comes before work that nobody looks at."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from threading import Condition

PATIENCE = 1.0  # seconds, after which a batch is done all the same: nothing is to stand still for ever


class Lane(IntEnum):
    """The first goes first."""

    SHORT = 0  # requests of a few texts
    LONG = 1  # requests of many words
    BACKGROUND = 2  # suggestions for the next articles, archives


_changed = Condition()
_at_work = dict.fromkeys(Lane, 0)


@contextmanager
def at_work(lane: Lane) -> Iterator[None]:
    with _changed:
        _at_work[lane] += 1
    try:
        yield
    finally:
        with _changed:
            _at_work[lane] -= 1
            _changed.notify_all()


def give_way(lane: Lane) -> None:
    """Wait while somebody is at work who goes first."""
    with _changed:
        _changed.wait_for(lambda: not any(_at_work[other] for other in Lane if other < lane), PATIENCE)
