"""Verdicts on suggestions, one by one and at the finish."""

from annotate import iob2
from annotate.desk.sheet import Change, Desk, Judged, tags_between
from annotate.models import How, Refused, State, Verdict
from annotate.models.prediction import Suggestion


def accept(desk: Desk, start: int, end: int, label: str) -> None:
    suggestion = desk.suggestion(start, end, label)
    desk.guard(start, end)
    desk.write([taken(suggestion)], [Judged(suggestion, Verdict.Kind.ACCEPTED)])


def reject(desk: Desk, start: int, end: int, label: str) -> None:
    suggestion = desk.suggestion(start, end, label)
    desk.guard(start, end)
    change = Change(start, desk.annotation.tags[start:end], How.REJECTED, suggestion)
    desk.write([change], [Judged(suggestion, Verdict.Kind.REJECTED)])


def accept_all(desk: Desk, at_least: float) -> None:
    """Accept what is suggested at or above a probability, each as if by itself."""
    if desk.document.is_held_out:
        raise Refused("This article is held out and tagged blind: there is nothing to accept.")
    sure = [s for s in desk.suggestions() if s.probability is not None and s.probability >= at_least]
    if not sure:
        raise Refused(f"No suggestion is at or above {at_least:.0%}.")
    desk.guard_each([(s.start, s.end) for s in sure])
    desk.write([taken(s) for s in sure], [Judged(s, Verdict.Kind.ACCEPTED) for s in sure])


def finish(desk: Desk) -> None:
    """Take what is left at or above the threshold as accepted at finish; the rest must be judged first, one by
    one: what is below it, and what came without a probability. Soft marks are neither taken nor waited for.
    """
    if desk.annotation.is_finished:
        return
    left = desk.suggestions()
    threshold = desk.document.project.threshold
    unsure = [s for s in left if s.is_unsure(threshold)]
    if unsure:
        count = "one suggestion is" if len(unsure) == 1 else f"{len(unsure)} suggestions are"
        unknown = " or without a probability" if None in {s.probability for s in unsure} else ""
        raise Refused(f"Judge first: {count} below {threshold:.0%}{unknown}.", span=unsure[0][:2])
    desk.guard(0, desk.document.token_count)
    changes = [taken(s, How.ACCEPTED_AT_FINISH) for s in left]
    judged = [Judged(s, Verdict.Kind.ACCEPTED, at_finish=True) for s in left]
    desk.write([*changes, Change(0, [], How.FINISHED)], judged, status=State.FINISHED)


def reopen(desk: Desk) -> None:
    if desk.annotation.is_finished:
        desk.write([Change(0, [], How.REOPENED)], [], status=State.IN_PROGRESS)


def taken(suggestion: Suggestion, how: str = How.ACCEPTED) -> Change:
    start, end, label, *_ = suggestion
    how = How.PROPAGATED if suggestion.soft else how
    return Change(start, tags_between([iob2.Span(start, end, label)], start, end), how, suggestion)
