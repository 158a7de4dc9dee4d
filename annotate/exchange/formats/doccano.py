"""doccano's JSON Lines: a text with `label` as [start, end, label], or with `entities` and `relations`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from annotate.exchange.formats import rows
from annotate.exchange.records import Options, Record


def is_row(row: Mapping[str, Any]) -> bool:
    if not isinstance(row.get("text", row.get("data")), str) or "tokens" in row or "spans" in row:
        return False
    return "Comments" in row or any(_is_spans(row.get(key)) for key in ("label", "labels")) or _has_offsets(row)


def record_of(row: Mapping[str, Any], options: Options, bare: Record) -> Record:
    general = {key: value for key, value in row.items() if key != "relations" and (value or key != "Comments")}
    if "text" not in general:  # as its exports of 2022 have it
        general["text"] = general.pop("data")
    record = rows.record_of(general, options, bare.line, bare.number, bare.split)
    relations = row.get("relations")
    if not isinstance(relations, list) or not relations:
        return record
    return record.having(
        [record.notice("relations", f"Relations ({len(relations)}) are left out: entities alone are kept.")]
    )


def write(records: Iterable[Record]) -> Iterator[str]:
    """One line a record. An article that nobody has begun has no `label`; to doccano that is the same as none found."""
    for record in records:
        row = rows.identity_of(record) | {"text": record.text}
        if record.tags is not None:
            row["label"] = [[span.start, span.end, span.label] for span in record.entities()]
        if record.metadata:
            row["meta"] = record.metadata
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _is_spans(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(span, list) and len(span) == 3 and isinstance(span[2], str) for span in value
    )


def _has_offsets(row: Mapping[str, Any]) -> bool:
    entities = row.get("entities")
    return isinstance(entities, list) and any(isinstance(span, dict) and "start_offset" in span for span in entities)
