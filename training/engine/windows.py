"""Cut an article that is longer than the encoder into windows that overlap.

Every token is *owned* by exactly one window, the one that shows it with the most context on its poorer side; the
window's other tokens are only there to be read. Pure arithmetic on sub-word counts: no tokenizer, no model.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARED = 16  # a window's share of it overlaps the next: with an eighth a tenth more is read, at the same F1


class Window(NamedTuple):
    """Tokens `start:end` are shown to the encoder, tokens `first:last` of them are owned (all half open)."""

    start: int
    end: int
    first: int
    last: int


def cut(lengths: ArrayLike, sentence_starts: Sequence[int], room: int, overlap: int | None = None) -> list[Window]:
    """Cut tokens of `lengths` sub-words into windows of at most `room` sub-words.

    Windows begin and end where sentences do, or at any token where a sentence is too long for that. Neighbours share
    about `overlap` sub-words, a sixteenth of the room unless told, and twice that at most where a sentence starts near.
    A token counts for `room` sub-words at most: the caller cuts off the rest of such a monster.

    lengths: (tokens,), each 1 or more. An article without tokens has no windows. Raises ValueError where room < 1.
    """
    if room < 1:
        raise ValueError(f"A window needs room for at least one sub-word, not {room}.")
    before = np.concatenate([[0], np.cumsum(np.minimum(lengths, room), dtype=np.int64)])  # sub-words before token i
    count = len(before) - 1
    if count == 0:
        return []
    sentences = np.array(sorted({s for s in sentence_starts if 0 < s < count} | {count}))
    shown = _shown(before, sentences, room, room // SHARED if overlap is None else overlap)
    return _owned(before, shown)


def _shown(before: NDArray[np.int64], sentences: NDArray[np.int64], room: int, overlap: int) -> list[tuple[int, int]]:
    count = len(before) - 1
    start, end = 0, 0
    shown: list[tuple[int, int]] = []
    while end < count:
        if shown:
            start = _next_start(before, sentences, room, overlap, start, end)
        end = _next_end(before, sentences, room, start, end)
        shown.append((start, end))
    return shown


def _next_end(before: NDArray[np.int64], sentences: NDArray[np.int64], room: int, start: int, last_end: int) -> int:
    """Find the farthest sentence end that fits, or the farthest token where that would leave half the room empty."""
    farthest = int(np.searchsorted(before, before[start] + room, side="right")) - 1
    if farthest == len(before) - 1:
        return farthest
    ends = sentences[(sentences > last_end) & (sentences <= farthest)]
    if len(ends) and 2 * (before[ends[-1]] - before[start]) >= room:
        return int(ends[-1])
    return farthest


def _next_start(
    before: NDArray[np.int64], sentences: NDArray[np.int64], room: int, overlap: int, start: int, end: int
) -> int:
    """Go back from `end` by the overlap, and on to the start of that sentence if it is near."""
    lowest = int(np.searchsorted(before, before[end + 1] - room))  # the token at `end` must fit too
    lowest = max(lowest, start + 1)
    wanted = int(np.searchsorted(before, before[end] - overlap, side="right")) - 1
    starts = sentences[(sentences >= lowest) & (sentences <= wanted)]
    if len(starts) and before[end] - before[starts[-1]] <= 2 * overlap:
        return int(starts[-1])
    return min(max(lowest, wanted), end)


def _owned(before: NDArray[np.int64], shown: list[tuple[int, int]]) -> list[Window]:
    """Share out the tokens: in an overlap, the later window takes over where its context to the left outgrows
    the earlier one's context to the right."""
    windows = []
    first = 0
    for (start, end), following in zip(shown, [*shown[1:], None], strict=True):
        last = end
        if following is not None:
            tokens = np.arange(following[0], end)
            later_wins = before[tokens] - before[following[0]] > before[end] - before[tokens + 1]
            last = following[0] + int(np.count_nonzero(~later_wins))
        if last > first:
            windows.append(Window(start, end, first, last))
            first = last
    return windows
