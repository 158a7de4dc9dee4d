"""Passages to leave out: bylines, captions, boilerplate. Nothing in them is tagged, suggested, learnt or predicted."""

from django.db import transaction

from annotate.desk.sheet import Change, Desk
from annotate.models import How, Prediction, Project, Refused, Source
from annotate.passages import touching
from annotate.signals import suggestions_wanted


def leave_out(desk: Desk, start: int, end: int) -> None:
    """Leave [start, end) out; the spans inside go, and come back with undo."""
    low, high, kept = desk.around(start, end)
    desk.guard(start, end)
    if (low, high) != (start, end):
        raise Refused("This would cut an entity in two. Select all of it, or remove it first.", span=(low, high))
    mark(desk, start, end, out=True)
    desk.write([Change(start, ["O"] * len(kept), How.LEFT_OUT)], [])


def take_in(desk: Desk, start: int, end: int) -> None:
    """Take the passages that [start, end) touches in again."""
    desk.around(start, end)
    found = touching(desk.document.left_out, start, end)
    desk.guard(min([start, *(first for first, _ in found)]), max([end, *(last for _, last in found)]))
    if not found:
        raise Refused("Nothing is left out here.")
    for first, last in found:
        mark(desk, first, last, out=False)
    desk.write([Change(first, ["O"] * (last - first), How.TAKEN_IN) for first, last in found], [])


def mark(desk: Desk, start: int, end: int, out: bool) -> None:
    """Put the passage among those left out, or take it from there."""
    document = desk.document
    if not out:
        if (start, end) not in document.left_out:
            raise Refused("This passage is not left out any more.", span=(start, end))
        document.left_out = [passage for passage in document.left_out if passage != (start, end)]
        _want_suggestions(desk)
    elif touching(document.left_out, start, end):
        raise Refused("Some of this is left out already. Take that in first.", span=(start, end))
    else:
        document.left_out = sorted([*document.left_out, (start, end)])
    document.save(update_fields=["left_out"])


def _want_suggestions(desk: Desk) -> None:
    """The models have not read the passage, so what they said of the article is made anew; until then it stays.
    Without an uncertainty a model's prediction is taken for unfinished.
    """
    learnt = (Source.Kind.MODEL, Source.Kind.INSTANT)
    said = Prediction.objects.filter(document=desk.document, source__kind__in=learnt)
    said.update(uncertainty=None, to_mend=None)
    project = desk.document.project
    transaction.on_commit(lambda: suggestions_wanted.send(Project, project=project), robust=True)
