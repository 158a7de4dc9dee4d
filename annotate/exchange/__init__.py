"""Articles in and out of files: readers and writers on plain values, and what stores them.

options = resolve(stream, name, Options())    which format, which scheme, which label list
for record in read(stream, name, options): ...    one article at a time, the bad ones with their problems
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from annotate import iob2
from annotate.exchange import conll, fields, jsonl, plain, table
from annotate.exchange.lines import encoding_of
from annotate.exchange.records import Format, FormatError, Options, Record

__all__ = ["FormatError", "Options", "Record", "detect", "read", "resolve"]

HEAD = 1 << 20
_BY_NAME: dict[str, Format] = {
    ".txt": "txt",
    ".text": "txt",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".conll": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
}
_JSON_START = re.compile(r'\s*(?:\{\s*"|\[\s*[\[{])')
_TAG = re.compile(r"O|[BI]-\S+")


def detect(name: str, head: bytes) -> Format:
    """The format of a file by its first bytes (up to `HEAD`), and by its name where they do not tell. Raises
    FormatError for what is no text.
    """
    text = head.decode(encoding_of(head), errors="ignore")
    named = _BY_NAME.get(PurePath(name).suffix.lower())
    if _JSON_START.match(text):
        return _which_json(text, named)
    if _looks_like_conll(text):
        return "conll"
    if named is None and _looks_like_table(text):
        return "csv"
    return named or "txt"


def resolve(stream: BinaryIO, name: str, options: Options) -> Options:
    """The options with nothing left at "auto": looks into the file, and reads it through where it must for the
    scheme. Leaves the (seekable) stream at its start. Raises FormatError for a file that cannot be read.
    """
    if options.format == "auto":
        options = replace(options, format=detect(name, stream.read(HEAD)))
        stream.seek(0)
    if options.format == "json" and not options.labels:
        options = replace(options, labels=jsonl.label_list(stream))
        stream.seek(0)
    if options.scheme == "auto":
        options = replace(options, scheme="iob1" if iob2.is_iob1(_sequences(stream, options)) else "iob2")
        stream.seek(0)
    return options


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The articles of a file, one at a time and in flat memory, each checked: a bad one carries its errors. Raises
    FormatError for a fault of the whole file, when it gets there. The stream must be seekable where `options` has an
    "auto" left.
    """
    if options.format == "auto" or options.scheme == "auto":
        options = resolve(stream, name, options)
    match options.format:
        case "txt":
            return plain.read(stream, name)
        case "csv":
            return table.read(stream, options)
        case "conll":
            return conll.read(stream, options.scheme)
        case "json":
            return jsonl.read_container(stream, options)
        case _:
            return jsonl.read_lines(stream, options)


def _sequences(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    match options.format:
        case "conll":
            return conll.sequences(stream)
        case "json" | "jsonl":
            return jsonl.sequences(stream, options, container=options.format == "json")
        case _:
            return iter(())


def _which_json(text: str, named: str | None) -> Format:
    """A row a line is JSONL; a list, or an object that goes on over lines or stands alone, is JSON."""
    first, _, rest = text.lstrip().partition("\n")
    if first.startswith("["):
        return "json"
    if not rest.strip():
        return cast(Format, named) if named in {"jsonl", "json"} and not _is_container(first) else "json"
    # Of an object that goes on over lines few lines parse by themselves: its rows end with commas.
    lines = [line for line in [first, *rest.split("\n", 9)[:9]] if line.strip()]
    if 2 * sum(map(_is_row, lines)) >= len(lines):
        return "jsonl"
    return "jsonl" if named == "jsonl" else "json"


def _is_row(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _is_container(line: str) -> bool:
    try:
        row: Any = json.loads(line)
    except ValueError:
        return False
    return any(isinstance(value, list) and value[:1] and isinstance(value[0], dict) for value in row.values()) and not (
        {"tokens", "text", "sentences"} & row.keys()
    )


def _looks_like_conll(text: str) -> bool:
    rows = [line.rstrip("\r") for line in text[:20_000].split("\n")[:-1] or [text] if line.strip()][:200]
    if not rows:
        return False
    if rows[0].startswith(conll.DOCSTART):
        return True
    columns = [row.split("\t") if "\t" in row else row.split(" ") for row in rows]
    tagged = [row for row in columns if len(row) > 1 and _TAG.fullmatch(row[-1].strip())]
    return len(tagged) * 10 >= len(rows) * 8


def _looks_like_table(text: str) -> bool:
    header = text.partition("\n")[0]
    names = header.split(table.delimiter_of(header))
    return len(names) > 1 and fields.text_key([name.strip().strip('"') for name in names]) is not None
