"""Potato's items: a text with what a model predicted, by the name of the annotation scheme."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.rows import metadata_of
from annotate.exchange.formats.rowvalues import notices_of, span_of, spans_of
from annotate.exchange.records import Options, Record


def is_row(row: Mapping[str, Any]) -> bool:
    predictions = row.get("predictions")
    return (
        isinstance(row.get("text"), str) and isinstance(predictions, dict) and any(map(_is_spans, predictions.values()))
    )


def record_of(row: Mapping[str, Any], options: Options, bare: Record) -> Record:
    known = fields.identity(row)
    schemes = row["predictions"]
    found = [span for spans in schemes.values() if _is_spans(spans) for span in spans]
    suggested, faults = spans_of(found, span_of)
    others = {name: value for name, value in schemes.items() if not _is_spans(value)}
    metadata = metadata_of({**row, "predictions": others or None}, known.used | {"text"})
    record = replace(bare, text=row["text"], suggested=tuple(suggested), metadata=metadata, **known.fields)
    return checked(record.having(notices_of(record, faults)))


def _is_spans(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(span, dict) and "start" in span and "end" in span for span in value
    )
