"""The spans of a change of labels: step by step through its articles, with counts, log and progress."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import DatabaseError, transaction
from django.utils import timezone

from annotate import iob2
from annotate.exchange.hidden import paced
from annotate.models import (
    Annotation,
    Document,
    DocumentLabel,
    Edit,
    How,
    LabelChange,
    Offer,
    RelabelledDocument,
    Verdict,
)
from annotate.models.prediction import Source

FEWEST, MOST = 3, 500  # articles of one step
ROWS = 500  # verdicts or soft marks of one step
Kind, Status = LabelChange.Kind, LabelChange.Status


class Gone(Exception):
    """Another process holds the change now."""


class Move(NamedTuple):
    """One span whose label becomes another; None is no span."""

    start: int
    end: int
    label: str | None
    into: str | None


def run(row: LabelChange) -> None:
    """Go on with a claimed change to its end. May run twice: what is done already is not found any more."""
    size = 5
    try:
        while True:
            started = time.monotonic()
            if not _step(row, size) and _end(row):
                break
            size = paced(size, time.monotonic() - started, FEWEST, MOST)
    except Gone:
        return
    except DatabaseError as error:
        _fail(row, str(error))
    except Exception as error:
        _fail(row, f"A fault of the program: {error!r}.")
        raise
    row.refresh_from_db()


def _fail(row: LabelChange, reason: str) -> None:
    LabelChange.objects.held(row).update(status=Status.FAILED, claim=None, error=reason)


@transaction.atomic
def _step(row: LabelChange, size: int) -> bool:
    """Change the next few articles. False where there is none left."""
    pks = _next(row, size)
    if not pks:
        return False
    held = Document.objects.filter(pk__in=pks).select_for_update().order_by("pk").defer("text", "signature")
    documents = {document.pk: document for document in held}
    annotations = list(Annotation.objects.filter(document__in=documents))
    kept: Counter[int] = Counter()
    moves = _back(row, annotations, documents, kept) if row.kind == Kind.RESTORED else _forth(row, annotations)
    _write(row, annotations, documents, moves)
    RelabelledDocument.objects.bulk_create(
        [RelabelledDocument(change=row, document_id=pk, kept=kept[pk]) for pk in documents], ignore_conflicts=True
    )
    _tell(
        row,
        done=row.done + len(pks),
        last_document=pks[-1],
        spans=row.spans + sum(map(len, moves.values())),
        kept=row.kept + kept.total(),
    )
    return True


def _next(row: LabelChange, size: int) -> list[int]:
    if row.kind == Kind.RESTORED:
        assert row.undoes is not None
        went_through = row.undoes.documents.filter(document__gt=row.last_document).order_by("document")
        return list(went_through.values_list("document_id", flat=True)[:size])
    left = DocumentLabel.objects.filter(label__project=row.project_id, label__name=row.label)
    return list(left.order_by("document").values_list("document_id", flat=True)[:size])


def _forth(row: LabelChange, annotations: Iterable[Annotation]) -> dict[int, list[Move]]:
    """By annotation: every span of the label becomes one of the other, or none."""
    return {
        annotation.pk: [Move(*span, row.into or None) for span in annotation.spans() if span.label == row.label]
        for annotation in annotations
    }


def _back(
    row: LabelChange, annotations: list[Annotation], documents: dict[int, Document], kept: Counter[int]
) -> dict[int, list[Move]]:
    """By annotation: what the undone change did to a span is taken back where nobody has touched the span since."""
    assert row.undoes is not None
    log = Edit.objects.filter(annotation__in=annotations)
    did: dict[int, list[Edit]] = {annotation.pk: [] for annotation in annotations}
    for edit in log.filter(batch=row.undoes.batch):
        did[edit.annotation_id or 0].append(edit)
    since: dict[int, list[Edit]] = {annotation.pk: [] for annotation in annotations}
    first = min((edit.revision for edits in did.values() for edit in edits), default=0)
    for edit in log.filter(revision__gt=first).exclude(how=How.RELABELLED):
        since[edit.annotation_id or 0].append(edit)
    moves: dict[int, list[Move]] = {}
    for annotation in annotations:
        document = documents[annotation.document_id]
        spans = [_span_now(edit, annotation, document, since[annotation.pk]) for edit in did[annotation.pk]]
        moves[annotation.pk] = [Move(*span, row.undoes.into or None, row.label) for span in spans if span]
        kept[document.pk] += spans.count(None)
    return moves


def _span_now(edit: Edit, annotation: Annotation, document: Document, since: list[Edit]) -> tuple[int, int] | None:
    """The tokens where a change left its span; None where somebody has touched it. By characters: a token may have
    been split since.
    """
    for later in since:
        touches = later.char_start < edit.char_end and edit.char_start < later.char_end
        if touches and later.revision > edit.revision and later.before != later.after:
            return None
    starts = {start: index for index, (start, _) in enumerate(document.tokens)}
    ends = {end: index + 1 for index, (_, end) in enumerate(document.tokens)}
    start, end = starts.get(edit.char_start), ends.get(edit.char_end)
    if start is None or end is None:
        return None
    label = edit.after[0][2:]
    as_left = (start, end, label) in annotation.spans() if label else set(annotation.tags[start:end]) == {"O"}
    return (start, end) if as_left else None


def _write(
    row: LabelChange, annotations: list[Annotation], documents: dict[int, Document], moves: dict[int, list[Move]]
) -> None:
    changed = [annotation for annotation in annotations if moves[annotation.pk]]
    edits = []
    for annotation in changed:
        annotation.revision += 1
        annotation.updated_at = timezone.now()
        edits += [_log(row, annotation, documents[annotation.document_id], move) for move in moves[annotation.pk]]
    Annotation.objects.bulk_update(changed, ["tags", "revision", "updated_at"])
    Edit.objects.bulk_create(edits)
    _count(row, [annotation for annotation in annotations if annotation.kind == Annotation.Kind.GOLD])


def _log(row: LabelChange, annotation: Annotation, document: Document, move: Move) -> Edit:
    """Put the change into the tags and say so."""
    start, end = move.start, move.end
    before = annotation.tags[start:end]
    after = iob2.tags_of([(0, end - start, move.into)] if move.into else [], end - start)
    annotation.tags[start:end] = after
    return Edit(
        document_id=annotation.document_id,
        annotation=annotation,
        author=row.created_by,
        batch=row.batch,
        undoes=row.undoes.batch if row.undoes else None,
        revision=annotation.revision,
        start=start,
        end=end,
        char_start=document.tokens[start][0],
        char_end=document.tokens[end - 1][1],
        before=before,
        after=after,
        status_before=annotation.status,
        status_after=annotation.status,
        how=How.RELABELLED,
    )


def _count(row: LabelChange, gold: list[Annotation]) -> None:
    """Count the two labels in these articles anew."""
    labels = dict(row.project.labels.filter(name__in=[row.label, row.into]).values_list("name", "pk"))
    found = [Counter(span.label for span in annotation.spans()) for annotation in gold]
    rows = [
        DocumentLabel(document_id=annotation.document_id, label_id=pk, count=counts[name])
        for annotation, counts in zip(gold, found, strict=True)
        for name, pk in labels.items()
        if counts[name]
    ]
    documents = [annotation.document_id for annotation in gold]
    DocumentLabel.objects.filter(document__in=documents, label__in=labels.values()).delete()
    DocumentLabel.objects.bulk_create(rows)


def _end(row: LabelChange) -> bool:
    """Let verdicts and soft marks follow, and close the change. False where an edit under way left another span."""
    _settle(row)
    with transaction.atomic():
        leaving = row.project.labels.filter(name=row.label, leaving=True)
        if DocumentLabel.objects.filter(label__in=leaving).exists():
            return False
        leaving.delete()
        _tell(row, status=Status.DONE, ended_at=timezone.now())
    return True


def _settle(row: LabelChange) -> None:
    """A rejected suggestion must not come back under a new name, nor a soft mark stay under a name that is gone."""
    verdicts = Verdict.objects.filter(document__project=row.project_id)
    _settle_offers(row)
    if row.kind == Kind.RESTORED:
        for source in row.project.sources.all():
            _in_slices(
                row, verdicts.filter(source=source, label=row.into, said__in=_said(source, row)), label=row.label
            )
        return
    if row.kind != Kind.DELETED:
        _in_slices(row, verdicts.filter(label=row.label), label=row.into)


def _settle_offers(row: LabelChange) -> None:
    """Soft marks follow; what becomes of them is remembered where nothing else would tell an undo."""
    offers = Offer.objects.filter(document__project=row.project_id, label=row.label)
    if row.kind == Kind.RESTORED:
        assert row.undoes is not None
        changed = row.undoes.offers.all()
        if row.into:
            _in_slices(row, changed.filter(label=row.into), label=row.label)
        else:
            _in_slices(row, changed, active=True)
    elif row.kind == Kind.RENAMED:
        _in_slices(row, offers, label=row.into)
    elif row.into:
        _in_slices(row, offers, remember=True, label=row.into)
    else:
        _in_slices(row, offers.filter(active=True), remember=True, active=False)


def _said(source: Source, row: LabelChange) -> list[str]:
    """What this source calls the label that is brought back."""
    called = [said for said, now in source.renamed.items() if now == row.label]
    return called if row.label in source.renamed else [*called, row.label]


def _in_slices(row: LabelChange, rows: Any, remember: bool = False, **values: Any) -> None:
    last = 0
    while pks := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:ROWS]):
        with transaction.atomic():
            if remember:
                row.offers.add(*pks)
            rows.model.objects.filter(pk__in=pks).update(**values)
            _tell(row)
        last = pks[-1]


def _tell(row: LabelChange, **fields: Any) -> None:
    """Write to the row, in the transaction of what it tells of. Raises Gone where it is not ours any more."""
    if not LabelChange.objects.held(row).update(heartbeat_at=timezone.now(), **fields):
        raise Gone
    for name, value in fields.items():
        setattr(row, name, value)
