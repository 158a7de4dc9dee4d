"""Which of a person's batches can be undone, and which redone, read from the log."""

from typing import Any, NamedTuple
from uuid import UUID

from annotate.models import Annotation


class Batch(NamedTuple):
    """`origin` is the batch that did the thing, `latest` the last one that did, undid or redid it."""

    origin: UUID
    latest: UUID


def undone_and_done(annotation: Annotation, by: Any) -> tuple[list[Batch], list[Batch]]:
    """The person's batches that stand, and those they took back, oldest first. A new change ends what can be redone."""
    done: list[Batch] = []
    undone: list[Batch] = []
    if annotation.pk is None:
        return done, undone
    rows = annotation.edits.filter(author=by).exclude(how="imported").order_by("revision", "pk")
    seen: set[UUID] = set()
    for batch, how in rows.values_list("batch", "how"):
        if batch in seen:
            continue
        seen.add(batch)
        if how == "undone":
            undone.append(Batch(done.pop().origin, batch))
        elif how == "redone":
            done.append(Batch(undone.pop().origin, batch))
        else:
            done.append(Batch(batch, batch))
            undone.clear()
    return done, undone
