"""Which documents of a project are near-duplicates of new ones, and which side of the split that puts these on."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from annotate import split
from annotate.exchange.records import Record
from annotate.models import Document, NearKey, Project

FIRST_DELETION = datetime(2000, 1, 1, tzinfo=UTC)  # what is hidden at an earlier moment belongs to an import at work


class Prepared(NamedTuple):
    """A storable record with what finds its near-duplicates; computed before the database is locked."""

    record: Record
    signature: bytes
    keys: list[int]


class Neighbour(NamedTuple):
    """A document that shares a key: perhaps a near-duplicate. `pk` is None for one of the same write."""

    pk: int | None
    signature: bytes
    group: str
    split: str
    is_present: bool = False  # neither deleted, nor hidden by the import that writes it
    may_go: bool = False  # another import is writing it, and may yet take it back


class Place(NamedTuple):
    group: str
    split: str


def prepare(record: Record) -> Prepared:
    signature = split.signature(record.words or [])
    return Prepared(record, signature, split.keys(signature))


def duplicates(project: Project, prepared: Sequence[Prepared]) -> list[bool]:
    """Which of these articles the project has already, to the letter."""
    near = Neighbourhood(project, prepared)
    return [near.has_same_text(one) for one in prepared]


class Neighbourhood:
    """The project's documents that share a key with some new ones, and the new ones as they find their place."""

    def __init__(self, project: Project, prepared: Sequence[Prepared], hidden: datetime | None = None) -> None:
        self._by_key: dict[int, set[int]] = defaultdict(set)
        self._known: list[Neighbour] = []
        wanted = {key for one in prepared for key in one.keys}
        shared = NearKey.objects.filter(project=project, key__in=wanted)
        keys = defaultdict(list)
        for key, document in shared.values_list("key", "document_id"):
            keys[document].append(key)
        found = Document.objects.filter(pk__in=keys).order_by("pk")
        for pk, signature, group, side, gone in found.values_list("pk", "signature", "group", "split", "deleted_at"):
            # One that somebody has deleted counts too: it may be restored, and must not meet its like on another side.
            may_go = gone is not None and gone < FIRST_DELETION and gone != hidden
            self._learn(Neighbour(pk, bytes(signature), group, side, gone is None, may_go), keys[pk])

    def _learn(self, neighbour: Neighbour, keys: Iterable[int]) -> None:
        for key in keys:
            self._by_key[key].add(len(self._known))
        self._known.append(neighbour)

    def _around(self, one: Prepared) -> list[Neighbour]:
        """All that share a key with it, the earliest first."""
        return [self._known[index] for index in sorted({i for key in one.keys for i in self._by_key.get(key, ())})]

    def has_same_text(self, one: Prepared) -> bool:
        near = (n for n in self._around(one) if n.is_present and n.signature == one.signature)
        same = [n.pk for n in near if n.pk is not None]
        return bool(same) and Document.objects.filter(pk__in=same, text=one.record.text).exists()

    def place(self, one: Prepared, wanted: str | None, project: Project) -> Place:
        """The group of the best earlier match, or a new one; the side that is wanted, or the group's. Aside where a
        near-duplicate is on another side.
        """
        scored = [(split.similarity(n.signature, one.signature), n) for n in self._around(one)]
        matches = [(score, n) for score, n in scored if score >= split.THRESHOLD]
        if not matches:
            group = hashlib.blake2b(one.signature, digest_size=16).hexdigest()
            return Place(group, wanted or split.split_of(group, project.validation_share, project.test_share))
        group = max(matches, key=lambda match: match[0])[1].group
        # What is held aside is on no side: nothing leaks through it.
        sides = {n.split for _, n in matches} - {"aside"} | ({wanted} if wanted else set())
        return Place(group, sides.pop() if len(sides) == 1 else "aside")

    def add(self, one: Prepared, place: Place) -> None:
        self._learn(Neighbour(None, one.signature, place.group, place.split), one.keys)

    def store_keys(self, documents: Sequence[Document]) -> None:
        """Store the keys of the new documents; one like an earlier one, on the same side, is found through that."""
        seen = {(near.signature, near.split) for near in self._known if near.pk is not None and not near.may_go}
        rows = []
        for document in documents:
            signature = bytes(document.signature)
            if (signature, document.split) not in seen:
                seen.add((signature, document.split))
                keys = set(split.keys(signature))
                rows += [NearKey(project=document.project, key=key, document=document) for key in keys]
        NearKey.objects.bulk_create(rows)
