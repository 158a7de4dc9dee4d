"""Undo and redo: a new edit that is the inverse of a person's own last one, read from the log.

Tokens may have been split since an edit, so its words are found by their code points, which never move.
"""

from bisect import bisect_left
from typing import NamedTuple

from django.db.models import F

from annotate import iob2
from annotate.desk import passages, resplitting
from annotate.desk.sheet import Change, Desk
from annotate.history import undone_and_done
from annotate.models import Edit, How, Needless, Refused
from annotate.models.relabelling import Names


class _Place(NamedTuple):
    """An edit and where its tokens are now."""

    edit: Edit
    start: int
    end: int


def undo(desk: Desk) -> None:
    _take_back(desk, redo=False)


def redo(desk: Desk) -> None:
    _take_back(desk, redo=True)


def _take_back(desk: Desk, redo: bool) -> None:
    done, undone = undone_and_done(desk.annotation, desk.ask.by)
    batch = next(iter((undone if redo else done)[-1:]), None)
    if batch is None:
        raise Needless("There is nothing of yours to redo here." if redo else "There is nothing of yours to undo.")
    edits = list(desk.annotation.edits.filter(batch=batch.latest).order_by("-pk"))
    how = How.REDONE if redo else How.UNDONE
    first = desk.annotation.edits.filter(batch=batch.origin).earliest("pk")
    if first.how == How.SPLIT:
        resplitting.take_back(desk, first, edits[0], how)
        return
    places = [_place(desk, edit) for edit in edits]
    words = [(place.edit.char_start, place.edit.char_end) for place in places if place.start < place.end]
    resplitting.untouched_since(desk, edits[0].revision, words)
    names = desk.document.project.label_changes.names_since_moment(edits[-1].at)
    changes = [Change(p.start, _under(names, p.edit.before), how) for p in places]
    status = edits[0].status_before if edits[0].status_before != edits[0].status_after else None
    if status is not None and _status_changed_since(desk, edits[0]):
        raise Refused("Somebody has finished or reopened this article since, so its state stays as it is.")
    if first.how in {How.LEFT_OUT, How.TAKEN_IN}:
        for place in places:
            passages.mark(desk, place.start, place.end, out=redo == (first.how == How.LEFT_OUT))
    desk.write(changes, [], status=status, undoes=batch.latest)
    desk.document.verdicts.filter(batch=batch.origin).update(active=redo)
    desk.document.offers.filter(batch=batch.origin).update(active=redo)


def _place(desk: Desk, edit: Edit) -> _Place:
    if edit.start == edit.end:  # of the whole article, or of none of its words
        return _Place(edit, 0, 0)
    offsets = desk.document.tokens
    start = bisect_left(offsets, (edit.char_start, 0))
    end = start + len(edit.before)
    same = end <= len(offsets) and (offsets[start][0], offsets[end - 1][1]) == (edit.char_start, edit.char_end)
    if not same:
        raise Refused("A token in these words was split or joined since, so your change stays.")
    return _Place(edit, start, end)


def _under(names: Names, tags: list[str]) -> list[str]:
    """Tags of the log under the names that labels have now. Refused where one of them was deleted."""
    if gone := sorted({tag[2:] for tag in tags if names.get(tag[2:], "") is None}):
        raise Refused(f"The label “{gone[0]}” has been deleted since, so your change stays.")
    return iob2.relabelled(tags, names)


def _status_changed_since(desk: Desk, edit: Edit) -> bool:
    later = desk.annotation.edits.filter(revision__gt=edit.revision).exclude(author=desk.ask.by)
    changed = later.exclude(status_before=F("status_after")).exists()
    return changed or desk.annotation.status != edit.status_after
