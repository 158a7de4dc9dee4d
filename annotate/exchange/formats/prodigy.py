"""Prodigy's tasks, one a line: tokens and spans by code points, `token_end` inclusive, and the person's answer.

Its tokens are spaCy's: put together, with a blank where `ws` says so, they are the text, and so a line break or a
second blank is a token too. Such tokens are left out on the way in, and written on the way out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.rows import identity_of, metadata_of, with_state
from annotate.exchange.formats.rowvalues import (
    RowError,
    begin_of,
    errors_of,
    is_number,
    kind_of,
    notices_of,
    span_of,
    spans_of,
)
from annotate.exchange.hands import Provenance
from annotate.exchange.records import CharSpan, Options, Record, passed_over
from annotate.tokens import Offsets, TokenError, check_offsets, visible_ranges

ACCEPTED = "accept"
SUGGESTED = "_suggested"  # ours: the spans of this task are what a model says, for somebody to judge
PASSED_OVER = {"reject": "rejected", "ignore": "ignored"}
MARKS = ("_task_hash", "_input_hash", "_view_id", "_session_id")


def is_row(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("text"), str) and (
        any(mark in row for mark in MARKS)
        or row.get("answer") in (ACCEPTED, *PASSED_OVER)
        or _holds(row.get("tokens"), "start")
        or _holds(row.get("spans"), "token_start")
    )


def record_of(row: Mapping[str, Any], options: Options, bare: Record) -> Record:
    answer = row.get("answer")
    if isinstance(answer, str) and answer in PASSED_OVER:
        message = f"The task was {PASSED_OVER[answer]} in Prodigy: left out."
        return passed_over(bare.line, bare.number, PASSED_OVER[answer], message)
    text, meta = row["text"], row.get("meta")
    known = fields.identity(row)
    named = known.fields or (fields.identity(meta).fields if isinstance(meta, dict) else {})
    used = known.used | {"text", "tokens", "spans", "answer", *(key for key in row if key.startswith("_"))}
    tokens = _tokens(row.get("tokens"), text)
    spans, faults = _spans(row, tokens)
    if row.get(SUGGESTED) and answer is None:
        record = replace(bare, text=text, suggested=tuple(spans or ()), **named)
        record = record.having(notices_of(record, faults))
    else:
        record = replace(bare, text=text, spans=spans, **named)
        record = record.having(errors_of(record, faults))
    if tokens:
        record = _with_tokens(record, text, tokens)
        if any(_misleads(span, tokens) for span in row.get("spans") or []):
            message = "The spans' token_end (inclusive) does not fit their characters: the characters count."
            record = record.having([record.notice("token-end", message)])
    record = with_state(record, row, used)
    return checked(replace(record, metadata=metadata_of(row, used)))


def write(records: Iterable[Record]) -> Iterator[str]:
    """One task a record; the answer of a finished one is "accept". What is suggested is what a task has to begin with,
    so it stands in those that nobody has begun.
    """
    for record in records:
        text = record.text or ""
        tokens = _covering(text, record.offsets or [])
        row = identity_of(record) | {"text": text, "meta": record.metadata, "tokens": _written(text, tokens)}
        if record.tags is not None:
            row["spans"] = _spans_written(record.entities(), tokens)
            if "status" not in row:
                row["answer"] = ACCEPTED
            row |= _provenance(record.provenance, row["spans"])
        elif record.suggested:
            row |= {"spans": _spans_written(record.suggested, tokens), SUGGESTED: record.suggested_by or True}
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _spans_written(spans: Iterable[CharSpan], tokens: Offsets) -> list[dict[str, Any]]:
    starts = {start: index for index, (start, _) in enumerate(tokens)}
    ends = {end: index for index, (_, end) in enumerate(tokens)}
    written = []
    for start, end, label, score in spans:
        row = {"start": start, "end": end, "token_start": starts[start], "token_end": ends[end], "label": label}
        written.append(row if score is None else row | {"score": score})
    return written


def _provenance(provenance: Provenance | None, spans: list[dict[str, Any]]) -> dict[str, Any]:
    """What Prodigy calls the person and the moment of an answer; each span is given its own."""
    if provenance is None:
        return {}
    for span, hand in zip(spans, provenance.hands, strict=True):
        span |= asdict(hand)
    when = provenance.finished_at
    named = {"_annotator_id": provenance.finished_by, "_blind": provenance.blind}
    return named | {"_timestamp": int(datetime.fromisoformat(when).timestamp()) if when else None}


def _covering(text: str, offsets: Offsets) -> Offsets:
    """Tokens that with single blanks between them are the whole text: what is left between two is a token too."""
    covering: Offsets = []
    reached = 0
    for start, end in [*offsets, (len(text), len(text))]:
        gap = reached + (bool(covering) and text[reached:start].startswith(" "))
        covering += [(gap, start)] * (gap < start) + [(start, end)] * (start < end)
        reached = end
    return covering


def _written(text: str, tokens: Offsets) -> list[dict[str, Any]]:
    follows = [start for start, _ in tokens[1:]] + [len(text)]
    return [
        {"text": text[start:end], "start": start, "end": end, "id": index, "ws": end < follow}
        for index, ((start, end), follow) in enumerate(zip(tokens, follows, strict=True))
    ]


def _holds(values: Any, key: str) -> bool:
    return isinstance(values, list) and bool(values) and isinstance(values[0], dict) and key in values[0]


def _tokens(tokens: Any, text: str) -> Offsets:
    """Where the row's tokens lie, the blank ones too; none where it has none."""
    if tokens is None:
        return []
    if not isinstance(tokens, list):
        raise RowError("shape", f"“tokens” is no list but {kind_of(tokens)}.")
    ranges: Offsets = []
    for index, token in enumerate(tokens):
        if not isinstance(token, dict):
            raise RowError("shape", f"Token {index} is no object but {kind_of(token)}.")
        start, end, word = token.get("start"), token.get("end"), token.get("text")
        if not (is_number(start) and is_number(end) and 0 <= start <= end and text[start:end] == word):
            raise RowError(
                "offsets",
                f"Token {index}, {begin_of(word)}, is not at {begin_of(start)} to {begin_of(end)} of the text.",
            )
        ranges.append((start, end))
    return ranges


