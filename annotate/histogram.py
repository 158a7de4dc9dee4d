"""Bins of even, round width for a heap of numbers. Pure: plain values in, plain values out."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MOST_BINS = 12  # besides the open one: as many as a plot has room to name
COVERED = 0.99  # of the numbers lie below the open bin
STEPS = (1, 2, 5, 10)


class Bin(NamedTuple):
    """How many numbers are at least `start` and less than `end`; the last of several may have no end."""

    start: float
    end: float | None
    size: int


class Spread(NamedTuple):
    """How numbers are spread. `total` is how many there are; the others are 0 where there is none."""

    total: int
    least: float
    median: float
    mean: float
    most: float
    bins: list[Bin]


def spread(counted: Iterable[tuple[float, int]], finest: float = 1) -> Spread:
    """Of numbers, none below 0, each with how often it is there. No bin is narrower than `finest`."""
    found = sorted((number, count) for number, count in counted if count)
    total = sum(count for _, count in found)
    if not total:
        return Spread(0, 0, 0, 0, 0, [])
    median = (_at(found, (total - 1) // 2) + _at(found, total // 2)) / 2
    mean = sum(number * count for number, count in found) / total
    return Spread(total, found[0][0], median, mean, found[-1][0], _bins(found, total, finest))


def _bins(found: Sequence[tuple[float, int]], total: int, finest: float) -> list[Bin]:
    covered = _at(found, math.ceil(COVERED * total) - 1)
    width = _round_width(covered / MOST_BINS, finest)
    closed = min(int(covered / width) + 1, MOST_BINS)
    edges = [round(place * width, 6) for place in range(closed + 1)]
    counts = [0] * (closed + 1)
    for number, count in found:
        counts[bisect_right(edges, number) - 1] += count
    bins = [Bin(start, end, count) for start, end, count in zip(edges, edges[1:], counts, strict=False)]
    return [*bins, Bin(edges[-1], None, counts[-1])] if counts[-1] else bins


def _round_width(wanted: float, finest: float) -> float:
    """The first of 1, 2, 5, 10, 20 ... times `finest` that is wide enough."""
    if wanted <= finest:
        return finest
    ten: float = 10 ** math.floor(math.log10(wanted / finest))
    return next(step * ten * finest for step in STEPS if step * ten * finest >= wanted)


def _at(found: Sequence[tuple[float, int]], place: int) -> float:
    """The number at this place in order, from 0."""
    for number, count in found:
        place -= count
        if place < 0:
            return number
    return found[-1][0]
