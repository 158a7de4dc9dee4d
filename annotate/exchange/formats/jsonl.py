"""JSON Lines and JSON: one article a line, or a list of articles, or an object with splits and a label list."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from annotate.exchange.formats import jsonparts, rows, shapes
from annotate.exchange.formats.head import HEAD, Head
from annotate.exchange.lines import LONGEST_LINE, lines
from annotate.exchange.records import SPLIT_NAMES, Options, Record, broken

LABEL_LISTS = ("label_list", "labels", "label_names")
LINES = (".jsonl", ".ndjson")  # the endings of JSON Lines
_START = re.compile(r'\s*(?:\{\s*"|\[\s*[\[{])')
DOCUMENT_KEYS = ("doc", "doc_id", "document_id")


class _Row(NamedTuple):
    line: int
    value: Any
    split: str | None = None
    fault: str = ""
    size: int = 0  # characters


def is_lines(head: Head) -> bool:
    return _START.match(head.text) is not None and not _is_whole(head)


def is_container(head: Head) -> bool:
    return _START.match(head.text) is not None and _is_whole(head)


def _is_whole(head: Head) -> bool:
    """Whether it is one value: a list, or an object that goes on over lines or stands alone. A row a line is JSONL."""
    first, _, rest = head.text.lstrip().partition("\n")
    if first.startswith("["):
        return True
    if not rest.strip():
        return head.ending not in LINES or _holds_articles(first)
    # Of an object that goes on over lines few lines parse by themselves: its rows end with commas.
    lines = [line for line in [first, *rest.split("\n", 9)[:9]] if line.strip()]
    return 2 * sum(map(_is_row, lines)) < len(lines) and head.ending not in LINES


def _is_row(line: str) -> bool:
    try:
        return isinstance(jsonparts.parse(line), dict)
    except ValueError:
        return False


def _holds_articles(line: str) -> bool:
    try:
        row = jsonparts.parse(line)
    except ValueError:
        return False
    return any(isinstance(value, list) and value[:1] and isinstance(value[0], dict) for value in row.values()) and not (
        {"tokens", "text", "sentences"} & row.keys()
    )


def read_lines(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record a line; a line that does not parse is a bad record. Neighbours that are sentences of one document
    (tokens and the same `doc`) become one record.
    """
    return _records(_line_rows(stream), options)


def read_container(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The articles of a JSON file: a list, or an object whose lists are splits (train, validation, test). Raises
    FormatError where the JSON breaks.
    """
    return _records(_container_rows(stream), options)


def read_tool(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The articles of a file that a tool has written: one a line, a list, or one alone. The stream must be seekable."""
    head = Head(name, stream.read(HEAD))
    stream.seek(0)
    if not _is_whole(head):
        return read_lines(stream, name, options)
    if head.text.lstrip().startswith("["):
        return read_container(stream, name, options)
    return _records([_Row(1, jsonparts.whole(stream))], options)


def label_list(stream: BinaryIO) -> tuple[str, ...]:
    """The label list that a JSON object carries beside its splits; empty where it has none."""
    for part in jsonparts.parts(stream):
        names = part.value
        if (
            part.whole
            and part.key in LABEL_LISTS
            and isinstance(names, list)
            and all(isinstance(n, str) for n in names)
        ):
            return tuple(names)
        if not part.whole and not part.key:
            break  # a bare list has no members
    return ()


def sequences_of_lines(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    """All tag sequences of a file, for the decision on the scheme."""
    return (tags for row in _line_rows(stream) for tags in rows.tag_sequences(row.value, options))


def sequences_of_container(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    return (tags for row in _container_rows(stream) for tags in rows.tag_sequences(row.value, options))


def write(records: Iterable[Record]) -> Iterator[str]:
    """One line of JSON a record, which `read_lines` reads back without a difference."""
    for record in records:
        row: dict[str, Any] = {
            "id": record.external_id,
            "title": record.title,
            "text": record.text,
            "tokens": record.words,
            "offsets": record.offsets,
            "tags": record.tags,
            "sentence_starts": record.sentence_starts,
            "left_out": record.left_out,
            "split": record.split,
            "status": record.status,
            "language": record.language,
            "source": record.source,
            "date": record.date,
            "metadata": record.metadata,
        }
        if record.suggested:
            row |= {"suggested_by": record.suggested_by, "suggestions": _suggestions(record)}
        if record.provenance is not None:
            row["provenance"] = record.provenance.told(entity[:3] for entity in record.entities())
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _suggestions(record: Record) -> list[dict[str, Any]]:
    return [{"start": s.start, "end": s.end, "label": s.label, "score": s.score} for s in record.suggested]


def _records(found: Iterable[_Row], options: Options) -> Iterator[Record]:
    for number, row in enumerate(_joined(found), start=1):
        if row.fault:
            yield broken(row.line, number, "json", row.fault)
        else:
            yield shapes.record_of(row.value, options, row.line, number, row.split)


def _line_rows(stream: BinaryIO) -> Iterator[_Row]:
    for number, line in enumerate(lines(stream), start=1):
        if not line.strip():
            continue
        try:
            yield _Row(number, jsonparts.parse(line), size=len(line))
        except ValueError as error:
            yield _Row(number, None, fault=f"The line is not JSON: {error}.")


def _container_rows(stream: BinaryIO) -> Iterator[_Row]:
    members: dict[str, Any] = {}
    listed = False
    for part in jsonparts.parts(stream):
        if part.whole:
            members[part.key] = part.value
        else:
            listed = True
            yield _Row(part.line, part.value, SPLIT_NAMES.get(part.key.casefold()), size=part.size)
    if not listed and any(key not in (*LABEL_LISTS, *SPLIT_NAMES) for key in members):
        yield _Row(1, members)


def _joined(found: Iterable[_Row]) -> Iterator[_Row]:
    """Sentences that follow each other in one document, as one row."""
    for (document, _), neighbours in itertools.groupby(found, lambda row: (_document_of(row.value), row.split)):
        if document is None:
            yield from neighbours
        else:
            yield _document(neighbours)


def _document_of(row: Any) -> str | None:
    if not isinstance(row, dict) or "text" in row or not isinstance(row.get("tokens"), list):
        return None
    return next((str(row[key]) for key in DOCUMENT_KEYS if isinstance(row.get(key), (str, int))), None)


def _document(neighbours: Iterator[_Row]) -> _Row:
    first = next(neighbours)
    sentences = [first.value]
    size = first.size
    for row in neighbours:
        size += row.size
        if size <= LONGEST_LINE:
            sentences.append(row.value)
    if size > LONGEST_LINE:
        message = f"The sentences of one document have more than {LONGEST_LINE:,} characters: no article has."
        return first._replace(value=None, fault=message)
    own = ("id", "tokens", *rows.TAGS, *DOCUMENT_KEYS)
    shared = {key: value for key, value in first.value.items() if key not in own}
    return first._replace(value={**shared, "id": _document_of(first.value), "sentences": sentences})
