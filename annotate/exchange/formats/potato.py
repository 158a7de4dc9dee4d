"""Potato's items: a text with what a model predicted, by the name of the annotation scheme."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.rows import metadata_of, span_of
from annotate.exchange.records import Options, Record


def is_row(row: Mapping[str, Any]) -> bool:
    predictions = row.get("predictions")
    return (
        isinstance(row.get("text"), str) and isinstance(predictions, dict) and any(map(_is_spans, predictions.values()))
    )


def record_of(row: Mapping[str, Any], options: Options, bare: Record) -> Record:
    known = fields.identity(row)
    schemes = row["predictions"]
    suggested = tuple(span_of(span) for spans in schemes.values() if _is_spans(spans) for span in spans)
    others = {name: value for name, value in schemes.items() if not _is_spans(value)}
    metadata = metadata_of({**row, "predictions": others or None}, known.used | {"text"})
    return checked(replace(bare, text=row["text"], suggested=suggested, metadata=metadata, **known.fields))


def _is_spans(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(span, dict) and "start" in span and "end" in span for span in value
    )
