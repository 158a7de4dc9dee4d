"""Excel workbooks: a sheet read as a table, row by row; formulas as the values they had, dates as text."""

from __future__ import annotations

import datetime
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from annotate.exchange.formats import table
from annotate.exchange.formats.head import Head
from annotate.exchange.records import FormatError, Options, Problem, Record, broken

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

FIRST = ("[Content_Types].xml", "_rels/", "docProps/", "xl/")  # what a workbook's archive begins with
LONGEST_SHEET = 1_048_576  # rows: Excel's own limit
LARGEST_TABLE = 1 << 28  # bytes of what is read whole: the texts that cells share, styles and the like
LARGEST_SHEET = 1 << 33
LARGEST_ROW = 1 << 26  # bytes of its XML, all of which is held
MOST_CELLS = 1 << 27  # of a sheet; empty ones before the last of a row take time as well
CHUNK = 1 << 16


def is_mine(head: Head) -> bool:
    """Whether it is a zip archive that begins as a workbook does; a document of Word begins alike, without xl/."""
    data = head.data
    length = int.from_bytes(data[26:28], "little")
    name = data[30 : 30 + length].decode(errors="replace")
    return data.startswith(b"PK\x03\x04") and name.startswith(FIRST) and b"xl/" in data


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record a row of the first sheet that has a column of texts; which, is said where there are several. Raises
    FormatError where no sheet has one, and for what is no workbook.
    """
    _check_sizes(stream)
    try:
        yield from _records(stream, options)
    except FormatError:
        raise
    except Exception as error:  # its parsers raise whatever they trip over
        raise FormatError(
            f"The workbook is damaged and cannot be read: {str(error)[:200] or type(error).__name__}."
        ) from error


def _check_sizes(stream: BinaryIO) -> None:
    """Raise FormatError for an archive that unpacks to more than a person's table: no more than it says is unpacked.
    The rows of a large sheet are looked at one by one.
    """
    try:
        with ZipFile(stream) as archive:
            for part in archive.infolist():
                is_sheet = part.filename.startswith("xl/worksheets/")
                is_read = part.filename.endswith((".xml", ".rels"))  # and no pictures
                if is_read and part.file_size > (LARGEST_SHEET if is_sheet else LARGEST_TABLE):
                    raise FormatError(f"The workbook's part {part.filename[:100]} unpacks to {part.file_size:,} bytes.")
                if is_sheet and part.file_size > LARGEST_ROW:
                    with archive.open(part) as sheet:
                        _check_rows(sheet)
    except FormatError:
        raise
    except (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise FormatError(f"The workbook is damaged: {error}.") from error
    stream.seek(0)


def _check_rows(sheet: IO[bytes]) -> None:
    since = 0  # bytes since the last row's end
    while chunk := sheet.read(CHUNK):
        end = chunk.rfind(b"row>")
        since = since + len(chunk) if end < 0 else len(chunk) - end
        if since > LARGEST_ROW:
            raise FormatError(f"A row of the workbook is longer than {LARGEST_ROW:,} bytes: no article is.")


def _records(stream: BinaryIO, options: Options) -> Iterator[Record]:
    from openpyxl import load_workbook

    book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    sheet, rows, columns = _sheet(book, options)
    number = 0
    for line, cells in rows:
        width = len(columns.header)
        cells += [""] * (width - len(cells))
        if not any(cells):
            continue
        number += 1
        if any(cells[width:]):
            yield broken(line, number, "columns", f"The row has cells to the right of the header's {width} columns.")
            continue
        record = table.record_of(cells[:width], columns, options, line, number)
        yield record if number > 1 else record.having(_told(record, book, sheet))


def _told(record: Record, book: Workbook, sheet: Any) -> Iterator[Problem]:
    if others := [f"“{other.title}”" for other in book.worksheets if other is not sheet]:
        message = f"Read from the sheet “{sheet.title}”, not from {', '.join(others)[:500]}."
        yield record.notice("sheet", message)


def _sheet(book: Workbook, options: Options) -> tuple[Any, Iterator[tuple[int, list[str]]], table.Columns]:
    """The first sheet with a column of texts, the rows below its header, and the columns."""
    faults = []
    for sheet in book.worksheets:
        rows = _rows(sheet)
        header = next((cells for _, cells in rows if any(cells)), [])
        while header and not header[-1].strip():
            header.pop()
        try:
            return sheet, rows, table.columns_of(header, options)
        except FormatError as error:
            faults.append(f"“{sheet.title}”: {error}")
    raise FormatError(" ".join(faults)[:2_000] or "The workbook has no sheet.")


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # what a file says of its own size is often wrong
    cells = 0
    for line, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells += len(values)
        if line > LONGEST_SHEET or cells > MOST_CELLS:
            most = f"{LONGEST_SHEET:,} rows or {MOST_CELLS:,} cells"
            raise FormatError(f"The sheet “{sheet.title}” has more than {most}.")
        yield line, [_text(value) for value in values]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)