def _with_tokens(record: Record, text: str, tokens: Offsets) -> Record:
    """The record with these tokens, without the blank ones, and cut where one has a blank inside."""
    offsets = [(s + start, s + end) for s, e in tokens for start, end in visible_ranges(text[s:e])]
    try:
        check_offsets(text, offsets)
    except TokenError as error:
        raise RowError("offsets", f"The tokens cannot be kept: {error}.") from error
    if not set(offsets) <= set(tokens):
        record = record.having([record.notice("blank-token", "A token with a blank inside is split there.")])
    return replace(record, offsets=offsets)


def _spans(row: Mapping[str, Any], tokens: Offsets) -> tuple[list[CharSpan] | None, list[RowError]]:
    """The row's spans, None where it says nothing of any, and what is wrong with others."""
    spans = row.get("spans")
    if spans is None:
        return [] if row.get("answer") == ACCEPTED else None, []
    if not isinstance(spans, list):
        raise RowError("shape", f"“spans” is no list but {kind_of(spans)}.")
    return spans_of(spans, lambda span: _span(span, tokens))


def _span(span: Any, tokens: Offsets) -> CharSpan:
    if not isinstance(span, dict) or "start" in span:
        return span_of(span)
    first, last = span.get("token_start"), span.get("token_end")
    if not (is_number(first) and is_number(last) and 0 <= first <= last < len(tokens)):
        place = f"{begin_of(first)} to {begin_of(last)}"
        message = f"The span from token {place} is not within {len(tokens)} tokens, the last inclusive."
        raise RowError("span-range", message)
    return span_of({**span, "start": tokens[first][0], "end": tokens[last][1]})


def _misleads(span: Any, tokens: Offsets) -> bool:
    """Whether a span names another last token than its characters end with."""
    last, end = (span.get("token_end"), span.get("end")) if isinstance(span, dict) else (None, None)
    return is_number(last) and is_number(end) and not (0 <= last < len(tokens) and tokens[last][1] == end)
