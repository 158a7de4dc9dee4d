"""The values of a row of JSON: what they are, what is wrong with them, and the spans among them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeGuard, TypeVar

from annotate.exchange.records import CharSpan, Problem, Record

Span = TypeVar("Span")
SCORES = ("score", "probability", "confidence")
FAULTS_TOLD = 20  # of the spans of an article that cannot be read


class RowError(ValueError):
    """What is wrong with a row or a part of it; `kind` is the problem's."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def is_share(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def begin_of(value: Any) -> str:
    """How a value begins, as a message shows it."""
    try:
        return f"{value!r:.80}"
    except RecursionError:  # it was read with less on the stack
        return kind_of(value)


def kind_of(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def strings(values: Any, key: str) -> list[str]:
    if not isinstance(values, list):
        raise RowError("shape", f"“{key}” is no list but {kind_of(values)}.")
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise RowError("shape", f"“{key}” holds {kind_of(value)} at {index} where text is wanted.")
    return values


def spans_of(values: Sequence[Any], read: Callable[[Any], Span]) -> tuple[list[Span], list[RowError]]:
    """The spans among some values, as `read` has them, and what is wrong with the others: the first of it, and then how
    many there are.
    """
    spans: list[Span] = []
    faults: list[RowError] = []
    for value in values:
        try:
            spans.append(read(value))
        except RowError as error:
            if len(faults) < FAULTS_TOLD:
                faults.append(error)
    if (untold := len(values) - len(spans) - len(faults)) > 0:
        faults.append(RowError("span-shape", f"{untold:,} more of the article's spans cannot be read."))
    return spans, faults


def errors_of(record: Record, faults: Iterable[RowError]) -> list[Problem]:
    return [record.error(fault.kind, str(fault)) for fault in faults]


def notices_of(record: Record, faults: Iterable[RowError]) -> list[Problem]:
    """Of what a machine said: nobody vouches for it, so it stops no import."""
    return [record.notice(fault.kind, f"A suggestion is left out. {fault}") for fault in faults]


def span_of(span: Any) -> CharSpan:
    """[start, end, label], or an object with these; a score that is a share of one counts."""
    score = None
    if isinstance(span, list) and len(span) == 3:
        start, end, label = span
    elif isinstance(span, dict):
        start, end = (span.get(key, span.get(f"{key}_offset")) for key in ("start", "end"))
        label = span.get("label", span.get("tag"))
        score = next((span[key] for key in SCORES if is_share(span.get(key))), None)
    else:
        raise RowError("span-shape", f"A span is {kind_of(span)}, not [start, end, label].")
    if not (is_number(start) and is_number(end) and isinstance(label, str)):
        raise RowError("span-shape", f"A span is {begin_of(span)}, not two numbers and a label.")
    return CharSpan(start, end, label, score)
