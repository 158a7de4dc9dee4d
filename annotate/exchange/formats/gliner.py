"""GLiNER's training data: tokens, and entities by the places of their first and last token, both inclusive."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, chain
from typing import Any

from annotate import iob2, tokens
from annotate.exchange import fields
from annotate.exchange.checking import checked, with_word_problems
from annotate.exchange.formats.rows import metadata_of
from annotate.exchange.formats.rowvalues import RowError, begin_of, errors_of, is_number, kind_of, spans_of, strings
from annotate.exchange.records import CharSpan, Options, Record


def is_row(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("tokenized_text"), list)


def record_of(row: Mapping[str, Any], options: Options, bare: Record) -> Record:
    words = strings(row["tokenized_text"], "tokenized_text")
    known = fields.identity(row)
    metadata = metadata_of(row, known.used | {"tokenized_text", "ner"})
    record = replace(bare, metadata=metadata, **known.fields)
    entities = row.get("ner")
    if entities is None:
        return checked(replace(record, words=words))
    if not isinstance(entities, list):
        raise RowError("shape", f"“ner” is no list but {kind_of(entities)}.")
    return checked(_with_entities(with_word_problems(record, words), words, entities))


def write(records: Iterable[Record]) -> Iterator[str]:
    """A list of tagged records. It has no place for anything but tokens and entities."""
    between = "[\n"
    for record in records:
        entities = [[span.start, span.end - 1, span.label] for span in iob2.spans_of(record.tags or [])]
        yield between + json.dumps({"tokenized_text": record.words, "ner": entities}, ensure_ascii=False)
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _with_entities(record: Record, words: Sequence[str], entities: Sequence[Any]) -> Record:
    """The record with a text of these words, those with a blank split and empty ones left out, and with the entities
    as spans of it.
    """
    pieces = [[word[start:end] for start, end in tokens.visible_ranges(word)] for word in words]
    places = [0, *accumulate(map(len, pieces))]  # where each word begins among the pieces
    try:
        text, offsets = tokens.text_from_words(list(chain.from_iterable(pieces)))
    except tokens.TokenError as error:  # a NUL
        raise RowError("unstorable", f"The tokens cannot be kept: {error}.") from error

    def span_of(entity: Any) -> CharSpan:
        first, last, label = _entity(entity, len(words))
        begin, end = places[first], places[last + 1]
        if begin == end:
            raise RowError("span-range", f"The entity {first} to {last} ({label:.50}) holds no text.")
        return CharSpan(offsets[begin][0], offsets[end - 1][1], label)

    spans, faults = spans_of(entities, span_of)
    return replace(record, text=text, offsets=offsets, spans=spans).having(errors_of(record, faults))


def _entity(entity: Any, length: int) -> tuple[int, int, str]:
    """Its first and last token, and its label."""
    if not (isinstance(entity, list) and len(entity) == 3 and isinstance(entity[2], str)):
        raise RowError("span-shape", f"An entity is {begin_of(entity)}, not [first token, last token, label].")
    first, last, label = entity
    if not (is_number(first) and is_number(last) and 0 <= first <= last < length):
        place = f"{begin_of(first)} to {begin_of(last)} ({label:.50})"
        raise RowError("span-range", f"The entity {place} is not within {length} tokens, the last inclusive.")
    return first, last, label
