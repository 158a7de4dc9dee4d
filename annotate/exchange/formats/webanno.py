"""INCEpTION's WebAnno TSV 3.3: a token a line under the text of its sentence, and a column for each feature.

After the format's own description and the reader of INCEpTION: UTF-8 whose offsets count UTF-16 units, and
text between two sentences that is not recorded, so that a reader fills it with a line break and blanks.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from annotate.exchange.checking import checked
from annotate.exchange.formats.head import Head
from annotate.exchange.formats.webannosigns import FORMAT, SPAN_LAYER, TEXT, VERSIONS, plain_text, plain_value
from annotate.exchange.lines import lines
from annotate.exchange.records import LONGEST_TEXT, CharSpan, FormatError, Options, Problem, Record, broken
from annotate.tokens import Offsets, TokenError, check_offsets

MOST_LAYERS = 1_000
MOST_FEATURES = 10_000  # of all layers
LONGEST_LINE = 4 * LONGEST_TEXT  # characters: one may have the whole text, each sign of it escaped
CHAINS, RELATIONS = "#T_CH=", "#T_RL="
# Layers that say something of every token, and are no entities.
_OF_TOKENS = ("de.tudarmstadt.ukp.dkpro.core.api.lexmorph.", "de.tudarmstadt.ukp.dkpro.core.api.segmentation.")
_UNIT = re.compile(r"([0-9]{1,9})-([0-9]{1,9})(\.[0-9]{1,9})?")
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_STACKED = re.compile(r"(?:\\.|[^\\|])+")
_WITH_ID = re.compile(r"((?:\\.|[^\\\[])*)\[([0-9]{1,9})\]")


class _Unit(NamedTuple):
    """A token or a part of one: its line, its range in UTF-16 units, and the raw value of the column of entities."""

    line: int
    start: int
    end: int
    form: str
    value: str
    is_part: bool


class _Sentence(NamedTuple):
    line: int
    texts: list[str]  # its lines
    units: list[_Unit]


class _Column(NamedTuple):
    """The column that entities are read from, counted from the first after the form, and the layers beside it."""

    place: int | None
    others: list[str]


class _Broken(ValueError):
    """What is wrong with the file, and where; it is one article, so nothing is left of it."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def is_mine(head: Head) -> bool:
    return head.data.removeprefix(BOM_UTF8).startswith(FORMAT.encode())


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The one article of a file. Raises FormatError for a version that nobody writes any more."""
    numbered = enumerate(lines(stream, LONGEST_LINE), start=1)
    try:
        layers, first = _header(numbered)
        column = _column(layers)
        sentences = list(_sentences(numbered, first, column.place))
        yield _record(sentences, column, PurePath(name).stem)
    except _Broken as error:
        yield broken(error.line, 1, "webanno", str(error))


def _header(numbered: Iterator[tuple[int, str]]) -> tuple[list[tuple[str, list[str]]], tuple[int, str]]:
    """The layers with their features, one column each, and the first line that is no header's."""
    _, first = next(numbered, (1, ""))
    version = first.strip().removeprefix(FORMAT)
    if version not in VERSIONS:
        raise FormatError(f"This is WebAnno TSV {version[:20]}; read are {' and '.join(VERSIONS)}. Export it anew.")
    layers: list[tuple[str, list[str]]] = []
    columns = 0
    for number, line in numbered:
        kind, _, declared = line.rstrip("\r\n").partition("=")
        if f"{kind}=" not in {SPAN_LAYER, CHAINS, RELATIONS}:
            return layers, (number, line)
        parts = [part for part in declared.split("|", MOST_FEATURES) if part]
        if not parts:
            raise _Broken(number, "The line names no layer.")
        name, *features = parts
        layers.append((f"{kind}={name}", features or [""]))
        columns += len(features)
        if len(layers) > MOST_LAYERS or columns > MOST_FEATURES:
            raise _Broken(number, f"The file names more than {MOST_LAYERS:,} layers or {MOST_FEATURES:,} features.")
    return layers, (0, "")


def _column(layers: Sequence[tuple[str, list[str]]]) -> _Column:
    """The named entities' value, else the first value of the first layer of spans that is not about every token."""
    candidates = []
    place = 0
    for layer, features in layers:
        name = layer.removeprefix(SPAN_LAYER)
        if name != layer and not name.startswith(_OF_TOKENS):
            found = _value(features)
            if found is not None:
                candidates.append((not name.endswith(".NamedEntity"), place + found, layer))
        place += len(features)
    chosen = min(candidates, default=None)
    others = [layer.partition("=")[2] for layer, _ in layers if chosen is None or layer != chosen[2]]
    return _Column(None if chosen is None else chosen[1], others)


def _value(features: Sequence[str]) -> int | None:
    """The place of the feature that names the kind of entity; links to other annotations are none."""
    if "value" in features:
        return features.index("value")
    plain = (place for place, feature in enumerate(features) if "." not in feature and not feature.startswith("ROLE_"))
    return next((place for place in plain if features[place] != "identifier"), None)


def _sentences(numbered: Iterator[tuple[int, str]], first: tuple[int, str], place: int | None) -> Iterator[_Sentence]:
    sentence: _Sentence | None = None
    length = 0  # of the text, and one for each token and part of one
    size = 0  # of the words and values of these
    for number, line in _and_then(first, numbered):
        line = line.removesuffix("\n").removesuffix("\r")
        if line.startswith(TEXT):
            if sentence is None or sentence.units:
                if sentence is not None:
                    yield sentence
                sentence = _Sentence(number, [], [])
            sentence.texts.append(plain_text(line.removeprefix(TEXT)))
            length += len(sentence.texts[-1]) + 1
        elif line.startswith("#") or not line:
            continue
        elif sentence is None:
            raise _Broken(number, "A token stands before any “#Text=” line.")
        else:
            sentence.units.append(unit := _unit(number, line, place))
            length += 1
            size += len(unit.form) + len(unit.value)
        if length > 2 * LONGEST_TEXT or size > LONGEST_LINE:
            raise _Broken(number, f"The article is longer than {LONGEST_TEXT:,} characters. Split it.")
    if sentence is not None:
        yield sentence


