"""What a row's columns or keys are called, in CSV and JSON alike."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
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
# The fields for which a column can be named, as people write them.
WISHED = {"title": "title", "id": "external_id", **{name: name for name in ("source", "date", "language", "split")}}


def wished(told: str) -> dict[str, str]:
    """Read which columns are meant: "title=Headline, date=Day". Raises ValueError with a sentence for people."""
    columns = {}
    for part in filter(None, map(str.strip, told.split(","))):
        field, equals, column = map(str.strip, part.partition("="))
        if not (equals and column):
            raise ValueError(f"“{part}” does not say which column is meant: write title=Headline, date=Day.")
        if field not in WISHED:
            raise ValueError(f"“{field}” is none of {', '.join(WISHED)}.")
        columns[WISHED[field]] = column
    return columns


def split_of(name: str) -> str | None:
    """The split that a file's name or folders speak of, as "data/train-00000-of-00001.parquet": the last such word."""
    words = [word for word in re.split(r"[\W\d_]+", name.casefold()) if word in SPLIT_NAMES]
    return SPLIT_NAMES[words[-1]] if words else None


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


def identity(row: Mapping[str, Any], wished: Mapping[str, str] = MappingProxyType({})) -> Identity:
    """Title, id, source, date, language and split of a row: `wished` says in which column, by field, else the usual
    names do; only plain values count.
    """
    folded = {key.strip().casefold(): key for key in reversed(list(row))}
    fields: dict[str, Any] = {}
    used: set[str] = set()
    for field, names in NAMES.items():
        keys = [wished[field]] if field in wished else [folded[name] for name in names if name in folded]
        key = next((key for key in keys if key in row and _is_plain(row[key])), None)
        if key is not None and key not in used:
            value = row[key]
            fields[field] = value if isinstance(value, str) else json.dumps(value)
            used.add(key)
    key = wished.get("split", folded.get("split"))
    if key is not None and isinstance(row.get(key), str) and row[key].strip().casefold() in SPLIT_NAMES:
        fields["split"] = SPLIT_NAMES[row[key].strip().casefold()]
        used.add(key)
    return Identity(fields, used)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
