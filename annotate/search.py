"""A person's words as a question to the full-text index. Whatever they type is data: no sign of it is an operator."""

import re

from django.db import connection

from annotate.triggers import spaced, unmarked

_PHRASE = re.compile(r'"([^"]*)"|(\S+)')


def phrases(typed: str) -> list[str]:
    """The words and the "quoted phrases" of a search, each without its signs."""
    pieces = (match[1] if match[1] is not None else match[2] for match in _PHRASE.finditer(typed))
    found = (re.sub(r"[\W_]+", " ", spaced(piece)).strip() for piece in pieces)
    return [phrase for phrase in found if phrase]


def condition(wanted: list[str]) -> tuple[str, list[str]]:
    """SQL that holds for the rows `w` of the index with all these phrases."""
    if connection.vendor == "sqlite":
        return "w.annotate_words MATCH %s", [" AND ".join(f'"{phrase}"' for phrase in wanted)]
    asked = f"phraseto_tsquery('simple', {unmarked('%s')})"
    return f"w.words @@ ({' && '.join([asked] * len(wanted))})", wanted