def _and_then(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    if first[0]:
        yield first
    yield from rest


def _unit(number: int, line: str, place: int | None) -> _Unit:
    columns = line.split("\t")
    unit = _UNIT.fullmatch(columns[0])
    reach = _RANGE.fullmatch(columns[1]) if len(columns) > 2 else None
    if unit is None or reach is None:
        raise _Broken(number, f"The line is neither a token's nor a sentence's: {line[:80]!r}.")
    if place is not None and len(columns) < place + 4:
        raise _Broken(number, f"The line has {len(columns)} columns, too few for the layers that the file names.")
    value = columns[3 + place] if place is not None else "_"
    return _Unit(number, int(reach[1]), int(reach[2]), columns[2], value, unit[3] is not None)


def _record(sentences: Sequence[_Sentence], column: _Column, title: str) -> Record:
    text, places = _text(sentences)
    record = Record(text=text, title=title)
    units = [unit for sentence in sentences for unit in sentence.units]
    ranges = [_range(unit, text, places) for unit in units]
    offsets = [reach for unit, reach in zip(units, ranges, strict=True) if not unit.is_part]
    spans, problems = _spans(record, units, ranges)
    offsets = list(_cut(offsets, {edge for span in spans for edge in span[:2]}))
    try:
        check_offsets(text, offsets)
    except TokenError as error:
        raise _Broken(1, f"The tokens cannot be kept: {error}.") from error
    if column.place is None:
        problems.append(record.notice("layer", "No layer of the file holds entities: an article without tags."))
    elif column.others:
        told = ", ".join(column.others)
        problems.append(record.notice("layer", f"Other layers of the file were left out: {told[:500]}."))
    firsts = {places[sentence.units[0].start] for sentence in sentences}
    starts = [place for place, (start, _) in enumerate(offsets) if start in firsts]
    tagged = None if column.place is None else spans
    return checked(replace(record, offsets=offsets, sentence_starts=starts, spans=tagged).having(problems))


def _text(sentences: Sequence[_Sentence]) -> tuple[str, "array[int]"]:
    """The text of the article, and the place in it of each of its UTF-16 units."""
    parts: list[str] = []
    places = array("L")
    length = 0  # in code points, as `places` is in units
    for sentence in sentences:
        if not sentence.units:
            raise _Broken(sentence.line, "The sentence has no tokens.")
        begin = sentence.units[0].start
        gap = begin - len(places)
        if not 0 <= gap <= LONGEST_TEXT:
            raise _Broken(sentence.line, f"The sentence cannot begin at {begin:,} after {len(places):,} characters.")
        # What a reader of INCEpTION's puts where the file records nothing.
        padding = " " * gap if not parts or not gap else "\n" + " " * (gap - 1)
        text = padding + "\n".join(sentence.texts)
        for sign in text:
            places.extend([length] * (1 if sign <= "\uffff" else 2))
            length += 1
        parts.append(text)
        if length > LONGEST_TEXT:
            raise _Broken(sentence.line, f"The article is longer than {LONGEST_TEXT:,} characters. Split it.")
    places.append(length)
    return "".join(parts), places


def _range(unit: _Unit, text: str, places: "array[int]") -> tuple[int, int]:
    """The code points of a unit. Raises _Broken where its word is not there."""
    if unit.start < unit.end < len(places):
        start, end = places[unit.start], places[unit.end]
        is_whole = all(not at or places[at] != places[at - 1] for at in (unit.start, unit.end))
        if is_whole and text[start:end] in {unit.form, plain_text(unit.form), plain_value(unit.form)}:
            return start, end
    raise _Broken(
        unit.line,
        f"“{unit.form[:60]}” is not at {unit.start} to {unit.end} of the text. Offsets count the units of UTF-16.",
    )


def _spans(
    record: Record, units: Sequence[_Unit], ranges: Sequence[tuple[int, int]]
) -> tuple[list[CharSpan], list[Problem]]:
    """The entities: one a value, and one for all values of a number, from its first token to its last."""
    spans: list[CharSpan] = []
    numbered: dict[str, int] = {}
    unnamed = 0
    for unit, (start, end) in zip(units, ranges, strict=True):
        for value in [] if unit.value == "_" else _STACKED.findall(unit.value):
            match = _WITH_ID.fullmatch(value)
            label = match[1] if match else value
            if label == "*":
                unnamed += 1
            elif match and match[2] in numbered:
                place = numbered[match[2]]
                spans[place] = spans[place]._replace(end=max(end, spans[place].end))
            else:
                if match:
                    numbered[match[2]] = len(spans)
                spans.append(CharSpan(start, end, plain_value(label)))
    if not unnamed:
        return spans, []
    return spans, [record.notice("no-label", f"Entities without a value were left out, on {unnamed:,} tokens.")]


def _cut(offsets: Offsets, edges: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The tokens, parted where the file has entities on parts of them."""
    cuts = sorted(edges)
    for start, end in offsets:
        yield from pairwise([start, *cuts[bisect_right(cuts, start) : bisect_left(cuts, end)], end])
