"""What somebody wants of the list of articles, and where in it they are: plain values, and the addresses of pages."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, NamedTuple

from annotate.keys import LIMIT

SORTS = {  # the column, and whether the largest come first
    "arrival": ("", False),
    "-arrival": ("", True),
    "title": ("l.title", False),
    "-title": ("l.title", True),
    "date": ("l.date", False),
    "-date": ("l.date", True),
    "length": ("l.token_count", False),
    "-length": ("l.token_count", True),
    "changed": ("l.changed", True),
    "unsure": ("p.uncertainty", True),
}


class BadCursor(Exception):
    """An address that leads to no page of this list."""


@dataclass(frozen=True)
class Chosen:
    """What somebody filters by; empty is no filter. Dates are ISO days, `until` the first one not wanted."""

    state: str = ""
    split: str = ""
    label: int | None = None
    q: str = ""
    source: str = ""
    since: str = ""
    until: str = ""
    flagged: bool = False
    unsure: float | None = None
    sort: str = "arrival"

    @property
    def filters(self) -> set[str]:
        return {name for name, value in vars(self).items() if name != "sort" and value not in {"", None, False}}


class Total(NamedTuple):
    number: int
    is_exact: bool = True


class Cursor(NamedTuple):
    """Where a page begins: behind the row of this key, or before it where one goes backward; None is the list's end."""

    sort: str
    backward: bool
    key: Any = None
    pk: int | None = None

    def __str__(self) -> str:
        return urlsafe_b64encode(json.dumps(self, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, given: str, sort: str) -> "Cursor":
        """Raises BadCursor."""
        try:
            cursor = cls(*json.loads(urlsafe_b64decode(given + "=" * (-len(given) % 4))))
        except (binascii.Error, ValueError, TypeError, RecursionError) as error:
            raise BadCursor from error
        if cursor.sort != sort or type(cursor.backward) is not bool or not cursor._is_place():
            raise BadCursor
        return cursor

    def _is_place(self) -> bool:
        is_end = self.backward and self.pk is None and self.key is None
        return is_end or (_is_number(self.pk, int) and self._has_key())

    def _has_key(self) -> bool:
        """Whether the column that the list is sorted by could hold the key."""
        column = SORTS[self.sort][0]
        if not column:
            return self.key is None
        if column in {"l.title", "l.date"}:
            return _is_text(self.key)
        return _is_number(self.key, int, float)


def _is_number(given: Any, *kinds: type) -> bool:
    return type(given) in kinds and abs(given) < LIMIT


def _is_text(given: Any) -> bool:
    """Neither NUL nor half a character can be asked for."""
    return isinstance(given, str) and not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in given)


@dataclass
class Page:
    places: list[Cursor]  # of its articles
    previous: Cursor | None = None
    next: Cursor | None = None
    is_first: bool = False

    @property
    def pks(self) -> list[int]:
        return [place.pk for place in self.places if place.pk is not None]
