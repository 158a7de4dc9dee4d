"""What of a new article the project has already, and whether it comes in all the same: one rule, for the preview and
for the storing.

An article whose id is there with the same text never comes in again. One whose id is there with another text, one that
is there to the letter and one that is there nearly come in as the choices say. "There" is what people see, and what the
same import has brought so far; what was deleted, or what another import is just writing, only keeps its id to itself.
"""

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from annotate.exchange.choices import Choices
from annotate.exchange.near import Likeness, Neighbourhood, Prepared, Seen, prepare
from annotate.exchange.records import Record
from annotate.models import Document, Project

Kind = Literal["", "near", "exact", "same_id", "other_text"]

TOLD = {
    "same_id": "already there by their id",
    "other_text": "whose id is there with another text",
    "exact": "the same as another article",
    "near": "nearly the same as another article",
}
BATCH = 50  # articles that a check asks the database about together
COMPARED = 2_000  # articles of a file that a check compares each other with; the import compares all
SHOWN = 3  # of each kind


class Holder(NamedTuple):
    """The article that has an id."""

    text: int  # its digest
    is_there: bool


def digest(text: str | None) -> int:
    """64 bits with a sign, as any database can hold them."""
    found = hashlib.blake2b((text or "").encode(), digest_size=8).digest()
    return int.from_bytes(found, "little", signed=True)


def decided(text: str | None, holder: Holder | None, likeness: Likeness, choices: Choices) -> tuple[Kind, bool]:
    """What of an article is there, and whether it comes in."""
    is_there = holder is not None and holder.is_there
    if holder is not None and is_there and holder.text == digest(text):
        return "same_id", False
    if is_there and choices.taken == "skip":
        return "other_text", False
    if likeness and getattr(choices, likeness) == "skip":
        return likeness, False
    return "other_text" if is_there else likeness, True


def told(known: Mapping[str, int]) -> list[str]:
    """How many articles are known in which way, for people."""
    return [f"{known[kind]:,} {words}" for kind, words in TOLD.items() if known.get(kind)]


class Ids:
    """Which articles of a project have the ids of some records, and which of those records came since."""

    def __init__(self, project: Project, hidden: datetime | None = None) -> None:
        self._project = project
        self._hidden = hidden
        self._holders: dict[str, Holder] = {}

    def look_at(self, records: Iterable[Record]) -> None:
        """Find out who has the ids of these records, before `holder_of` is asked. Hidden ones count."""
        names = {record.external_id for record in records} - {""}
        found = self._project.documents.with_ids(names).values_list("external_id", "text", "deleted_at")
        self._holders = {name: Holder(digest(text), gone in (None, self._hidden)) for name, text, gone in found}

    def holder_of(self, record: Record) -> Holder | None:
        return self._holders.get(record.external_id)

    def add(self, record: Record) -> None:
        if record.external_id:
            self._holders[record.external_id] = Holder(digest(record.text), is_there=True)


class Before:
    """The texts and ids of the articles before in a file, by their digests: kept by SQLite in a nameless file of its
    own, so that a file of millions takes no memory.
    """

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("CREATE TABLE texts (text INTEGER PRIMARY KEY)")
        self._rows.execute("CREATE TABLE ids (id INTEGER PRIMARY KEY, text INTEGER)")
        self._rows.execute("BEGIN")

    def has_text(self, record: Record) -> bool:
        found = self._rows.execute("SELECT 1 FROM texts WHERE text = ?", [digest(record.text)])
        return found.fetchone() is not None

    def holder_of(self, record: Record) -> Holder | None:
        if not record.external_id:
            return None
        found = self._rows.execute("SELECT text FROM ids WHERE id = ?", [digest(record.external_id)]).fetchone()
        return Holder(found[0], is_there=True) if found else None

    def add(self, record: Record) -> None:
        self._rows.execute("INSERT OR IGNORE INTO texts VALUES (?)", [digest(record.text)])
        if record.external_id:
            # The first keeps the id.
            told = [digest(record.external_id), digest(record.text)]
            self._rows.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", told)

    def close(self) -> None:
        self._rows.close()


class Look:
    """What a check finds of its articles in the project and before them in the file. Stores nothing."""

    def __init__(self, project: Project, choices: Choices) -> None:
        self._project = project
        self._choices = choices
        self._has_documents = Document.objects.filter(project=project).exists()
        self._ids = Ids(project)
        self._before = Before()
        self._seen = Seen()
        self._waiting: list[Record] = []
        self.known: Counter[str] = Counter()
        self.examples: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.left_out = 0
        self.close = self._before.close

    def add(self, record: Record) -> None:
        self._waiting.append(record)
        if len(self._waiting) >= BATCH:
            self.finish()

    def finish(self) -> None:
        """Look at what has been added since."""
        some, self._waiting = self._waiting, []
        compared = some if self._has_documents else some[: max(0, COMPARED - len(self._seen))]
        prepared = {id(record): prepare(record) for record in compared}
        near = Neighbourhood(self._project, list(prepared.values())) if self._has_documents else None
        self._ids.look_at(some)
        for record in some:
            one = prepared.get(id(record))
            self._look_at(record, one, near.likeness(one, near.matches(one)) if near is not None and one else "")

    def _look_at(self, record: Record, one: Prepared | None, likeness: Likeness) -> None:
        if self._before.has_text(record):
            likeness = "exact"
        elif not likeness and one is not None and self._seen.has_near(one):
            likeness = "near"
        holder = self._ids.holder_of(record) or self._before.holder_of(record)
        kind, comes = decided(record.text, holder, likeness, self._choices)
        if comes:
            # With an id that another article has it comes in without it.
            self._before.add(record if holder is None else replace(record, external_id=""))
            if one is not None and len(self._seen) < COMPARED:
                self._seen.add(one)
        self.left_out += not comes
        if kind:
            self.known[kind] += 1
            if len(self.examples[kind]) < SHOWN:
                self.examples[kind].append(_example(record))


def _example(record: Record) -> dict[str, Any]:
    begins = " ".join((record.text or "")[:200].split())
    return {"record": record.number, "id": record.external_id, "title": record.title or begins[:100]}
