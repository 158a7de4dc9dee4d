"""Which tool a row of JSON is from, by its shape, and what reads it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from annotate.exchange.formats import doccano, gliner, jsonparts, labelstudio, potato, prodigy, rows
from annotate.exchange.formats.head import Head
from annotate.exchange.formats.rowvalues import RowError
from annotate.exchange.records import Options, Record, broken


class Tool(NamedTuple):
    """How a tool's rows are told from all others, and read into the record that stands for them. Reading raises
    RowError for a row that cannot be read.
    """

    is_row: Callable[[Mapping[str, Any]], bool]
    record_of: Callable[[Mapping[str, Any], Options, Record], Record]


TOOLS = {
    "labelstudio": Tool(labelstudio.is_row, labelstudio.record_of),
    "prodigy": Tool(prodigy.is_row, prodigy.record_of),
    "gliner": Tool(gliner.is_row, gliner.record_of),
    "potato": Tool(potato.is_row, potato.record_of),
    "doccano": Tool(doccano.is_row, doccano.record_of),
}


def tool_of(head: Head) -> str:
    """The tool that a JSON file is from, a key of TOOLS, by its first row; empty where it may be anybody's."""
    return _tool(jsonparts.first(head.text))


def record_of(row: Any, options: Options, line: int, number: int, split: str | None = None) -> Record:
    """Read one row; a row that cannot be read is a record with the error. `split` is the file's, the row's own wins."""
    name = _tool(row)
    if not name:
        return rows.record_of(row, options, line, number, split)
    try:
        return TOOLS[name].record_of(row, options, Record(line=line, number=number, split=split))
    except RowError as error:
        return broken(line, number, error.kind, str(error))


def _tool(row: Any) -> str:
    if not isinstance(row, dict):
        return ""
    return next((name for name, tool in TOOLS.items() if tool.is_row(row)), "")
