"""Cursors of lists in the order of their keys: stable, whatever is added meanwhile."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from pydantic import BaseModel, Field

from annotate.api.problems import Error, Problem
from annotate.keys import read_key

MOST = 200


class Where(BaseModel):
    cursor: str | None = Field(default=None, max_length=2_000, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=MOST)


def cursor(key: int) -> str:
    return urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def after(where: Where) -> int:
    """The key behind which the page begins."""
    if where.cursor is None:
        return 0
    try:
        key = read_key(urlsafe_b64decode(where.cursor + "=" * (-len(where.cursor) % 4)).decode("ascii"))
    except (binascii.Error, ValueError):
        key = None
    if key is None:
        raise unknown()
    return key


def unknown() -> Problem:
    told = "This cursor leads to no page of this list. Begin anew without one."
    return Problem(422, told, [Error(place="query.cursor", detail=told)])
