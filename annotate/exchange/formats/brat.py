"""brat's standoff: a text that is never changed, a.txt, and what is said of it, a.ann; offsets in code points."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from annotate import iob2
from annotate.exchange.checking import checked
from annotate.exchange.formats.archive import named, zipped
from annotate.exchange.formats.head import Head
from annotate.exchange.formats.rowvalues import RowError
from annotate.exchange.lines import lines, pieces
from annotate.exchange.records import CharSpan, FormatError, Options, Problem, Record

MOST_BAD_LINES = 100  # after these the rest of a file is not looked at
LARGEST = 1 << 22  # characters of the lines with entities, all of which are held
# What else the lines of an .ann speak of, by their first sign.
OTHERS = {
    "A": "attributes",
    "M": "attributes",
    "N": "links",
    "R": "relations",
    "E": "events",
    "*": "equivalences",
    "#": "notes",
}
_RANGES = r"[0-9]{1,9} [0-9]{1,9}(?:;[0-9]{1,9} [0-9]{1,9})*"
_FIRST = re.compile(rf"\s*T[0-9]+\t\S+ {_RANGES}(?:[\t\r\n]|\Z)")
_PLACE = re.compile(rf"(\S+) ({_RANGES})")
_BLANK = re.compile(r"\s")


class _Entity(NamedTuple):
    line: int
    id: str
    label: str
    pieces: list[tuple[int, int]]


def is_mine(head: Head) -> bool:
    """Whether it begins with an entity; an .ann without any is known by its name alone."""
    return _FIRST.match(head.text) is not None


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The one article of an .ann file and the text beside it. Raises FormatError where there is no text."""
    stem = PurePath(name).stem
    if options.beside is None:
        raise FormatError(
            f"brat keeps the text of “{stem}.ann” in “{stem}.txt”, which is not here. Hand in both, or a zip of both."
        )
    record = Record(text=_text(options.beside, stem), title=stem)
    entities, problems = _entities(stream, record)
    spans, notices = _spans(record, entities)
    yield checked(replace(record, spans=spans).having([*problems, *notices]))


def write(records: Iterable[Record]) -> Iterator[bytes]:
    """A zip of texts and their annotations, and of the labels as brat wants to have them named. An article that
    nobody has tagged has no .ann.
    """
    return zipped(_files(records))


def _files(records: Iterable[Record]) -> Iterator[tuple[str, bytes]]:
    labels: dict[str, None] = {}
    for name, record in named(records):
        text, offsets = record.text or "", record.offsets or []
        yield f"{name}.txt", text.encode()
        if record.tags is not None:
            spans = iob2.spans_of(record.tags)
            labels.update(dict.fromkeys(span.label for span in spans))
            places = [(span.label, offsets[span.start][0], offsets[span.end - 1][1]) for span in spans]
            yield f"{name}.ann", "".join(_lines(text, places)).encode()
    sections = ["[entities]", *labels, "", "[relations]", "", "[events]", "", "[attributes]", ""]
    yield "annotation.conf", "\n".join(sections).encode()


def _lines(text: str, places: Sequence[tuple[str, int, int]]) -> Iterator[str]:
    for number, (label, start, end) in enumerate(places, start=1):
        # A line break inside an entity becomes a blank, as brat itself does it.
        yield f"T{number}\t{label} {start} {end}\t{_BLANK.sub(' ', text[start:end])}\n"


def _text(data: bytes, stem: str) -> str:
    try:
        return "".join(pieces(io.BytesIO(data)))
    except FormatError as error:
        raise FormatError(f"“{stem}.txt”: {error}") from error


def _entities(stream: BinaryIO, record: Record) -> tuple[list[_Entity], list[Problem]]:
    """The entities of an .ann file, and what is said of its other lines."""
    entities: list[_Entity] = []
    problems: list[Problem] = []
    others: Counter[str] = Counter()
    room = LARGEST
    for number, line in enumerate(lines(stream), start=1):
        line = line.rstrip("\r\n")
        if not line.strip():
            continue
        if line[0] in OTHERS:
            others[OTHERS[line[0]]] += 1
            continue
        try:
            entities.append(_entity(line, number, record.text or ""))
        except RowError as error:
            problems.append(record.error(error.kind, str(error), line=number))
        room -= len(line)
        if len(problems) == MOST_BAD_LINES or room < 0:
            problems.append(record.error("too-many", "The lines from here on were not looked at.", line=number))
            break
    if others:
        told = ", ".join(f"{kind} {count:,}" for kind, count in others.items())
        problems.append(record.notice("left-out", f"What is no entity was left out: {told}."))
    if not entities and not problems:
        problems.append(record.notice("no-entities", "The .ann has no entities: it counts as an article without any."))
    return entities, problems


def _entity(line: str, number: int, text: str) -> _Entity:
    """Raises RowError for a line that names no entity of the text."""
    name, _, rest = line.partition("\t")
    place, _, covered = rest.partition("\t")
    match = _PLACE.fullmatch(place)
    if not name.startswith("T") or match is None:
        raise RowError("brat", f"The line is none of brat's: {line[:80]!r}.")
    name = name[:20]
    found = [(int(start), int(end)) for start, _, end in (piece.partition(" ") for piece in match[2].split(";"))]
    for start, end in found:
        if not start < end <= len(text):
            message = f"{name} goes from {start} to {end}, but the text has {len(text):,} characters."
            raise RowError("span-range", message)
    length = sum(end - start for start, end in found)
    if length > len(text):
        raise RowError("span-range", f"{name} is in pieces that lie in each other.")
    # Its words are as many as their place has: of a long text nothing is compared that cannot be the same.
    own = " ".join(text[start:end] for start, end in found) if length <= 2 * len(covered) + 100 else ""
    if covered and covered.split() != own.split():
        own = own or text[found[0][0] : found[0][0] + 60]
        message = f"{name} is “{covered[:60]}” in the .ann, but “{own[:60]}” is at its place in the text."
        raise RowError("span-quote", message)
    return _Entity(number, name, match[1], found)


def _spans(record: Record, entities: Sequence[_Entity]) -> tuple[list[CharSpan], list[Problem]]:
    """The spans, and what became of entities in pieces: an entity of ours is one stretch, so it is taken from its first
    piece to its last, or, where another entity is in between, its longest piece that is free.
    """
    text = record.text or ""
    spans = [CharSpan(*entity.pieces[0], entity.label) for entity in entities if len(entity.pieces) == 1]
    taken = bytearray(len(text))
    for start, end, *_ in spans:
        taken[start:end] = b"\x01" * (end - start)
    notices = []
    for entity in entities:
        if len(entity.pieces) == 1:
            continue
        stretch = (min(entity.pieces)[0], max(end for _, end in entity.pieces))
        by_length = sorted(entity.pieces, key=lambda piece: piece[0] - piece[1])
        free = (place for place in [stretch, *by_length] if taken.find(1, *place) < 0)
        start, end = next(free, stretch)
        taken[start:end] = b"\x01" * (end - start)
        spans.append(CharSpan(start, end, entity.label))
        message = f"{entity.id} is in {len(entity.pieces)} pieces: taken as “{text[start:end][:80]}”."
        notices.append(record.notice("pieces", message, line=entity.line))
    return spans, notices
