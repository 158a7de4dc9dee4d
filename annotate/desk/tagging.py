"""Spans that a person makes and removes by hand, one by one or all of an article's at once."""

from collections.abc import Iterator
from typing import NamedTuple

from annotate import iob2
from annotate.desk.sheet import Change, Desk, Judged, tags_between
from annotate.models import How, Refused, State, Verdict
from annotate.models.prediction import Suggestion


class Place(NamedTuple):
    """A range of tokens, the spans that give way there and those that come in their stead: whole ones only."""

    low: int
    high: int
    old: list[iob2.Span]
    new: list[iob2.Span]


def tag(desk: Desk, start: int, end: int, label: str) -> None:
    """Make [start, end) one span; spans that it touches give way, suggestions that it touches are judged."""
    tag_all(desk, [iob2.Span(start, end, label)])


def tag_all(desk: Desk, spans: list[iob2.Span]) -> None:
    """Make each of these a span, all in one edit. They ascend and do not overlap."""
    changes, judged = _replaced(desk, spans, [])
    if changes:
        desk.write(changes, judged)


def put(desk: Desk, spans: list[iob2.Span], finished: bool | None = None) -> None:
    """Make these all the spans of the article, in one edit: those that are there stay as they are, others give way.
    They ascend and do not overlap. Who says with it that the article is finished has spoken of all its words, so that
    what is suggested beside these is rejected; `finished` False reopens it, None leaves it as it is.
    """
    current = desk.annotation.spans()
    standing, wanted = set(current), set(spans)
    new, gone = [s for s in spans if s not in standing], [s for s in current if s not in wanted]
    changes, judged = _replaced(desk, new, gone)
    status = None
    if finished and not desk.annotation.is_finished:
        desk.guard(0, desk.document.token_count)
        spoken_of = {judgement.suggestion[:3] for judgement in judged}
        left = [s for s in desk.suggestions(spans) if s[:3] not in spoken_of]
        changes += [Change(s.start, ["O"] * (s.end - s.start), How.REJECTED, s) for s in left]
        judged += [Judged(s, Verdict.Kind.REJECTED) for s in left]
        changes.append(Change(0, [], How.FINISHED))
        status = State.FINISHED
    elif finished is False and desk.annotation.is_finished:
        changes.append(Change(0, [], How.REOPENED))
        status = State.IN_PROGRESS
    if changes:
        desk.write(changes, judged, status=status)


def _replaced(desk: Desk, spans: list[iob2.Span], gone: list[iob2.Span]) -> tuple[list[Change], list[Judged]]:
    """What makes each of `spans` a span, and takes away those of `gone` that none of them touches."""
    if not all(0 <= span.start < span.end <= desk.document.token_count for span in spans):
        raise Refused("That selection lies outside the article.")
    current = desk.annotation.spans()
    places = list(_places(current, spans))
    replaced = {old for place in places for old in place.old}
    cleared = [span for span in gone if span not in replaced]
    desk.guard_each([*((place.low, place.high) for place in places), *((s.start, s.end) for s in cleared)])
    # Only what the page showed can have been judged: a model that came in meanwhile is no reason to refuse a tag.
    shown = [s for s in desk.document.open_suggestions(current) if s.soft or s.source_id == desk.ask.source]
    changes = [Change(s.start, ["O"] * (s.end - s.start), How.HAND) for s in cleared]
    judged = desk.retracted(cleared, Verdict.Kind.REJECTED)
    given_way: list[iob2.Span] = []
    for place, touched in _touching(places, shown):
        exact = [s for s in touched if s[:3] in place.new]
        if place.old != place.new or touched:
            changes.append(_change(place, touched, exact))
            judged += [Judged(s, Verdict.Kind.ACCEPTED if s in exact else Verdict.Kind.CORRECTED) for s in touched]
        if place.old != place.new:
            given_way += place.old
    return changes, judged + desk.retracted(given_way, Verdict.Kind.CORRECTED)


def clear(desk: Desk, start: int, end: int) -> None:
    """Remove the spans that touch [start, end)."""
    low, high, kept = desk.around(start, end)
    desk.guard(low, high)
    if any(tag != "O" for tag in kept):
        judged = desk.taken_back(low, high, Verdict.Kind.REJECTED)
        desk.write([Change(low, ["O"] * (high - low), How.HAND)], judged)


def _places(current: list[iob2.Span], spans: list[iob2.Span]) -> Iterator[Place]:
    """The new spans, each widened to what it touches; those that touch the same old span share a place."""
    waiting = iter([*current, None])
    old = next(waiting)
    place: Place | None = None
    for span in spans:
        while old is not None and old.end <= span.start:
            old = next(waiting)
        touched = []
        while old is not None and old.start < span.end:
            touched.append(old)
            old = next(waiting)
        low = min([span.start, *(s.start for s in touched)])
        high = max([span.end, *(s.end for s in touched)])
        if place is not None and low < place.high:
            place = Place(place.low, max(high, place.high), [*place.old, *touched], [*place.new, span])
            continue
        if place is not None:
            yield place
        place = Place(low, high, touched, [span])
    if place is not None:
        yield place


def _touching(places: list[Place], shown: list[Suggestion]) -> Iterator[tuple[Place, list[Suggestion]]]:
    """Each place with the suggestions that its new spans touch; one that two places touch belongs to the first."""
    owner = {token: n for n, place in enumerate(places) for new in place.new for token in range(new.start, new.end)}
    touched: list[list[Suggestion]] = [[] for _ in places]
    for suggestion in shown:
        owners = [owner[token] for token in range(suggestion.start, suggestion.end) if token in owner]
        if owners:
            touched[owners[0]].append(suggestion)
    return zip(places, touched, strict=True)


def _change(place: Place, touched: list[Suggestion], exact: list[Suggestion]) -> Change:
    """What becomes of the place, and how: a soft mark drawn otherwise than offered is a tag by hand."""
    answered = exact or [s for s in touched if not s.soft]
    how = How.CORRECTED if answered else How.HAND
    if len(exact) == len(place.new):
        how = How.PROPAGATED if all(s.soft for s in exact) else How.ACCEPTED
    after = tags_between(place.new, place.low, place.high)
    return Change(place.low, after, how, answered[0] if answered else None)
