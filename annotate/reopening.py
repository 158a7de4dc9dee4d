"""Reopening one article for a bulk action, and taking that back where nobody has touched it since."""

from datetime import datetime
from typing import Any
from uuid import UUID

from annotate.desk import Desk, do
from annotate.desk.sheet import Change
from annotate.models import Annotation, Ask, Document, How, State


def reopen(document: Document, by: Any, batch: UUID) -> str:
    """Answers who had finished it and when, for `finish_again`."""
    gold = document.gold()
    assert gold is not None
    was = f"{gold.finished_by_id or ''} {gold.finished_at.isoformat() if gold.finished_at else ''}"
    do(Desk(document, gold, Ask(by, batch, gold.revision)), "reopen")
    return was


def finish_again(document: Document, by: Any, batch: UUID, reopened: UUID, was: str) -> bool:
    """False, and nothing done, where it has been changed since it was reopened."""
    gold = document.gold()
    last = gold.edits.order_by("-revision", "-pk").first() if gold is not None else None
    if gold is None or last is None or last.batch != reopened:
        return False
    desk = Desk(document, gold, Ask(by, batch, gold.revision))
    desk.write([Change(0, [], How.FINISHED)], [], status=State.FINISHED, undoes=reopened)
    who, _, moment = was.partition(" ")
    finished_at = datetime.fromisoformat(moment) if moment else None
    Annotation.objects.filter(pk=gold.pk).update(finished_at=finished_at, finished_by=int(who) if who else None)
    return True
