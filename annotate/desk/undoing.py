"""Undo and redo: a new edit that is the inverse of a person's own last one, read from the log."""

from django.db.models import F

from annotate.desk.sheet import Change, Desk
from annotate.history import undone_and_done
from annotate.models import Edit, How, Refused


def undo(desk: Desk) -> None:
    _take_back(desk, redo=False)


def redo(desk: Desk) -> None:
    _take_back(desk, redo=True)


def _take_back(desk: Desk, redo: bool) -> None:
    done, undone = undone_and_done(desk.annotation, desk.ask.by)
    batch = next(iter((undone if redo else done)[-1:]), None)
    if batch is None:
        raise Refused("There is nothing of yours to redo here." if redo else "There is nothing of yours to undo.")
    edits = list(desk.annotation.edits.filter(batch=batch.latest).order_by("-pk"))
    for edit in edits:
        later = desk.annotation.edits.filter(revision__gt=edit.revision, start__lt=edit.end, end__gt=edit.start)
        other = later.exclude(author=desk.ask.by).select_related("author").first()
        if other is not None:
            who = other.author.get_username() if other.author else "an import"
            raise Refused(f"{who} has changed these words since, so your change stays.")
    changes = [Change(e.start, e.before, How.REDONE if redo else How.UNDONE) for e in edits]
    status = edits[0].status_before if edits[0].status_before != edits[0].status_after else None
    if status is not None and _status_changed_since(desk, edits[0]):
        raise Refused("Somebody has finished or reopened this article since, so its state stays as it is.")
    desk.write(changes, [], status=status, undoes=batch.latest)
    desk.document.verdicts.filter(batch=batch.origin).update(active=redo)
    desk.document.offers.filter(batch=batch.origin).update(active=redo)


def _status_changed_since(desk: Desk, edit: Edit) -> bool:
    later = desk.annotation.edits.filter(revision__gt=edit.revision).exclude(author=desk.ask.by)
    changed = later.exclude(status_before=F("status_after")).exists()
    return changed or desk.annotation.status != edit.status_after
