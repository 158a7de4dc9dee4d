"""How WebAnno TSV is written down: its marks, and the signs that it escapes, in texts otherwise than in values."""

import re

FORMAT = "#FORMAT=WebAnno TSV "
VERSIONS = ("3.2", "3.3")
NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
SPAN_LAYER = "#T_SP="
TEXT = "#Text="
_ESCAPED_VALUE = re.compile(r"\\(->|[\\\[\]|_;*tn])")
_ESCAPED_TEXT = re.compile(r"\\([\\tnfrb\x00-\x07\x0e-\x1f])")
_TO_ESCAPE_IN_VALUE = re.compile(r"->|[\\\[\]|_;*\t\n]")
_TO_ESCAPE_IN_TEXT = re.compile(r"[\\\t\f\r\x00-\x08\x0e-\x1f]")
_LETTERS = {"\t": "t", "\n": "n", "\f": "f", "\r": "r", "\b": "b"}
_CONTROLS = {letter: control for control, letter in _LETTERS.items()}


def escaped_text(text: str) -> str:
    return _TO_ESCAPE_IN_TEXT.sub(_escaped, text)


def escaped_value(value: str) -> str:
    return _TO_ESCAPE_IN_VALUE.sub(_escaped, value)


def plain_text(text: str) -> str:
    return _ESCAPED_TEXT.sub(_meant, text)


def plain_value(value: str) -> str:
    return _ESCAPED_VALUE.sub(_meant, value)


def _escaped(match: re.Match[str]) -> str:
    return "\\" + _LETTERS.get(match[0], match[0])


def _meant(match: re.Match[str]) -> str:
    return _CONTROLS.get(match[1], match[1])
