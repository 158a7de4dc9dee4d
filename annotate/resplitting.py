"""Splitting a token in two where an entity ends inside it, and joining the two again.

Pure: what happens to everything that counts in tokens. Code points never move, so the text stays as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotate.tokens import Offsets


@dataclass(frozen=True)
class Resplit:
    """`by` 1: the token at `index` became two. `by` -1: this token and the next became one."""

    index: int
    by: int

    def start(self, edge: int) -> int:
        """Where a range now starts that started at `edge`; one that started between the joined two starts before."""
        return edge + self.by if edge > self.index else edge

    def end(self, edge: int) -> int:
        """Where a range now ends that ended at `edge`; one that ended between the joined two ends behind them."""
        return edge + self.by if edge > self.index + (self.by < 0) else edge

    def ranges(self, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(self.start(start), self.end(end)) for start, end in ranges]

    def starts(self, starts: Iterable[int]) -> list[int]:
        return [self.start(start) for start in starts]

    def offsets(self, offsets: Offsets, place: int) -> Offsets:
        """The tokens after the change; `place` is the code point between the two."""
        if self.by > 0:
            start, end = offsets[self.index]
            return [*offsets[: self.index], (start, place), (place, end), *offsets[self.index + 1 :]]
        joined = (offsets[self.index][0], offsets[self.index + 1][1])
        return [*offsets[: self.index], joined, *offsets[self.index + 2 :]]

    def tags(self, tags: Sequence[str]) -> list[str]:
        """The tags after the change: both halves are in the entity that the token was in. Raises ValueError where the
        two that are to be joined are not in one entity, or both outside.
        """
        tag, behind = tags[self.index], self.index + 1
        if self.by > 0:
            return [*tags[:behind], continued(tag), *tags[behind:]]
        if tags[behind] != continued(tag):
            raise ValueError(f"an entity begins or ends between token {self.index} and {behind}")
        return [*tags[:behind], *tags[behind + 1 :]]

    def cuts(self, start: int, end: int) -> bool:
        """Whether a range has an edge between the two that are to be joined."""
        return self.by < 0 and self.index + 1 in (start, end)


def continued(tag: str) -> str:
    """The tag of a token that goes on with the entity of the one before."""
    return tag if tag == "O" else "I" + tag[1:]
