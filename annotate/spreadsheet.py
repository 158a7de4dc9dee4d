"""Tables that spreadsheets open, whatever is in them."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

# What a spreadsheet would compute, and not show; the wide signs where it is set to Chinese, Japanese or Korean.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


class _Line:
    """What csv writes to: it hands each line on."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """A header, then a line a row. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    writer: Any = csv.writer(_Line())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([_safe(cell) if isinstance(cell, str) else cell for cell in row])


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
