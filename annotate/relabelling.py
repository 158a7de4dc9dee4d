"""Labels renamed, merged, deleted and brought back, in every article, in steps that nobody's edit has to wait for.

A change is in effect once it has begun: the old label is leaving, nobody may tag with it, and suggestions go by the new
name. Its spans follow a few articles at a time; each step stores tags, counts, log and progress in one transaction, and
only while the claim holds, so that one that was cut off goes on where it ended.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate import queue
from annotate.models import Import, Label, LabelChange, Project, Refused
from annotate.models.project import twin_of
from annotate.models.relabelling import rename_for_sources
from annotate.respanning import run

AT_ONCE = 100  # articles that the page itself sees to; more are a worker's
STALE = timedelta(seconds=45)
Kind, Status = LabelChange.Kind, LabelChange.Status


def busy_with(project: Project) -> str:
    """Why no label can be renamed, merged or deleted now, in words. Empty where it can."""
    unfinished = project.label_changes.unfinished().first()
    if unfinished is not None:
        return f"Another change of labels is not finished yet: {unfinished}. Wait for it, then try again."
    if project.imports.filter(status=Import.Status.IMPORTING).exists():
        return "Articles are being imported just now. Wait until they are all there, then try again."
    return ""


@transaction.atomic
def begin(
    project: Project, by: Any, kind: str, label: Label, into: str, batch: UUID, undoes: LabelChange | None = None
) -> LabelChange:
    """Put the change into effect; `start` does what is left. Raises Refused, and changes nothing then."""
    _hold(project)
    found = project.labels.filter(pk=label.pk, leaving=False).first()
    if found is None:
        raise Refused("This label is not there any more.")
    before = attributes(found)
    if kind == Kind.RENAMED:
        others = project.labels.filter(leaving=False).exclude(pk=found.pk).values_list("name", flat=True)
        if undoes is None and (twin := twin_of(into, others)):
            raise Refused(f"There is a label “{twin}”, which differs by its case alone.")
        Label.objects.filter(pk=found.pk).update(key="", leaving=True)
        _make(Label(project=project, name=into, **before))
    elif into and (into == found.name or not project.labels.filter(name=into, leaving=False).exists()):
        raise Refused(f"There is no other label “{into}” in this project.")
    Label.objects.filter(pk=found.pk).update(key="", leaving=True)
    row = LabelChange.objects.create(
        project=project,
        created_by=by,
        kind=kind,
        label=found.name,
        into=into,
        before=before,
        batch=batch,
        undoes=undoes,
        total=found.document_counts.count(),
    )
    rename_for_sources(project)
    return row


def why_not_undone(row: LabelChange) -> str:
    """Why the change cannot be taken back, in words. Empty where it can."""
    if row.status != Status.DONE or row.undoes_id is not None:
        return "This change cannot be taken back."
    if LabelChange.objects.filter(undoes=row).exists():
        return "This change has been taken back already."
    names = {row.label, row.into} - {""}
    later = row.project.label_changes.filter(pk__gt=row.pk, undoes=None, undoing=None).exclude(kind=Kind.EDITED)
    for change in later.order_by("-pk"):
        if names & {change.label, change.into} and change.kind != Kind.ADDED:
            return f"A later change builds on it: {change}. Take that back first."
    return ""


@transaction.atomic
def begin_undo(row: LabelChange, by: Any, batch: UUID) -> LabelChange:
    """Put the opposite of a change into effect; `start` does what is left. Raises Refused."""
    _hold(row.project)
    if reason := why_not_undone(row):
        raise Refused(reason)
    if row.kind == Kind.RENAMED:
        label = row.project.labels.filter(name=row.into).first()
        if label is None:
            raise Refused(f"There is no label “{row.into}” any more.")
        return begin(row.project, by, Kind.RENAMED, label, row.label, batch, undoes=row)
    undo = LabelChange(project=row.project, created_by=by, label=row.label, batch=batch, undoes=row)
    if row.kind in (Kind.ADDED, Kind.EDITED):
        return _take_back_form(undo, row)
    taken = set(row.project.labels.values_list("key", flat=True))
    _make(Label(project=row.project, name=row.label, **{**row.before, "key": _free(row.before["key"], taken)}))
    undo.kind, undo.into, undo.total = Kind.RESTORED, row.into, row.documents.count()
    undo.save()
    rename_for_sources(row.project)
    return undo


def start(row: LabelChange) -> None:
    """Do a small one at once; send for a worker to do a large one. Raises QueueDown; the row waits all the same."""
    if row.total > AT_ONCE:
        ring(row)
    elif claimed := LabelChange.objects.claim(row.pk):
        run(claimed)
    row.refresh_from_db()


def ring(row: LabelChange) -> None:
    queue.enqueue("io", "annotate.jobs.run_label_change", row.pk, job_id=f"run_label_change-{row.pk}")


def try_again(row: LabelChange) -> bool:
    """Let one that broke off go on where it ended."""
    broken = LabelChange.objects.filter(pk=row.pk, status=Status.FAILED)
    return bool(broken.update(status=Status.WAITING, error=""))


def revive() -> None:
    """Let a worker go on with what a dead process has left, and ring for what waits without a job. Raises QueueDown."""
    silent = LabelChange.objects.filter(status=Status.RUNNING, heartbeat_at__lt=timezone.now() - STALE)
    if silent.exists():  # a look that finds nothing waits for no writer
        silent.update(status=Status.WAITING, claim=None)
    waiting = LabelChange.objects.filter(status=Status.WAITING)
    if waiting.exists() and not queue.length("io"):
        for row in waiting:
            ring(row)


def attributes(label: Label) -> dict[str, Any]:
    return {name: getattr(label, name) for name in ("key", "color", "guideline", "position")}


def log_form(project: Project, by: Any, label: Label, before: dict[str, Any] | None) -> LabelChange | None:
    """Log a label that was added (`before` None) or whose key, colour or guideline was changed. None if nothing was."""
    if before == attributes(label):
        return None
    kind = Kind.ADDED if before is None else Kind.EDITED
    done = {"status": Status.DONE, "ended_at": timezone.now()}
    return LabelChange.objects.create(
        project=project, created_by=by, kind=kind, label=label.name, before=before or {}, **done
    )


def _take_back_form(undo: LabelChange, row: LabelChange) -> LabelChange:
    label = row.project.labels.filter(name=row.label, leaving=False).first()
    if label is None:
        raise Refused(f"There is no label “{row.label}” any more.")
    later = row.project.label_changes.filter(
        pk__gt=row.pk, kind=Kind.EDITED, label=row.label, undoes=None, undoing=None
    )
    if row.kind == Kind.EDITED and later.exists():
        raise Refused(f"“{row.label}” was changed again since. Take that back first.")
    undo.before, undo.status, undo.ended_at = attributes(label), Status.DONE, timezone.now()
    if row.kind == Kind.ADDED:
        if label.document_counts.exists():
            raise Refused(f"“{row.label}” has spans by now. Delete it, and say what becomes of them.")
        label.delete()
        undo.kind = Kind.DELETED
    else:
        for name in ("key", "color", "guideline"):
            setattr(label, name, row.before[name])
        _make(label)
        undo.kind = Kind.EDITED
    undo.save()
    rename_for_sources(row.project)
    return undo


def _hold(project: Project) -> None:
    """Of two changes at once, one waits here and then sees the other."""
    Project.objects.select_for_update().get(pk=project.pk)
    if reason := busy_with(project):
        raise Refused(reason)


def _make(label: Label) -> None:
    try:
        label.full_clean()
        with transaction.atomic():
            label.save()
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Refused(f"There is a label “{label.name}” already.") from error


def _free(key: str, taken: set[str]) -> str:
    return "" if key in taken else key
