"""What an import has written and not shown yet: hidden by its moment, shown or removed a few articles at a time."""

import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from annotate.models import Document, Import, Label

LONGEST_WRITE = 0.05  # seconds that a person's edit may have to wait
MOST = 2_000  # articles shown in one write
TELL_EVERY = 1.0  # seconds
ROOM = -32_000  # a minus: kB


def hidden_at(number: int) -> datetime:
    """The moment that hides what import `number` has written so far; no document is ever deleted at that moment."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)


def paced(size: int, took: float, fewest: int, most: int) -> int:
    """The size of the next write after one of `size` that took so many seconds. A step up or down: most of a small
    write's time is the transaction's own.
    """
    factor = 0.7 if took > LONGEST_WRITE else 1.3 if took < LONGEST_WRITE / 2 else 1
    return min(most, max(fewest, round(size * factor)))


@contextmanager
def roomy() -> Iterator[None]:
    """Give SQLite memory for the pages that one write of many articles touches: those that have no room are written
    more than once.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        [size] = cursor.execute("PRAGMA cache_size").fetchone()
        cursor.execute(f"PRAGMA cache_size = {ROOM}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = {size}")


def release(row: Import) -> None:
    """Show what is hidden, the earliest first, and have the full-text index read it; the row says how far that is.
    Whoever does this again after a crash goes on where it ended.
    """
    written = _written(row)
    size, start, told = 20, 0, time.monotonic()
    while start < len(written):
        some = Document.objects.filter(pk__in=written[start : start + size], deleted_at=hidden_at(row.pk))
        started = time.monotonic()
        some.update(deleted_at=None)
        start += size
        size = paced(size, time.monotonic() - started, 5, MOST)
        if time.monotonic() - told >= TELL_EVERY:
            told = time.monotonic()
            Import.objects.held(row).update(done_bytes=row.size * start // len(written))


def take_back(row: Import) -> None:
    """Remove what is hidden, and the labels that were made for it and that nobody uses."""
    written = _written(row)
    for start in range(0, len(written), 20):
        Document.objects.filter(pk__in=written[start : start + 20]).delete()
    row.refresh_from_db(fields=["report"])
    if names := row.report.get("new_labels"):
        with transaction.atomic():
            Label.objects.filter(project_id=row.project_id, name__in=names, document_counts=None).delete()
            # Told once: a label made by hand later must not go with a second look.
            Import.objects.filter(pk=row.pk).update(report={})


def _written(row: Import) -> "array[int]":
    """The keys of what is hidden, in the eight bytes that each takes."""
    hidden = Document.objects.filter(project_id=row.project_id, deleted_at=hidden_at(row.pk))
    return array("q", hidden.order_by("pk").values_list("pk", flat=True).iterator())
