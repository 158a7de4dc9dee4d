"""GLiNER's training data: tokens, and entities by the places of their first and last token, both inclusive."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from annotate import iob2
from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.rows import RowError, is_number, kind_of, metadata_of, strings
from annotate.exchange.records import Options, Record


def is_row(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("tokenized_text"), list)


def record_of(row: Mapping[str, Any], options: Options, bare: Record) -> Record:
    words = strings(row["tokenized_text"], "tokenized_text")
    known = fields.identity(row)
    record = replace(bare, words=words, **known.fields)
    if (entities := row.get("ner")) is not None:
        record = replace(record, tags=_tags(entities, len(words)))
    return checked(replace(record, metadata=metadata_of(row, known.used | {"tokenized_text", "ner"})))


def write(records: Iterable[Record]) -> Iterator[str]:
    """A list of tagged records. It has no place for anything but tokens and entities."""
    between = "[\n"
    for record in records:
        entities = [[span.start, span.end - 1, span.label] for span in iob2.spans_of(record.tags or [])]
        yield between + json.dumps({"tokenized_text": record.words, "ner": entities}, ensure_ascii=False)
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _tags(entities: Any, length: int) -> list[str]:
    if not isinstance(entities, list):
        raise RowError("shape", f"“ner” is no list but {kind_of(entities)}.")
    spans = dict.fromkeys(_span(entity, length) for entity in entities)
    try:
        return iob2.tags_of(spans, length)
    except iob2.IOB2Error as error:
        raise RowError("span-overlap", f"The entities cannot be tags: {error}.") from error


def _span(entity: Any, length: int) -> iob2.Span:
    if not (isinstance(entity, list) and len(entity) == 3 and isinstance(entity[2], str)):
        raise RowError("shape", f"An entity is {entity!r:.80}, not [first token, last token, label].")
    first, last, label = entity
    if not (is_number(first) and is_number(last) and 0 <= first <= last < length):
        message = (
            f"The entity {first!r:.20} to {last!r:.20} ({label:.50}) is not within {length} tokens, the last inclusive."
        )
        raise RowError("span-range", message)
    return iob2.Span(first, last + 1, label)
