"""Label Studio's tasks: `data` with a text, `annotations` by people, `predictions` by models; and what it calls
JSON-MIN: the data, with the spans of one annotation beside it.

Offsets are code points, as its Python side counts them. Its editor has written UTF-16 code units: where the texts of
the spans show that, they are translated.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.rows import identity_of, metadata_of, with_state
from annotate.exchange.formats.rowvalues import (
    RowError,
    begin_of,
    errors_of,
    is_number,
    is_share,
    kind_of,
    notices_of,
    spans_of,
)
from annotate.exchange.records import CharSpan, Options, Record
from annotate.exchange.utf16 import CodeUnits

FROM_NAME, TO_NAME = "label", "text"  # as the labeling config in docs/formats.md names them
LABELS = "labels"  # the type of a result that is a span of plain text
QUOTES_COMPARED = 20


class _Mark(NamedTuple):
    """A span as a result has it; `quote` is what it says the text there is."""

    start: int
    end: int
    labels: list[str]
    quote: str | None
    score: float | None


class _Said(NamedTuple):
    """What one annotation or prediction says of the text; `odd` are notices, `faults` the spans that cannot be kept."""

    spans: tuple[CharSpan, ...]
    odd: tuple[tuple[str, str], ...]
    faults: list[RowError]


def is_row(row: Mapping[str, Any]) -> bool:
    return _is_task(row) or any(map(_is_marks, row.values()))


def record_of(row: Mapping[str, Any], options: Options, bare: Record) -> Record:
    if not _is_task(row):
        row = _whole(row)
    data, meta = row["data"], row.get("meta")
    annotations, predictions = _objects(row, "annotations"), _objects(row, "predictions")
    results = [result for said in (*annotations, *predictions) for result in _objects(said, "result")]
    text_key = _text_key(data, results, options.text_column)
    text: str = data[text_key]
    known = fields.identity({"id": row.get("id"), **data})
    used = known.used | {text_key}
    record = with_state(replace(bare, text=text, **known.fields), data, used)
    metadata = metadata_of(data, used) | metadata_of({"meta": meta or {}}, set())
    record = _with_annotation(replace(record, metadata=metadata), annotations)
    return checked(_with_prediction(record, predictions))


def write(records: Iterable[Record]) -> Iterator[str]:
    """A list of tasks. One that nobody has begun has no annotation."""
    between = "[\n"
    for record in records:
        task: dict[str, Any] = {"data": identity_of(record) | {"text": record.text}, "meta": record.metadata}
        if record.provenance is not None:
            task["meta"] = {**record.metadata, "provenance": record.provenance.told(e[:3] for e in record.entities())}
        if record.tags is not None:
            result = _results(record, record.entities())
            task["annotations"] = [{"result": result, "was_cancelled": False, "ground_truth": False}]
        if record.suggested:
            version = {"model_version": record.suggested_by} if record.suggested_by else {}
            task["predictions"] = [version | {"result": _results(record, record.suggested)}]
        yield between + json.dumps(task, ensure_ascii=False, allow_nan=False)
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _results(record: Record, spans: Sequence[CharSpan]) -> list[dict[str, Any]]:
    text = record.text or ""
    results = []
    for number, (start, end, label, score) in enumerate(spans):
        value = {"start": start, "end": end, "text": text[start:end], LABELS: [label]}
        result = {"id": f"s{number}", "from_name": FROM_NAME, "to_name": TO_NAME, "type": LABELS, "value": value}
        results.append(result if score is None else result | {"score": score})
    return results


def _is_task(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("data"), dict) and not isinstance(row.get("text"), str) and "tokens" not in row


def _is_marks(values: Any) -> bool:
    """Whether this is the spans of a row of JSON-MIN."""
    is_list = isinstance(values, list) and bool(values)
    return is_list and all(isinstance(value, dict) and {"start", "end", LABELS} <= value.keys() for value in values)


def _whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of JSON-MIN as the task that it is short for."""
    data = {key: value for key, value in row.items() if not _is_marks(value)}
    marks = [mark for values in row.values() if _is_marks(values) for mark in values]
    return {"data": data, "annotations": [{"result": [{"value": mark} for mark in marks]}]}


