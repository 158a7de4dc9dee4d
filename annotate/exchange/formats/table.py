"""Tables: a header, a column of texts, one article a row. CSV has comma, semicolon or tab, as the header shows."""

import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple, Self

from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.head import Head
from annotate.exchange.lines import LONGEST_LINE, lines
from annotate.exchange.records import FormatError, Options, Record, broken

DELIMITERS = ",;\t"


class Columns(NamedTuple):
    """A table's header, and which column has the text."""

    header: list[str]
    text: str


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record a row; columns that have no place of their own go into the metadata.

    A row with too many or too few columns is a bad record. Raises FormatError where no column holds the text, or where
    one that was asked for is not there.
    """
    rest = lines(stream)
    first = next(rest, None)
    if first is None:
        raise FormatError("The file is empty.")
    csv.field_size_limit(min(LONGEST_LINE, sys.maxsize))
    source = _Lines(first, rest)
    rows = csv.reader(source, delimiter=delimiter_of(first), strict=True)
    yield from _records(source, rows, columns_of(_header(rows), options), options)


def columns_of(names: Sequence[str], options: Options) -> Columns:
    """The columns of a header. Raises FormatError where one is missing."""
    header = [name.strip() for name in names]
    text = fields.text_key(header, options.text_column)
    found = ", ".join(filter(None, header))[:500] or "none"
    if text is None:
        wanted = f"“{options.text_column}”" if options.text_column else ", ".join(fields.TEXT)
        raise FormatError(f"No column holds the text: looked for {wanted}, found {found}.")
    if missing := [name for name in options.columns.values() if name not in header]:
        raise FormatError(f"There is no column “{missing[0]}”, found {found}.")
    return Columns(header, text)


def record_of(cells: Sequence[str], columns: Columns, options: Options, line: int, number: int) -> Record:
    """The article of a row that has as many cells as the header."""
    row = dict(zip(columns.header, cells, strict=True))
    text = row.pop(columns.text)
    known = fields.identity({key: value.strip() for key, value in row.items()}, options.columns)
    metadata = {key: value for key, value in row.items() if key not in known.used and value}
    return checked(Record(line=line, number=number, text=text, metadata=metadata, **known.fields))


def is_mine(head: Head) -> bool:
    """Whether the first line reads as a header that names a column of texts."""
    header = head.text.partition("\n")[0]
    names = header.split(delimiter_of(header))
    return len(names) > 1 and fields.text_key([name.strip().strip('"') for name in names]) is not None


def delimiter_of(header: str) -> str:
    """The delimiter that the header has most of; a comma where it has none."""
    return max(DELIMITERS, key=header.count)


class _Lines:
    """The lines of a table, as csv asks for them: a row whose quote never closes must not take in the whole file."""

    def __init__(self, first: str, rest: Iterator[str]) -> None:
        self._lines = chain([first], rest)
        self._read = 0
        self.begin_row()

    def begin_row(self) -> None:
        self._begins, self._length = self._read + 1, 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._read += 1
        self._length += len(line)
        if self._length > LONGEST_LINE:
            message = (
                f"Line {self._begins}: the row is longer than {LONGEST_LINE:,} characters. Does a quote never close?"
            )
            raise FormatError(message)
        return line


def _header(rows: "Iterator[list[str]]") -> list[str]:
    try:
        return next(rows)
    except (csv.Error, StopIteration) as error:
        raise FormatError(f"The header of the table cannot be read: {error}.") from error


def _records(
    source: _Lines,
    rows: "csv._reader",  # type: ignore[name-defined]
    columns: Columns,
    options: Options,
) -> Iterator[Record]:
    number = 0
    while True:
        line = rows.line_num + 1
        source.begin_row()
        try:
            row = next(rows, None)
        except csv.Error as error:
            number += 1
            yield broken(line, number, "columns", f"The row cannot be read as CSV: {error}.")
            continue
        if row is None:
            return
        if not row:
            continue  # an empty line
        number += 1
        if len(row) != len(columns.header):
            message = f"The row has {len(row)} columns, the header {len(columns.header)}."
            yield broken(line, number, "columns", message)
            continue
        yield record_of(row, columns, options, line, number)
