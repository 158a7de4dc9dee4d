"""What was found in an archive, as a file: CSV while it is asked for, Parquet written once by a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from annotate import spreadsheet
from training.models.tagging import Mention, Tagging

CHUNK = 2_000  # rows read at a time
COLUMNS = ("article", "title", "mention", "label", "start", "end", "probability")


def csv_lines(mentions: QuerySet[Mention]) -> Iterator[str]:
    """A header, then a line for each, harmless to a spreadsheet."""
    return spreadsheet.csv_lines(COLUMNS, (row for chunk in _chunks(mentions) for row in chunk))


def write_parquet(row: Tagging) -> None:
    """Write all that was found, in flat memory, and move it into place. Raises OSError."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.int32(), pa.int32(), pa.float64())
    schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))
    file = file_of(row)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".part")
    with parquet.ParquetWriter(aside, schema) as writer:
        for chunk in _chunks(row.mentions.all()):
            columns = [pa.array(values, kind) for values, kind in zip(zip(*chunk, strict=True), kinds, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    aside.replace(file)
    name = str(file.relative_to(settings.TAGDESK_DATA))
    if not Tagging.objects.filter(pk=row.pk).update(parquet=name):  # somebody has deleted it meanwhile
        file.unlink()


def file_of(row: Tagging) -> Path:
    """Where its Parquet file lies once it is written."""
    return Path(settings.TAGDESK_DATA) / "archive" / f"{row.pk}.parquet"


def _chunks(mentions: QuerySet[Mention]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in their order, so many at a time that nobody waits for a long read."""
    fields = ("pk", "document_id", "document__title", "text", "label", "start", "end", "probability")
    last = 0
    while chunk := list(mentions.filter(pk__gt=last).order_by("pk").values_list(*fields)[:CHUNK]):
        last = chunk[-1][0]
        yield [row[1:] for row in chunk]