def _objects(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    values = holder.get(key)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise RowError("shape", f"“{key}” is no list of objects but {kind_of(values)}.")
    return values


def _text_key(data: Mapping[str, Any], results: Sequence[Mapping[str, Any]], wished: str) -> str:
    """The key of the text that was tagged, which the labeling config names and the task does not: the one asked for;
    else the one whose text the results quote, or that has a usual name, or the name of what they tag; else the longest.
    """
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    if wished in texts:
        return wished
    if wished or not texts:
        wanted = f"“{wished}”" if wished else "text"
        raise RowError("shape", f"The task's data has no {wanted}; it has {_shown(data) or 'nothing'}.")
    values = [result.get("value") for result in results[:QUOTES_COMPARED]]
    quotes = [value["text"] for value in values if isinstance(value, dict) and isinstance(value.get("text"), str)]
    named = {result.get("to_name") for result in results if isinstance(result.get("to_name"), str)}
    usual = fields.text_key(list(texts))

    def likelihood(key: str) -> tuple[int, bool, bool, int]:
        return sum(quote in texts[key] for quote in quotes), key == usual, key in named, len(texts[key])

    return max(texts, key=likelihood)


def _with_annotation(record: Record, annotations: Sequence[Mapping[str, Any]]) -> Record:
    """The record with what people said: the ground truth, or what most of them agree on to the letter."""
    valid = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    if annotations and not valid:
        return record.having(
            [record.notice("cancelled", "Its annotation was skipped in Label Studio: it comes untagged.")]
        )
    if not valid:
        return record
    truths = [annotation for annotation in valid if annotation.get("ground_truth")]
    said = [_said(annotation, record.text or "") for annotation in truths or valid]
    (spans, agreeing), *others = Counter(one.spans for one in said).most_common()
    chosen = next(one for one in said if one.spans == spans)
    record = record.having(errors_of(record, chosen.faults))
    if others:
        message = f"Its {len(said)} annotations differ: the one that most agree on ({agreeing}) was taken."
        record = record.having([record.notice("annotators", message)])
    return replace(record, spans=list(chosen.spans)).having(record.notice(*odd) for odd in chosen.odd)


def _with_prediction(record: Record, predictions: Sequence[Mapping[str, Any]]) -> Record:
    """The record with what the last of the models said."""
    if not predictions:
        return record
    said = _said(predictions[-1], record.text or "")
    odd = list(said.odd)
    if len(predictions) > 1:
        version = predictions[-1].get("model_version") or "no version"
        version = _shown([version if isinstance(version, str) else begin_of(version)])
        odd.append(("predictions", f"Of its {len(predictions)} predictions the last was taken ({version})."))
    record = record.having(notices_of(record, said.faults))
    return replace(record, suggested=said.spans).having(record.notice(*one) for one in odd)


def _said(said: Mapping[str, Any], text: str) -> _Said:
    results = _objects(said, "result")
    spans = [result for result in results if _type(result) == LABELS]
    odd = []
    if types := sorted({_type(result) for result in results} - {LABELS}):
        odd.append(("results", f"Results that are no spans of text ({_shown(types)}) are left out."))
    read, faults = spans_of(spans, _mark)
    if several := [mark.labels for mark in read if len(mark.labels) > 1]:
        odd.append(("several-labels", f"A span has several labels ({_shown(several[0])}): the first was taken."))
    marks = [mark for mark in read if mark.labels]
    if len(marks) < len(read):
        odd.append(("no-label", f"Spans without a label ({len(read) - len(marks)}) are left out."))
    if (translated := _from_code_units(marks, text)) is not None:
        odd.append(
            ("code-units", "Its offsets count UTF-16 code units, as its spans' texts show: they are translated.")
        )
        marks = translated
    marks.sort(key=lambda mark: mark[:3])
    kept, misquoted = spans_of(marks, lambda mark: _kept(mark, text))
    return _Said(tuple(kept), tuple(odd), [*faults, *misquoted])


def _type(result: Mapping[str, Any]) -> str:
    kind = result.get("type", LABELS)
    return kind[:50] if isinstance(kind, str) else kind_of(kind)


def _mark(result: Mapping[str, Any]) -> _Mark:
    value = result.get("value")
    labels = value.get(LABELS) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        raise RowError("span-shape", f"The value of a result is {begin_of(value)}, which has no list of labels.")
    start, end, quote, score = value.get("start"), value.get("end"), value.get("text"), result.get("score")
    if not (is_number(start) and is_number(end)):
        raise RowError("span-shape", f"A span is {begin_of(value)}, not two numbers and labels.")
    return _Mark(start, end, labels, quote if isinstance(quote, str) else None, score if is_share(score) else None)


def _kept(mark: _Mark, text: str) -> CharSpan:
    if not _fits(mark, text):
        raise RowError("span-quote", _misquote(mark, text))
    return CharSpan(mark.start, mark.end, mark.labels[0], mark.score)


def _from_code_units(marks: Sequence[_Mark], text: str) -> list[_Mark] | None:
    """The marks by code points; None unless some of them fit their quotes as code units alone, and none does as code
    points alone.
    """
    if text.isascii():
        return None
    units = CodeUnits(text)
    places = [(units.code_point(mark.start), units.code_point(mark.end)) for mark in marks]
    translated = [
        mark._replace(start=start, end=end) if start is not None and end is not None else None
        for mark, (start, end) in zip(marks, places, strict=True)
    ]
    fit = [
        (_fits(mark, text), other is not None and _fits(other, text))
        for mark, other in zip(marks, translated, strict=True)
    ]
    if (True, False) in fit or (False, True) not in fit:
        return None
    return [other or mark for mark, other in zip(marks, translated, strict=True)]


def _fits(mark: _Mark, text: str) -> bool:
    """Whether the text reads there as the mark says; blanks, which the editor does not always keep, do not count."""
    if mark.quote is None:
        return True
    if not 0 <= mark.end - mark.start <= 2 * len(mark.quote) + 100:
        return False  # and many such spans of a long text must not take for ever
    return _visible(text[max(mark.start, 0) : max(mark.end, 0)]) == _visible(mark.quote)


def _visible(text: str) -> str:
    return "".join(text.replace("\\n", "\n").split())


def _shown(names: Iterable[str]) -> str:
    """The first of some names, with signs that cannot be stored escaped."""
    return ", ".join(repr(name)[1:-1][:50] for name in itertools.islice(names, 5))


def _misquote(mark: _Mark, text: str) -> str:
    start = max(mark.start, 0)
    there, quote = text[start : min(max(mark.end, 0), start + 60)], (mark.quote or "")[:60]
    place = f"{mark.start} to {mark.end} ({_shown(mark.labels[:1])})"
    return f"The span {place} is “{_shown([quote])}” by its result, but “{_shown([there])}” in the text."
