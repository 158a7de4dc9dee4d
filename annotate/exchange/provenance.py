"""Who said what of some articles, from the log of their edits."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.contrib.auth.models import User

from annotate.exchange.hands import Hand, Line, Provenance, hands_of
from annotate.models import Annotation, Edit, Source

UNKNOWN = Hand(None, "", "unknown")
_COLUMNS = ("annotation_id", "start", "before", "after", "how", "at", "author__username", "probability", "source_id")


def provenances(annotations: Sequence[Annotation]) -> dict[int, Provenance]:
    """Of each of these annotations, by its id. As many queries for a hundred as for one."""
    found = Edit.objects.filter(annotation__in=annotations).order_by("annotation_id", "revision", "pk")
    rows = list(found.values_list(*_COLUMNS))
    sources = {pk: str(source) for pk, source in Source.objects.in_bulk({row[-1] for row in rows} - {None}).items()}
    logs = {pk: hands_of(_line(row, sources) for row in some) for pk, some in groupby(rows, lambda row: row[0])}
    finishers = {annotation.finished_by_id for annotation in annotations if annotation.finished_by_id}
    names = dict(User.objects.filter(pk__in=finishers).values_list("pk", "username"))
    return {
        annotation.pk: Provenance(
            names.get(annotation.finished_by_id) if annotation.finished_by_id else None,
            _told(annotation.finished_at) if annotation.finished_at else None,
            annotation.blind,
            tuple(logs.get(annotation.pk, {}).get(span, UNKNOWN) for span in annotation.spans()),
        )
        for annotation in annotations
    }


def _line(row: Any, sources: dict[int, str]) -> Line:
    _, start, before, after, how, at, by, probability, source = row
    return Line(start, before, after, Hand(by, _told(at), how, sources.get(source), probability))


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
