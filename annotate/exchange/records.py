"""What every reader yields and every writer takes: one article as a plain value, with what is wrong with it.

A reader fills a `Record` as the file has it and passes it through `checked`, which adds the problems. `apply` then
makes of it what can be stored: text, offsets, words and (where the file tags) well-formed IOB2 tags.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from annotate import iob2, schemes, tokens
from annotate.exchange import spans
from annotate.exchange.choices import EDGES, OVERLAPS, Choices
from annotate.exchange.hands import Provenance
from annotate.exchange.spans import CharSpan as CharSpan
from annotate.passages import Passages
from annotate.tokens import Offsets

OnError = Literal["repair", "skip", "fail"]
Scheme = Literal["auto"] | schemes.Scheme

LONGEST_TEXT = 1_000_000  # code points: longer than any article, short enough for a page
LONGEST = {"title": 500, "source": 500, "date": 40, "language": 35, "external_id": 200}
STATUSES = ("raw", "in_progress", "finished")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
    "aside": "aside",
}


def storable(message: str) -> str:
    """A message as every database takes it: what it quotes of a file may be a NUL or half a character."""
    if message.isascii() and "\0" not in message:
        return message
    return message.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


class FormatError(ValueError):
    """A file that cannot be read at all, or a record that must not be; the message is a sentence for people."""

    def __init__(self, message: str) -> None:
        super().__init__(storable(message))


class Problem(NamedTuple):
    """Something wrong ("error") or odd ("notice") about one record. Lines and records count from 1, tokens from 0."""

    line: int
    record: int
    token: int | None
    tag: str
    kind: str
    severity: str
    message: str


# What `apply` can mend without guessing, and how, in words.
REPAIRS = {
    "orphan": "I- without B- becomes B-",
    "blank-token": "a token with a blank is split, its tag continued",
    "empty-token": "an empty token is left out",
    "span-edge": EDGES["split"],
    "span-blank": "the blank at the span's edge is left out",
    "span-range": "the span is left out",
    "span-shape": "the span is left out",
    "span-quote": "the span is left out",
    "span-overlap": OVERLAPS["outermost"],
    "label": "entities of this label are left out",
}
AS_THEY_ARE = Choices()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One article of a file. `words` and `tags` are the file's own; a text without tokens has `offsets` of ours.

    `sentences_apart` says that the file tags sentence by sentence, so that no entity crosses a sentence start.
    `suggested` is what a machine said of it, where the file has that beside what people said, `suggested_by` which.
    `provenance` goes out alone.
    """

    line: int = 1
    number: int = 1
    text: str | None = None
    offsets: Offsets | None = None
    words: list[str] | None = None
    tags: list[str] | None = None
    spans: list[CharSpan] | None = None
    suggested: tuple[CharSpan, ...] = ()
    suggested_by: str = ""
    provenance: Provenance | None = None
    sentence_starts: list[int] | None = None
    sentences_apart: bool = False
    left_out: Passages = field(default_factory=list)
    title: str = ""
    external_id: str = ""
    source: str = ""
    date: str = ""
    language: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    split: str | None = None
    status: str | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    def error(self, kind: str, message: str, token: int | None = None, tag: str = "", line: int = 0) -> Problem:
        return Problem(line or self.line, self.number, token, storable(tag), kind, "error", storable(message))

    def notice(self, kind: str, message: str, token: int | None = None, tag: str = "", line: int = 0) -> Problem:
        return Problem(line or self.line, self.number, token, storable(tag), kind, "notice", storable(message))

    def entities(self) -> list[CharSpan]:
        """What its tags say, in code points; of an applied record."""
        offsets = self.offsets or []
        found = iob2.spans_of(self.tags or [])
        return [CharSpan(offsets[span.start][0], offsets[span.end - 1][1], span.label) for span in found]

    def scores(self) -> dict[tuple[int, int, str], float]:
        """How sure the file is of its spans, by token indices and label; of an applied record."""
        starts = {start: index for index, (start, _) in enumerate(self.offsets or [])}
        ends = {end: index + 1 for index, (_, end) in enumerate(self.offsets or [])}
        scored = [(span, span.score) for span in self.spans or []]
        return {(starts[s.start], ends[s.end], s.label): score for s, score in scored if score is not None}

    def suggestions(self) -> list[tuple[int, int, str, float | None]]:
        """What a machine said of it, by token indices, with how sure it was; of an applied record."""
        starts = {start: index for index, (start, _) in enumerate(self.offsets or [])}
        ends = {end: index + 1 for index, (_, end) in enumerate(self.offsets or [])}
        fitting = (s for s in self.suggested if s.start in starts and s.end in ends)
        return [(starts[s.start], ends[s.end], s.label, s.score) for s in fitting]

    def having(self, problems: Iterable[Problem]) -> "Record":
        added = tuple(problems)
        return replace(self, problems=self.problems + added) if added else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to read a file; "auto" asks the file. `labels` are the names that integer tags stand for, in order; `beside`
    is what lies in the file that belongs to it: brat's text, the type system of an XMI.
    """

    format: str = "auto"  # a key of `formats.READERS`
    scheme: Scheme = "auto"
    text_column: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)  # the column of a field of `LONGEST`, or of "split"
    tag_column: int = 0  # of CoNLL: counted from 1, or from the end with a minus; 0 looks for it
    blank_lines: int = 0  # of plain text: how many part two articles; 0 where a file is one article
    labels: tuple[str, ...] = ()
    beside: bytes | None = None


@dataclass(frozen=True)
class Corpus:
    """What a writer is given: articles as they come, and what is said once of all of them."""

    records: Iterable[Record]
    name: str = ""
    labels: Sequence[str] = ()

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)


def broken(line: int, number: int, kind: str, message: str) -> Record:
    """A record of which nothing could be read but where it stands."""
    bare = Record(line=line, number=number)
    return bare.having([bare.error(kind, message)])


def passed_over(line: int, number: int, kind: str, message: str) -> Record:
    """A record that its own file says is none: `apply` leaves it out, and a notice tells of it."""
    bare = Record(line=line, number=number)
    return bare.having([bare.notice(kind, message)])


def as_iob2(tags: list[str], scheme: str) -> list[str]:
    """Tags of a file in `scheme`, one sentence of them; a malformed tag stays, to be reported with its place."""
    return schemes.as_iob2(tags, scheme)


def apply(record: Record, on_error: OnError, choices: Choices = AS_THEY_ARE) -> Record | None:
    """Make a checked record storable: text, offsets, words, sentence starts, and well-formed tags or None.

    "repair" mends what `REPAIRS` names and leaves the rest out; "skip" leaves out every record with an error; left
    out is None. "fail" raises FormatError with the first error instead. What the choices decide is met as they say,
    whatever becomes of other errors. Raises ValueError for anything else.
    """
    if record.errors:
        mended = _without_errors(record, on_error, choices)
        if mended is None:
            return None
        record = mended
    elif choices.labels:
        record = _relabelled(record, choices.labels)
    if record.text is None or record.offsets is None:
        record = _with_text(record)
    assert record.text is not None
    assert record.offsets is not None
    if not record.offsets:
        return None  # passed over
    starts = record.sentence_starts
    if starts is None:
        starts = tokens.sentence_starts(record.text, record.offsets)
    words = [record.text[start:end] for start, end in record.offsets]
    return replace(record, words=words, sentence_starts=starts)


def _without_errors(record: Record, on_error: OnError, choices: Choices) -> Record | None:
    undecided = choices.undecided(record.errors)
    match on_error:
        case "fail" if undecided:
            raise FormatError(f"Line {undecided[0].line}: {undecided[0].message}")
        case "skip" if undecided:
            return None
        case "repair" | "skip" | "fail":
            is_read = record.words is not None or record.spans is not None
            if not is_read or any(problem.kind not in REPAIRS for problem in record.errors):
                return None
            mended = _fitted(record, choices) if record.words is None else _repaired(record, choices)
            return None if mended is None or mended.words == [] else mended
        case _:
            raise ValueError(f"{on_error!r} is no way to meet errors")


def _with_text(record: Record) -> Record:
    text, offsets = tokens.text_from_words(record.words or [], record.sentence_starts or [])
    return replace(record, text=text, offsets=offsets)


def _fitted(record: Record, choices: Choices) -> Record | None:
    """The record with the spans that its choices keep."""
    assert record.text is not None
    offsets = record.offsets or []
    found = spans.settled(record.spans or [], record.text, offsets, choices)
    if found is None:
        return None
    places = {bisect_left(found.offsets, (offsets[start][0], 0)) for start in record.sentence_starts or []}
    starts = sorted(place for place in places if place < len(found.offsets)) or None
    tags = spans.tags_of_spans(found.spans, found.offsets)
    suggested = tuple(spans.renamed(record.suggested, choices.labels))
    fitted = replace(record, spans=found.spans, offsets=found.offsets, tags=tags, suggested=suggested)
    return replace(fitted, sentence_starts=starts)


def _repaired(record: Record, choices: Choices) -> Record:
    kinds = {problem.kind for problem in record.errors}
    if record.tags is not None:
        tags = list(record.tags)
        for problem in record.errors:
            if problem.kind == "orphan" and problem.token is not None:
                tags[problem.token] = "B" + tags[problem.token][1:]
        unusable = {tag[2:] for tag in set(tags) if len(tag) > 2 and not spans.is_label(tag[2:])}
        names = {**dict.fromkeys(unusable, ""), **choices.labels}
        record = _relabelled(replace(record, tags=tags), names) if names else replace(record, tags=tags)
    return _split_blank_words(record) if kinds & {"blank-token", "empty-token"} else record


def _relabelled(record: Record, names: Mapping[str, str]) -> Record:
    tags = record.tags
    if tags is not None:
        tags = iob2.relabelled(tags, {name: into or None for name, into in names.items()})
    suggested = tuple(spans.renamed(record.suggested, names))
    return replace(record, tags=tags, spans=record.spans and spans.renamed(record.spans, names), suggested=suggested)


def _split_blank_words(record: Record) -> Record:
    words: list[str] = []
    tags: list[str] = []
    offsets: Offsets = []
    places: list[int] = []  # where each old word begins among the new
    orphaned = False
    for index, word in enumerate(record.words or []):
        places.append(len(words))
        tag = record.tags[index] if record.tags is not None else "O"
        if orphaned and tag.startswith("I-"):
            tag = "B" + tag[1:]
        ranges = tokens.visible_ranges(word)
        orphaned = tag.startswith("B-") and not ranges
        base = record.offsets[index][0] if record.offsets else 0
        offsets += [(base + start, base + end) for start, end in ranges]
        words += [word[start:end] for start, end in ranges]
        tags += [tag if place == 0 else _continued(tag) for place in range(len(ranges))]
    starts = record.sentence_starts
    if starts is not None:
        starts = sorted({places[start] for start in starts if places[start] < len(words)})
    return replace(
        record,
        words=words,
        tags=tags if record.tags is not None else None,
        sentence_starts=starts,
        left_out=_moved(record.left_out, [*places, len(words)]),
        offsets=offsets if record.offsets is not None else None,
    )


def _moved(passages: Passages, places: list[int]) -> Passages:
    moved = [(places[start], places[end]) for start, end in passages]
    return [(start, end) for start, end in moved if start < end]


def _continued(tag: str) -> str:
    return tag if tag == "O" else "I" + tag[1:]
