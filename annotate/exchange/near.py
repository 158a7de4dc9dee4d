"""Which documents of a project are near-duplicates of new ones, and which side of the split that puts these on."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from django.db.models import Q

from annotate import split
from annotate.exchange.records import Record
from annotate.models import Document, NearKey, Project
from annotate.prepared import insert_plain

Likeness = Literal["", "near", "exact"]

ASKED_AT_ONCE = 10_000  # keys; a database takes some 30,000 values in one query
FIRST_DELETION = datetime(2000, 1, 1, tzinfo=UTC)  # what is hidden at an earlier moment belongs to an import at work


class Prepared(NamedTuple):
    """A storable record with what finds its near-duplicates; computed before the database is locked."""

    record: Record
    signature: bytes
    keys: list[int]


class Neighbour(NamedTuple):
    """A document that shares a key: perhaps a near-duplicate. One of the same write has no `pk` yet, but its `text`."""

    pk: int | None
    signature: bytes
    group: str
    split: str
    is_present: bool = False  # neither deleted, nor hidden by another import that writes it
    may_go: bool = False  # another import is writing it, and may yet take it back
    text: str | None = None


Matches = list[tuple[float, Neighbour]]


class Place(NamedTuple):
    group: str
    split: str


def prepare(record: Record) -> Prepared:
    signature = split.signature(record.words or [])
    return Prepared(record, signature, split.keys(signature))


class Neighbourhood:
    """The project's documents that share a key with some new ones, and the new ones as they find their place."""

    def __init__(self, project: Project, prepared: Sequence[Prepared], hidden: datetime | None = None) -> None:
        self._by_key: dict[int, set[int]] = defaultdict(set)
        self._known: list[Neighbour] = []
        of_project = Document.objects.filter(project=project)
        self._visible = of_project.filter(Q(deleted_at=None) | Q(deleted_at=hidden) if hidden else Q(deleted_at=None))
        wanted = sorted({key for one in prepared for key in one.keys})
        keys = defaultdict(list)
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            shared = NearKey.objects.filter(project=project, key__in=wanted[start : start + ASKED_AT_ONCE])
            for key, document in shared.values_list("key", "document_id"):
                keys[document].append(key)
        found = Document.objects.filter(pk__in=keys).order_by("pk")
        for pk, signature, group, side, gone in found.values_list("pk", "signature", "group", "split", "deleted_at"):
            # One that somebody has deleted counts too: it may be restored, and must not meet its like on another side.
            may_go = gone is not None and gone < FIRST_DELETION and gone != hidden
            self._learn(Neighbour(pk, bytes(signature), group, side, gone in (None, hidden), may_go), keys[pk])

    def _learn(self, neighbour: Neighbour, keys: Iterable[int]) -> None:
        for key in keys:
            self._by_key[key].add(len(self._known))
        self._known.append(neighbour)

    def _around(self, one: Prepared) -> list[Neighbour]:
        """All that share a key with it, the earliest first."""
        return [self._known[index] for index in sorted({i for key in one.keys for i in self._by_key.get(key, ())})]

    def matches(self, one: Prepared) -> Matches:
        """Its near-duplicates, the earliest first, each with the share of it that they have in common."""
        scored = [(split.similarity(n.signature, one.signature), n) for n in self._around(one)]
        return [(score, n) for score, n in scored if score >= split.THRESHOLD]

    def likeness(self, one: Prepared, matches: Matches) -> Likeness:
        """Whether one of these is the same to the letter, or nearly; those that nobody sees do not count."""
        text = one.record.text
        same = [n for _, n in matches if n.signature == one.signature]
        if any(n.text == text for n in same if n.pk is None):
            return "exact"
        # Not by their ids: of several with one signature only the first has keys, and the others are in its group.
        groups = {n.group for n in same if n.pk is not None}
        if groups and self._visible.filter(group__in=groups, text=text).exists():
            return "exact"
        return "near" if any(n.is_present for _, n in matches) else ""

    def place(self, one: Prepared, matches: Matches, wanted: str | None, project: Project) -> Place:
        """The group of the best earlier match, or a new one; the side that is wanted, or the group's. Aside where a
        near-duplicate is on another side.
        """
        if not matches:
            group = hashlib.blake2b(one.signature, digest_size=16).hexdigest()
            return Place(group, wanted or split.split_of(group, project.validation_share, project.test_share))
        group = max(matches, key=lambda match: match[0])[1].group
        # What is held aside is on no side: nothing leaks through it.
        sides = {n.split for _, n in matches} - {"aside"} | ({wanted} if wanted else set())
        return Place(group, sides.pop() if len(sides) == 1 else "aside")

    def add(self, one: Prepared, place: Place) -> None:
        self._learn(Neighbour(None, one.signature, place.group, place.split, True, text=one.record.text), one.keys)

    def store_keys(self, written: Iterable[tuple[Prepared, Document]]) -> None:
        """Store the keys of the new documents; one like an earlier one, on the same side, is found through that."""
        seen = {(near.signature, near.split) for near in self._known if near.pk is not None and not near.may_go}
        rows: list[tuple[int, int, int]] = []
        for one, document in written:
            if (one.signature, document.split) not in seen:
                seen.add((one.signature, document.split))
                rows += [(document.project_id, key, document.pk) for key in set(one.keys)]
        insert_plain(NearKey, ("project", "key", "document"), rows)


class Seen:
    """Articles that were looked at and stored nowhere, in memory."""

    def __init__(self) -> None:
        self._signatures: list[bytes] = []
        self._by_key: dict[int, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._signatures)

    def has_near(self, one: Prepared) -> bool:
        around = {index for key in one.keys for index in self._by_key.get(key, ())}
        return any(split.similarity(self._signatures[index], one.signature) >= split.THRESHOLD for index in around)

    def add(self, one: Prepared) -> None:
        for key in one.keys:
            self._by_key[key].append(len(self._signatures))
        self._signatures.append(one.signature)
