"""Passages of an article that are left out: its byline, a caption, boilerplate. They stay in the text, and are neither
tagged nor suggested nor learnt from.

Pure: a passage is a half-open range of token indices; an article's passages ascend and do not overlap.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

Passages = list[tuple[int, int]]
Item = TypeVar("Item")


class PassageError(ValueError):
    """Passages that cannot be stored; the message says which and why."""


def check(passages: Iterable[tuple[int, int]], count: int | None = None) -> None:
    """Raise PassageError unless every one is a range that follows the one before, within `count` tokens if given."""
    edge = 0
    for start, end in passages:
        if not edge <= start < end:
            raise PassageError(f"The passage from token {start} to {end} is empty or overlaps the one before it.")
        if count is not None and end > count:
            raise PassageError(f"The passage from token {start} to {end} lies outside the article's {count} tokens.")
        edge = end


def touching(passages: Passages, start: int, end: int) -> Passages:
    """Those that share a token with [start, end)."""
    return [(first, last) for first, last in passages if first < end and start < last]


def rest(count: int, passages: Passages) -> Passages:
    """What is left of `count` tokens, as ranges in order; none where all is left out."""
    edges = [0, *(edge for passage in passages for edge in passage), count]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def left(items: Sequence[Item], passages: Passages) -> list[Item]:
    """The items, one a token, without those of the passages."""
    return [item for start, end in rest(len(items), passages) for item in items[start:end]]


def sentences_left(starts: Iterable[int], count: int, passages: Passages) -> list[int]:
    """The sentence starts among the tokens that are left; what follows a passage starts a sentence."""
    found: list[int] = []
    before = 0
    known = set(starts)
    for start, end in rest(count, passages):
        found += [before + index - start for index in range(start, end) if index == start or index in known]
        before += end - start
    return found
