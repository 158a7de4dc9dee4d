"""Offsets as JavaScript and Java count them: in UTF-16 code units, where what lies beyond U+FFFF counts for two."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


def units_of(text: str) -> Sequence[int]:
    """The code unit at which each code point of a text begins, and the one at which the text ends."""
    if text.isascii() or max(text) <= "\uffff":
        return range(len(text) + 1)
    return [0, *accumulate(1 if sign <= "\uffff" else 2 for sign in text)]


class CodeUnits:
    """The way from the code units of a text to its code points."""

    def __init__(self, text: str) -> None:
        wide = (place for place, sign in enumerate(text) if sign > "\uffff")
        self._wide = [place + before for before, place in enumerate(wide)]  # where they begin, in code units

    def code_point(self, unit: int) -> int | None:
        """The code point that begins at a code unit, or the text's end; None inside of one."""
        before = bisect_left(self._wide, unit)
        if before and self._wide[before - 1] == unit - 1:
            return None
        return unit - before
