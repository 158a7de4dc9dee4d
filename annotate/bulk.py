"""Bulk actions: a verb for many articles, in steps that nobody's edit has to wait for, logged one by one.

Each step stores what it changed, the lines of the log and how far the action is in one transaction, and only while
the claim holds. So an action that was cut off goes on where it ended, and one that was stopped can be undone.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, transaction
from django.utils import timezone

from annotate import moving, queue, reopening
from annotate.exchange.hidden import paced
from annotate.models import BulkAction, BulkChange, Document, Edit, How, Prediction, Project, Source, State

AT_ONCE = 500  # articles that the page itself sees to; more are a worker's
FEWEST, MOST = 5, 500  # articles of one step
STALE = timedelta(seconds=45)
Verb, Status = BulkAction.Verb, BulkAction.Status


class Gone(Exception):
    """Another process holds the action now, or nobody wants it any more."""


class Outcome(NamedTuple):
    """Of one step: what each changed article was, and why others were left as they were."""

    was: dict[int, str]
    refused: dict[str, int] = {}  # noqa: RUF012 - nobody writes into it


def begin(project: Project, by: Any, verb: str, pks: list[int], split: str = "") -> BulkAction:
    return BulkAction.objects.create(project=project, created_by=by, verb=verb, split=split, chosen=pks, total=len(pks))


def begin_undo(row: BulkAction, by: Any) -> BulkAction:
    """Raises IntegrityError where it is being undone already."""
    pks = list(row.changes.order_by("document_id").values_list("document_id", flat=True))
    with transaction.atomic():
        return BulkAction.objects.create(
            project=row.project, created_by=by, verb=Verb.UNDO, undoes=row, chosen=pks, total=len(pks)
        )


def start(row: BulkAction) -> None:
    """Do a small one at once; send for a worker to do a large one. Raises QueueDown; the row waits all the same."""
    if row.total > AT_ONCE:
        ring(row)
    elif claimed := BulkAction.objects.claim(row.pk):
        run(claimed)
    row.refresh_from_db()


def ring(row: BulkAction) -> None:
    queue.enqueue("io", "annotate.jobs.run_bulk", row.pk, job_id=f"run_bulk-{row.pk}")


def run(row: BulkAction) -> None:
    """Go on with a claimed action to its end, or to where it is stopped."""
    size = FEWEST
    try:
        while row.done < row.total:
            started = time.monotonic()
            _step(row, size)
            size = paced(size, time.monotonic() - started, FEWEST, MOST)
        BulkAction.objects.held(row).update(status=Status.DONE, claim=None)
    except Gone:
        return
    except DatabaseError as error:
        BulkAction.objects.held(row).update(status=Status.FAILED, claim=None, error=str(error))
    except Exception as error:
        reason = f"A fault of the program: {error!r}. What was done so far can be undone."
        BulkAction.objects.held(row).update(status=Status.FAILED, claim=None, error=reason)
        raise


def revive() -> None:
    """Let a worker go on with what a dead process has left, and ring for what waits without a job. Raises QueueDown."""
    silent = BulkAction.objects.filter(status=Status.WORKING, heartbeat_at__lt=timezone.now() - STALE)
    if silent.exists():  # a look that finds nothing waits for no writer
        silent.update(status=Status.WAITING, claim=None)
    waiting = BulkAction.objects.filter(status=Status.WAITING)
    if waiting.exists() and not queue.length("io"):
        for row in waiting.defer("chosen"):
            ring(row)


@transaction.atomic
def _step(row: BulkAction, size: int) -> None:
    pks = row.chosen[row.done : row.done + size]
    found = Document.objects.filter(project=row.project_id, pk__in=pks).defer("text", "tokens")
    documents = list(found.select_related("project").select_for_update(of=("self",)).order_by("pk"))
    outcome = _VERBS[row.verb](row, documents)
    changes = [BulkChange(action=row, document_id=pk, was=was) for pk, was in outcome.was.items()]
    BulkChange.objects.bulk_create(changes, ignore_conflicts=True)
    refused = dict(Counter(row.refused) + Counter(outcome.refused))
    done, changed = row.done + len(pks), row.changed + len(changes)
    progress = {"done": done, "changed": changed, "refused": refused, "heartbeat_at": timezone.now()}
    if not BulkAction.objects.held(row).update(**progress):
        raise Gone
    row.done, row.changed, row.refused = done, changed, refused


def _delete(row: BulkAction, documents: list[Document]) -> Outcome:
    return _deleted(row, [d for d in documents if d.deleted_at is None], How.DELETED)


def _deleted(row: BulkAction, documents: list[Document], how: str) -> Outcome:
    moment = timezone.now() if how == How.DELETED else None
    _log(row, documents, how)
    Document.objects.filter(pk__in=_pks(documents)).update(deleted_at=moment)
    return Outcome(dict.fromkeys(_pks(documents), ""))


def _undelete(row: BulkAction, documents: list[Document]) -> Outcome:
    """Bring back those that this action deleted, and nobody restored and deleted again."""
    assert row.undoes is not None
    lines = Edit.objects.filter(annotation=None, document__in=documents, how__in=(How.DELETED, How.RESTORED))
    last = dict(lines.order_by("pk").values_list("document_id", "batch"))
    ours = [d for d in documents if d.deleted_at is not None and last.get(d.pk) == row.undoes.batch]
    return _deleted(row, ours, How.RESTORED)


def _move(row: BulkAction, documents: list[Document]) -> Outcome:
    return _moved(row, [d for d in documents if d.deleted_at is None], row.split)


def _moved(row: BulkAction, documents: list[Document], split: str) -> Outcome:
    going, refused = moving.with_their_like(row.project, documents, split)
    was = {document.pk: document.split for document in going}
    _log(row, going, How.MOVED)
    Document.objects.filter(pk__in=was).update(split=split)
    return Outcome(was, refused)


def _move_back(row: BulkAction, documents: list[Document]) -> Outcome:
    assert row.undoes is not None
    back = set(row.changes.filter(document__in=documents).values_list("document_id", flat=True))
    documents = [d for d in documents if d.pk not in back]  # near-duplicates have moved along already
    was = dict(row.undoes.changes.filter(document__in=documents).values_list("document_id", "was"))
    there = [d for d in documents if d.split == row.undoes.split]
    moved, refused = dict[int, str](), Counter[str]()
    for split in sorted({was[d.pk] for d in there}):
        outcome = _moved(row, [d for d in there if was[d.pk] == split], split)
        moved |= outcome.was
        refused.update(outcome.refused)
    refused["moved again since"] += len(documents) - len(there)
    return Outcome(moved, +refused)


def _clear(row: BulkAction, documents: list[Document]) -> Outcome:
    """Take out of sight what the current model and imports have suggested. What a later model says is shown again."""
    said = Prediction.objects.filter(document__in=documents, document__deleted_at=None, cleared=None)
    shown = said.filter(source__kind=Source.Kind.IMPORT) | said.filter(source=row.project.current_source_id)
    pks = set(shown.values_list("document_id", flat=True))
    Prediction.objects.filter(pk__in=list(shown.values_list("pk", flat=True))).update(cleared=row.batch)
    _log(row, [d for d in documents if d.pk in pks], How.CLEARED)
    return Outcome(dict.fromkeys(pks, ""))


def _show_again(row: BulkAction, documents: list[Document]) -> Outcome:
    assert row.undoes is not None
    Prediction.objects.filter(document__in=documents, cleared=row.undoes.batch).update(cleared=None)
    _log(row, documents, How.UNDONE)
    return Outcome(dict.fromkeys(_pks(documents), ""))


def _reopen(row: BulkAction, documents: list[Document]) -> Outcome:
    finished = [d for d in documents if d.deleted_at is None and d.state == State.FINISHED]
    return Outcome({d.pk: reopening.reopen(d, row.created_by, row.batch) for d in finished})


def _finish_again(row: BulkAction, documents: list[Document]) -> Outcome:
    assert row.undoes is not None
    was = dict(row.undoes.changes.filter(document__in=documents).values_list("document_id", "was"))
    present = [d for d in documents if d.deleted_at is None]
    back = [d for d in present if reopening.finish_again(d, row.created_by, row.batch, row.undoes.batch, was[d.pk])]
    refused = Counter({"changed again since": len(documents) - len(back)})
    return Outcome(dict.fromkeys(_pks(back), ""), +refused)


def _flag(row: BulkAction, documents: list[Document]) -> Outcome:
    return _flagged(row, documents, True)


def _unflag(row: BulkAction, documents: list[Document]) -> Outcome:
    return _flagged(row, documents, False)


def _flagged(row: BulkAction, documents: list[Document], flagged: bool) -> Outcome:
    others = [d for d in documents if d.deleted_at is None and d.flagged is not flagged]
    _log(row, others, How.FLAGGED if flagged else How.UNFLAGGED)
    Document.objects.filter(pk__in=_pks(others)).update(flagged=flagged)
    return Outcome(dict.fromkeys(_pks(others), ""))


def _undo(row: BulkAction, documents: list[Document]) -> Outcome:
    assert row.undoes is not None
    return _UNDOINGS[row.undoes.verb](row, documents)


_VERBS: dict[str, Callable[[BulkAction, list[Document]], Outcome]] = {
    Verb.DELETE: _delete,
    Verb.MOVE: _move,
    Verb.CLEAR: _clear,
    Verb.REOPEN: _reopen,
    Verb.FLAG: _flag,
    Verb.UNFLAG: _unflag,
    Verb.UNDO: _undo,
}
_UNDOINGS: dict[str, Callable[[BulkAction, list[Document]], Outcome]] = {
    Verb.DELETE: _undelete,
    Verb.MOVE: _move_back,
    Verb.CLEAR: _show_again,
    Verb.REOPEN: _finish_again,
    Verb.FLAG: _unflag,
    Verb.UNFLAG: _flag,
}


def _pks(documents: Iterable[Document]) -> list[int]:
    return [document.pk for document in documents]


def _log(row: BulkAction, documents: Iterable[Document], how: str) -> None:
    """A line for each, that speaks of no token."""
    nowhere = {"start": 0, "end": 0, "char_start": 0, "char_end": 0, "before": [], "after": [], "revision": 0}
    common = {**nowhere, "author": row.created_by, "batch": row.batch, "how": how}
    undoes = row.undoes.batch if row.undoes else None
    Edit.objects.bulk_create(
        Edit(document=d, status_before=d.state, status_after=d.state, undoes=undoes, **common) for d in documents
    )
