"""Spans that a person makes and removes by hand."""

from annotate import iob2
from annotate.desk.sheet import Change, Desk, Judged, tags_between
from annotate.models import How, Verdict


def tag(desk: Desk, start: int, end: int, label: str) -> None:
    """Make [start, end) one span; spans that it touches give way, suggestions that it touches are judged."""
    low, high, kept = desk.around(start, end)
    desk.guard(low, high)
    # Only what the page showed can have been judged: a model that came in meanwhile is no reason to refuse a tag.
    open_now = desk.document.open_suggestions(desk.annotation.spans())
    touched = [s for s in open_now if s.source_id == desk.ask.source and s.overlaps(start, end)]
    exact = next((s for s in touched if (s.start, s.end, s.label) == (start, end, label)), None)
    how = How.ACCEPTED if exact else How.CORRECTED if touched else How.HAND
    after = tags_between([iob2.Span(start, end, label)], low, high)
    judged = [Judged(s, Verdict.Kind.ACCEPTED if s == exact else Verdict.Kind.CORRECTED) for s in touched]
    if after != kept:
        judged += desk.taken_back(low, high, Verdict.Kind.CORRECTED)
    if after != kept or judged:
        desk.write([Change(low, after, how, exact or (touched[0] if touched else None))], judged)


def clear(desk: Desk, start: int, end: int) -> None:
    """Remove the spans that touch [start, end)."""
    low, high, kept = desk.around(start, end)
    desk.guard(low, high)
    if any(tag != "O" for tag in kept):
        judged = desk.taken_back(low, high, Verdict.Kind.REJECTED)
        desk.write([Change(low, ["O"] * (high - low), How.HAND)], judged)
