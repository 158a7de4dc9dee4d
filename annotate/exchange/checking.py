"""The problems of a record as a reader filled it: what cannot be stored, and what is odd."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from math import isfinite
from typing import Any

from annotate import iob2, tokens
from annotate.exchange.records import LONGEST, LONGEST_TEXT, CharSpan, Problem, Record
from annotate.exchange.spans import Ground, is_label, is_on_edges, once, tags_of_spans
from annotate.plural import counted

MOST_SPANS = 100_000  # of one article: with every second word of the longest one an entity there are fewer
MOST_FAULTS = 100_000  # of one article; what has more is none
TOLD = 100  # of the faults of what is none
DEEPEST = 100  # lists and objects in each other: Python and databases have limits of their own, not far above
QUOTED = 60  # characters of a span or a label: a message repeats both
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_BLANK_IN_LABEL = re.compile(r"\s+")


def checked(record: Record, lines: Sequence[int] | None = None) -> Record:
    """Add all problems that the record's own content shows; a text without tokens gets ours, spans become tags.

    `lines` says on which line each token stands, where the format has one token a line.
    """
    record = _within_limits(record)
    if fault := _metadata_fault(record.metadata):
        problem = record.error("unstorable", f"The article holds {fault}.")
        return replace(record, metadata={}).having([problem])
    if unstorable := _unstorable(record):
        return record.having([unstorable])
    if (count := max(len(record.spans or []), len(record.suggested))) > MOST_SPANS:
        message = f"The article has {count:,} spans, more than {MOST_SPANS:,}: no article has."
        return replace(record, spans=None, suggested=()).having([record.error("too-many", message)])
    if record.words is not None:
        return _checked_words(record, lines)
    return _checked_text(record)


def with_word_problems(record: Record, words: Sequence[str]) -> Record:
    """The record with what is wrong with the tokens of its file, where it holds them otherwise than as its words."""
    return _having(record, _word_problems(record, words))


def _checked_words(record: Record, lines: Sequence[int] | None) -> Record:
    words = record.words or []
    if not words:
        return record.having([record.error("empty", "The article has no tokens.")])
    record = _with_suggestions_that_fit(record, record.text or "")
    if max(len(words), sum(map(len, words))) > LONGEST_TEXT:
        return record.having([_too_long(record)])
    problems: Iterator[Problem] = _word_problems(record, words)
    tags = record.tags
    if tags is not None and len(tags) != len(words):
        message = f"The article has {counted(len(words), 'token')} but {counted(len(tags), 'tag')}."
        return _having(record, chain(problems, [record.error("length", message)]))
    if tags is not None:
        whole = {tag: _BLANK_IN_LABEL.sub("_", tag) for tag in set(tags)}
        record = replace(record, tags=[whole[tag] for tag in tags])
        problems = chain(problems, _tag_problems(record))
    if lines is not None:
        problems = (p if p.token is None else p._replace(line=lines[p.token]) for p in problems)
    return _having(record, problems)


def _having(record: Record, problems: Iterable[Problem]) -> Record:
    """The record with these problems; where there are more than anybody can mend, with the first of them."""
    found = list(islice(problems, MOST_FAULTS + 1))
    if len(found) > MOST_FAULTS:
        message = f"The article has more than {MOST_FAULTS:,} faults; the first {TOLD} are told."
        found = [*found[:TOLD], record.error("too-many", message)]
    return record.having(found)


def _word_problems(record: Record, words: Sequence[str]) -> Iterator[Problem]:
    for index, fault in tokens.word_faults(words):
        kind = "empty-token" if fault == "is empty" else "blank-token"
        tag = record.tags[index] if record.tags is not None and index < len(record.tags) else ""
        yield record.error(kind, f"Token {index} {fault}: {words[index]!r}.", index, tag)


def _tag_problems(record: Record) -> Iterator[Problem]:
    words, tags = record.words or [], record.tags or []
    if labels := sorted({tag[2:] for tag in set(tags) if len(tag) > 2 and not is_label(tag[2:])}):
        yield record.error("label", f"{labels[0][:60]!r} cannot be a label: too long, or it begins with a hyphen.")
    for start, end in _sentences(record):
        for fault in iob2.faults(words[start:end], tags[start:end]):
            yield record.error(fault.kind, fault.message, start + fault.token, fault.tag)
        for fault in iob2.notices(words[start:end], tags[start:end]):
            yield record.notice(fault.kind, fault.message, start + fault.token, fault.tag)


def _sentences(record: Record) -> list[tuple[int, int]]:
    length = len(record.words or [])
    if not record.sentences_apart or not record.sentence_starts:
        return [(0, length)]
    return list(zip(record.sentence_starts, [*record.sentence_starts[1:], length], strict=True))


def _checked_text(record: Record) -> Record:
    text = record.text or ""
    if len(text) > LONGEST_TEXT:
        return record.having([_too_long(record)])
    offsets = tokens.tokenize(text) if record.offsets is None else record.offsets
    if not offsets:
        return record.having([record.error("empty", "The article has no text.")])
    record = _with_suggestions_that_fit(replace(record, offsets=offsets), text)
    return record if record.spans is None else _checked_spans(record, text)


def _with_suggestions_that_fit(record: Record, text: str) -> Record:
    """The record without suggestions that have no place among its tokens, or overlap another: nobody has vouched for
    them, so they stop no import. Their edges may be where repair cuts tokens for the record's own spans.
    """
    if not record.suggested:
        return record
    starts, ends = (set(edges) for edges in zip(*(record.offsets or []), strict=True))
    ground = Ground(text, record.offsets or [])
    laid = [tight for span in record.spans or [] if (tight := ground.trimmed(span)) is not None]
    cuts = {edge for span in laid for edge in span[:2]} - starts - ends
    starts, ends = starts | cuts, ends | cuts
    found = once(s._replace(label=_BLANK_IN_LABEL.sub("_", s.label)) for s in record.suggested)
    kept: list[CharSpan] = []
    reached = 0
    for span in found:
        fits = span.start in starts and span.end in ends and reached <= span.start < span.end
        if fits and is_label(span.label):
            kept.append(span)
            reached = span.end
    if lost := len(found) - len(kept):
        message = f"{lost} of the article's {len(found)} suggestions overlap others or do not fit its tokens: left out."
        record = record.having([record.notice("suggestions", message)])
    return replace(record, suggested=tuple(kept))


def _checked_spans(record: Record, text: str) -> Record:
    spans = once(s._replace(label=_BLANK_IN_LABEL.sub("_", s.label)) for s in record.spans or [])
    offsets = record.offsets or []
    ground = Ground(text, offsets)
    problems = [p for span in spans if (p := _span_problem(record, text, span, ground))]
    problems += _overlap_problems(record, text, spans)
    if problems:
        return replace(record, spans=spans).having(problems)
    tags = tags_of_spans(spans, offsets)
    words = [text[start:end] for start, end in offsets]
    odd = [record.notice(f.kind, f.message, f.token, f.tag) for f in iob2.notices(words, tags)]
    return replace(record, spans=spans, tags=tags).having(odd)


def _span_problem(record: Record, text: str, span: CharSpan, ground: Ground) -> Problem | None:
    tight = ground.trimmed(span)
    if tight is None:
        place = f"{span.start} to {span.end} ({span.label[:QUOTED]})"
        message = f"The span {place} holds no text of the article's {len(text)} characters."
        return record.error("span-range", message)
    if not is_label(span.label):
        return record.error("label", f"The span {_shown(text, span)} has no usable label.")
    if tight != span:
        return record.error("span-blank", f"The span {_shown(text, span)} begins or ends with a blank.")
    if not is_on_edges(span, record.offsets or []):
        return record.error("span-edge", f"The span {_shown(text, span)} begins or ends inside a token.")
    return None


def _overlap_problems(record: Record, text: str, spans: Sequence[CharSpan]) -> Iterator[Problem]:
    """One for each span that an earlier one reaches into, the one that reaches farthest."""
    farthest: CharSpan | None = None
    for span in spans:
        if farthest is not None and span.start < farthest.end:
            message = f"The spans {_shown(text, farthest)} and {_shown(text, span)} overlap."
            yield record.error("span-overlap", message)
        if farthest is None or span.end > farthest.end:
            farthest = span


def _shown(text: str, span: CharSpan) -> str:
    shown = text[span.start : min(span.end, span.start + QUOTED)]
    return f"“{shown}” ({span.start} to {span.end}, {span.label[:QUOTED]})"


def _too_long(record: Record) -> Problem:
    return record.error("too-long", f"The article is longer than {LONGEST_TEXT:,} characters. Split the file.")


def _within_limits(record: Record) -> Record:
    """Move what is too long for its field into the metadata, and say so."""
    problems = []
    moved: dict[str, str] = {}
    changed: dict[str, Any] = {}
    for name, limit in LONGEST.items():
        value = getattr(record, name)
        if len(value) > limit:
            moved[name] = value
            changed[name] = value[:limit] if name == "title" else ""
            problems.append(
                record.notice("long-field", f"The {name} is over {limit} characters: kept in the metadata.")
            )
    if moved:
        record = replace(record, **changed, metadata={**record.metadata, **moved})
    return record.having(problems)


def _unstorable(record: Record) -> Problem | None:
    values = (
        record.text,
        record.words,
        record.tags,
        record.spans,
        record.suggested,
        record.metadata,
        *(getattr(record, n) for n in LONGEST),
    )
    if found := first_unstorable(values):
        name = "a NUL character" if found == "\x00" else f"half a character (the lone surrogate U+{ord(found):04X})"
        return record.error("unstorable", f"The article holds {name}.")
    return None


def _metadata_fault(value: Any, depth: int = 0) -> str:
    """What of it neither the report nor a database takes, in words; empty where there is no such thing."""
    if isinstance(value, float):
        return "" if isfinite(value) else "a number that is too large to be kept"
    if not isinstance(value, (dict, list)):
        return ""
    if depth > DEEPEST:
        return f"lists or objects in each other, more than {DEEPEST} deep"
    inner = value.values() if isinstance(value, dict) else value
    return next((fault for item in inner if (fault := _metadata_fault(item, depth + 1))), "")


def first_unstorable(value: Any) -> str | None:
    """A character, anywhere in a value as JSON has them, that no database takes."""
    if isinstance(value, str):
        match = _UNSTORABLE.search(value)
        return match[0] if match else None
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return first_unstorable("".join(value))
    if isinstance(value, (list, tuple)):
        return next((found for item in value if (found := first_unstorable(item))), None)
    return None
