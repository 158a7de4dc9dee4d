"""What the log of an article tells: what a person can undo and redo, and what changed since a page was made."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from annotate.models import Annotation, Edit
from annotate.prepared import prepared


class Touched(NamedTuple):
    """What changed since a revision: ranges of tokens, and the labels that spans came to or went from."""

    ranges: list[tuple[int, int]]
    labels: set[str]


class Batch(NamedTuple):
    """`origin` is the batch that did the thing, `latest` the last one that did, undid or redid it."""

    origin: UUID
    latest: UUID


def undone_and_done(annotation: Annotation, by: Any) -> tuple[list[Batch], list[Batch]]:
    """The person's batches that stand, and those they took back, oldest first. A new change ends what can be redone."""
    done: list[Batch] = []
    undone: list[Batch] = []
    if annotation.pk is None or by is None:
        return done, undone
    seen: set[UUID] = set()
    for batch, how, undoes in _log(annotation.pk, by.pk):
        if batch in seen:
            continue
        seen.add(batch)
        if how in ("undone", "redone"):
            taken_from, put_to = (done, undone) if how == "undone" else (undone, done)
            taken = next((one for one in taken_from if one.latest == undoes), None)
            if taken is not None:  # not a batch of somebody else's
                taken_from.remove(taken)
                put_to.append(Batch(taken.origin, batch))
        else:
            done.append(Batch(batch, batch))
            undone.clear()
    return done, undone


@prepared
def _log(annotation: Any, by: Any) -> QuerySet[Edit, tuple[UUID, str, UUID | None]]:
    """What the person did, in order; not what came in or was renamed in their name."""
    own = Edit.objects.filter(annotation=annotation, author=by).exclude(how__in=("imported", "relabelled"))
    return own.order_by("revision", "pk").values_list("batch", "how", "undoes")


def touched_since(annotation: Annotation, base: int, just_written: Sequence[Edit] = ()) -> Touched:
    """What changed since the revision `base`, soft marks that came or went with it. `just_written` made the last
    revision: mostly there is no other, and then the log need not be asked.
    """
    ranges: list[tuple[int, int]] = []
    labels: set[str] = set()
    if annotation.pk is None or annotation.revision <= base:
        return Touched(ranges, labels)
    all_offers = False
    columns = ("start", "end", "before", "after", "how")
    if just_written and annotation.revision == base + 1:
        rows = [tuple(getattr(edit, column) for column in columns) for edit in just_written]
    else:
        rows = list(annotation.edits.filter(revision__gt=base).values_list(*columns))
    for start, end, before, after, how in rows:
        ranges.append((start, end))
        labels.update(tag[2:] for tag in (*before, *after) if tag != "O")
        # Offered, finished, reopened, or one of these undone: its line changes no tag, the soft marks are elsewhere.
        all_offers = all_offers or (before == after and how != "rejected")
    covered = {token for start, end in ranges for token in range(start, end)}
    offers = annotation.document.offer_rows()
    ranges += [(s, e) for s, e, *_ in offers if all_offers or not covered.isdisjoint(range(s, e))]
    return Touched(ranges, labels)
