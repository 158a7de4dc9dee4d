"""What a row's columns or keys are called, in CSV and JSON alike."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from annotate.exchange.records import SPLIT_NAMES

TEXT = ("text", "body", "content", "article", "full_text")
NAMES = {
    "title": ("title", "headline"),
    "external_id": ("external_id", "id"),
    "source": ("source", "publication", "publisher", "url", "link"),
    "date": ("date", "published", "published_at", "publication_date", "pubdate"),
    "language": ("language", "lang"),
}


class Identity(NamedTuple):
    """The keys of a row that name the article, as arguments of a `Record`, and those that were used."""

    fields: dict[str, Any]
    used: set[str]


def text_key(keys: list[str], wished: str = "") -> str | None:
    """The key that holds the article's text: the one asked for, else the first of the usual names, in any case."""
    if wished:
        return wished if wished in keys else None
    folded = {key.strip().casefold(): key for key in reversed(keys)}
    return next((folded[name] for name in TEXT if name in folded), None)


def identity(row: Mapping[str, Any]) -> Identity:
    """Title, id, source, date, language and split of a row, by the usual names; only plain values count."""
    folded = {key.strip().casefold(): key for key in reversed(list(row))}
    fields: dict[str, Any] = {}
    used: set[str] = set()
    for field, names in NAMES.items():
        key = next((folded[name] for name in names if name in folded and _is_plain(row[folded[name]])), None)
        if key is not None:
            value = row[key]
            fields[field] = value if isinstance(value, str) else json.dumps(value)
            used.add(key)
    key = folded.get("split")
    if key is not None and isinstance(row[key], str) and row[key].strip().casefold() in SPLIT_NAMES:
        fields["split"] = SPLIT_NAMES[row[key].strip().casefold()]
        used.add(key)
    return Identity(fields, used)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
