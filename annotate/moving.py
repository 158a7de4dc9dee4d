"""Moving articles to another split, so that held out stays held out: near-duplicates go together or not at all."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from django.db import models

from annotate import split as near
from annotate.models import Document, NearKey, Project, Split


class Like(NamedTuple):
    """What is asked of a near-duplicate."""

    pk: int
    signature: bytes
    group: str
    split: str


BETWEEN = "held aside: near-duplicates of it are on another side"


def with_their_like(project: Project, documents: Sequence[Document], split: str) -> tuple[list[Document], Counter[str]]:
    """The articles that move when these do, and why others cannot. All that shares a near-duplicate group with one, or
    is a near-duplicate across groups, moves with it, deleted ones too: they may be restored. What is held aside stays
    there, unless it is chosen itself and all that it is like is on the side it goes to.
    """
    refused: Counter[str] = Counter()
    if split == Split.ASIDE:
        return [d for d in documents if d.split != split], refused
    going: dict[int, Like] = {}
    for document in documents:
        if document.split != Split.ASIDE and document.split != split:
            _gather(project, [_like(document)], going)
    for document in documents:
        if document.split == Split.ASIDE:
            around = [*_group(project, {document.group}), *_alike(project, [_like(document)])]
            sides = {split if o.pk in going else o.split for o in around if o.pk != document.pk} - {Split.ASIDE}
            if sides - {split}:
                refused[BETWEEN] += 1
            else:
                going[document.pk] = _like(document)
    chosen = Document.objects.filter(pk__in=going).exclude(split=split).defer("text", "tokens")
    return list(chosen.select_for_update().order_by("pk")), refused


def _gather(project: Project, found: list[Like], going: dict[int, Like]) -> None:
    """Add these with all that must stay on their side."""
    while found := [o for o in found if o.pk not in going and o.split != Split.ASIDE]:
        going.update({o.pk: o for o in found})
        found = [*_group(project, {o.group for o in found}), *_alike(project, found)]


def _group(project: Project, groups: set[str]) -> list[Like]:
    return _likes(Document.objects.filter(project=project, group__in=groups))


def _alike(project: Project, some: Sequence[Like]) -> list[Like]:
    """The project's near-duplicates of these, whatever their group."""
    signatures = [o.signature for o in some if o.signature]
    keys = {key for signature in signatures for key in near.keys(signature)}
    shared = NearKey.objects.filter(project=project, key__in=keys).values("document_id")
    met = _likes(Document.objects.filter(pk__in=shared)) if keys else []
    return [o for o in met if any(near.similarity(o.signature, s) >= near.THRESHOLD for s in signatures)]


def _likes(documents: "models.QuerySet[Document]") -> list[Like]:
    rows = documents.values_list("pk", "signature", "group", "split")
    return [Like(pk, bytes(signature), group, split) for pk, signature, group, split in rows]


def _like(document: Document) -> Like:
    return Like(document.pk, bytes(document.signature), document.group, document.split)
