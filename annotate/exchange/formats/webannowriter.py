"""INCEpTION's WebAnno TSV 3.3, written: a zip with a file an article, from which a reader finds the whole text."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from annotate import iob2
from annotate.exchange.formats.archive import named, zipped
from annotate.exchange.formats.webannosigns import (
    FORMAT,
    NAMED_ENTITY,
    SPAN_LAYER,
    TEXT,
    VERSIONS,
    escaped_text,
    escaped_value,
)
from annotate.exchange.records import Record
from annotate.exchange.utf16 import units_of


def write(records: Iterable[Record]) -> Iterator[bytes]:
    """A zip with a file an article. An article that nobody has tagged has no column of entities."""
    return zipped((f"{name}.tsv", "".join(_lines(record)).encode()) for name, record in named(records))


def _lines(record: Record) -> Iterator[str]:
    text, offsets = record.text or "", record.offsets or []
    starts = record.sentence_starts or [0]
    units = units_of(text)
    values = None if record.tags is None else _values(record.tags)
    layer = "" if values is None else f"{SPAN_LAYER}{NAMED_ENTITY}|value\n"
    yield f"{FORMAT}{VERSIONS[-1]}\n{layer}\n"
    for number, (first, after) in enumerate(pairwise([*starts, len(offsets)]), start=1):
        end = _end(text, offsets[after - 1][1], offsets[after][0] if after < len(offsets) else None)
        yield "\n"
        for line in text[offsets[first][0] : end].split("\n"):
            yield f"{TEXT}{escaped_text(line)}\n"
        for index in range(first, after):
            start, end = offsets[index]
            value = "" if values is None else f"{values[index]}\t"
            yield f"{number}-{index - first + 1}\t{units[start]}-{units[end]}\t{text[start:end]}\t{value}\n"


def _end(text: str, end: int, following: int | None) -> int:
    """Where a sentence is to end, so that a reader finds the whole text: at its last word where what follows is what
    readers put there by themselves, else where the next one begins.
    """
    if following is None:
        return len(text)
    gap = text[end:following]
    return end if gap in {"", "\n".ljust(len(gap))} else following


def _values(tags: Sequence[str]) -> list[str]:
    """The column of entities; those of several tokens are held together by a number."""
    values = ["_"] * len(tags)
    number = 0
    for start, end, label in iob2.spans_of(tags):
        value = escaped_value(label)
        if end - start > 1:
            number += 1
            value += f"[{number}]"
        values[start:end] = [value] * (end - start)
    return values
