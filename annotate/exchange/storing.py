"""Records into the database: near-duplicate groups, splits, annotations or suggestions, counts and the log.

Documents are written hidden, a few at a time so that nobody's edit has to wait, and shown when all are there: what an
import has not finished is in nobody's way, and is found again by the moment it is hidden at (see `hidden.py`).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from annotate import iob2
from annotate.exchange.already import Ids, Kind, decided
from annotate.exchange.choices import Choices
from annotate.exchange.hidden import paced
from annotate.exchange.near import Neighbourhood, Place, Prepared, prepare
from annotate.exchange.records import AS_THEY_ARE, Problem, Record
from annotate.models import Annotation, Document, DocumentLabel, Edit, How, Prediction, Project, Source, State
from annotate.prepared import insert_plain
from annotate.signals import documents_imported

FEWEST, MOST = 3_000, 50_000  # tokens of one write; one long article may be more
ARTICLE = 40  # what an article takes besides its tokens, in tokens


@dataclass
class Stored:
    """What an import has written, and what it found while writing. `known` counts what of it was there already by kind,
    `duplicates` those of them that were left out for it.
    """

    articles: int = 0
    tokens: int = 0
    entities: int = 0
    duplicates: int = 0
    known: Counter[str] = field(default_factory=Counter)
    aside: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    new_labels: list[str] = field(default_factory=list)
    problems: list[tuple[Record, Problem]] = field(default_factory=list)


def store(
    project: Project, records: Iterable[Record], as_: str = "finished", wanted_split: str = "auto", by: Any = None
) -> Stored:
    """Store a few applied records at once, in one transaction, and say so to whoever listens."""
    with transaction.atomic():
        intake = Intake(project, as_, wanted_split, by)
        intake.write([prepare(record) for record in records])
        transaction.on_commit(lambda: documents_imported.send(Project, project=project), robust=True)
    return intake.stored


@dataclass
class Intake:
    """The way of many records into one project. `as_` is "finished" or "suggestions"; `hidden` hides what it writes.

    `tell_labels` is told the labels made so far, in the transaction that makes them.
    """

    project: Project
    as_: str = "finished"
    wanted_split: str = "auto"
    by: Any = None
    hidden: datetime | None = None
    tell_labels: Callable[[list[str]], object] | None = None
    choices: Choices = AS_THEY_ARE
    batch: UUID = field(default_factory=uuid4)
    stored: Stored = field(default_factory=Stored)
    size: int = 3_000
    _source: Source | None = None

    def __post_init__(self) -> None:
        self._ids = Ids(self.project, self.hidden)

    def write_all(self, prepared: Iterable[Prepared]) -> Iterator[int]:
        """Write in transactions of at most some 50 ms; yields the count of records after each."""
        for some in self.portions(prepared):
            with self.timed():
                self.write(some)
            yield len(some)

    def portions(self, prepared: Iterable[Prepared]) -> Iterator[list[Prepared]]:
        """As many at a time as a write may take by now."""
        waiting: list[Prepared] = []
        weight = 0
        for one in prepared:
            waiting.append(one)
            weight += ARTICLE + len(one.record.words or [])
            if weight >= self.size:
                yield waiting
                waiting, weight = [], 0
        if waiting:
            yield waiting

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Learn from the write in this block how much the next may take."""
        started = time.monotonic()
        yield
        self.size = paced(self.size, time.monotonic() - started, FEWEST, MOST)

    @transaction.atomic
    def write(self, prepared: Sequence[Prepared]) -> list[tuple[Record, Document]]:
        """Write these documents with all that belongs to them. Answers those that were not left out."""
        # Two imports at once must see each other's documents, or near-duplicates would part.
        Project.objects.select_for_update().get(pk=self.project.pk)
        self._ids.look_at(one.record for one in prepared)
        near = Neighbourhood(self.project, prepared, self.hidden)
        written: list[tuple[Prepared, Document]] = []
        for one in prepared:
            matches = near.matches(one)
            holder = self._ids.holder_of(one.record)
            kind, comes = decided(one.record.text, holder, near.likeness(one, matches), self.choices)
            self.stored.known.update([kind] if kind else [])
            if not comes:
                self.stored.duplicates += 1
                self._notice(one.record, *_left_out(kind, one.record))
                continue
            place = near.place(one, matches, self._wanted(one.record), self.project)
            near.add(one, place)
            if place.split == "aside":
                self.stored.aside += 1
                self._notice(one.record, "aside", "Near-duplicates of it are on another side of the split: held aside.")
            record = self._with_free_id(one.record)
            written.append((one._replace(record=record), self._document(record, one.signature, place)))
        Document.objects.bulk_create([document for _, document in written])
        near.store_keys(written)
        stored = [(one.record, document) for one, document in written]
        self._write_tags(stored)
        return stored

    def _wanted(self, record: Record) -> str | None:
        return record.split if self.wanted_split == "auto" else self.wanted_split

    def _document(self, record: Record, signature: bytes, place: Place) -> Document:
        offsets = record.offsets or []
        self.stored.articles += 1
        self.stored.tokens += len(offsets)
        self.stored.splits[place.split] += 1
        return Document(
            project=self.project,
            title=record.title,
            text=record.text or "",
            language=record.language,
            source=record.source,
            date=record.date,
            metadata=record.metadata,
            external_id=record.external_id,
            tokens=offsets,
            token_count=len(offsets),
            sentence_starts=record.sentence_starts or [0],
            left_out=record.left_out,
            state=self._state(record),
            split=place.split,
            group=place.group,
            signature=signature,
            deleted_at=self.hidden,
        )

    def _state(self, record: Record) -> str:
        if record.tags is None or self.as_ != "finished":
            return State.RAW
        # Tags of an article that the file calls raw are somebody's beginning: kept, but not as finished.
        return State.IN_PROGRESS if record.status in {"raw", "in_progress"} else State.FINISHED

    def _with_free_id(self, record: Record) -> Record:
        """The record without its id where another article of the project has that id; the metadata keeps it."""
        wanted = record.external_id
        if self._ids.holder_of(record) is not None:
            self._notice(record, "id-taken", f"Another article has the id {wanted!r}: kept in the metadata.")
            return replace(record, external_id="", metadata={**record.metadata, "id": wanted})
        self._ids.add(record)
        return record

    def _notice(self, record: Record, kind: str, message: str) -> None:
        about = f"“{record.title}”: " if record.title else ""
        self.stored.problems.append((record, record.notice(kind, about + message)))

    def _write_tags(self, written: Sequence[tuple[Record, Document]]) -> None:
        tagged = [(document, record.tags) for record, document in written if record.tags is not None]
        spans = {document.pk: iob2.spans_of(tags) for document, tags in tagged}
        for found in spans.values():
            self.stored.entities += len(found)
            self.stored.labels.update(span.label for span in found)
        said = {document.pk: record.suggestions() for record, document in written if record.suggested}
        self._add_labels([*(s.label for f in spans.values() for s in f), *(s[2] for f in said.values() for s in f)])
        if self.as_ == "suggestions":
            scores = {document.pk: record.scores() for record, document in written}
            # A file that does not say how sure it is gets no number made up for it.
            said |= {pk: [(*span, scores[pk].get(span)) for span in found] for pk, found in spans.items()}
        else:
            self._annotate(tagged, spans)
        self._suggest(said)

    def _add_labels(self, names: Iterable[str]) -> None:
        wanted = dict.fromkeys(names)
        known = set(self.project.label_names()) if wanted else set()
        new = [name for name in wanted if name not in known]
        self.project.add_labels(new)
        self.stored.new_labels += new
        if new and self.tell_labels is not None:
            self.tell_labels(self.stored.new_labels)

    def _suggest(self, said: dict[int, list[tuple[int, int, str, float | None]]]) -> None:
        if said and self._source is None:
            self._source = Source.next_of(self.project, Source.Kind.IMPORT)
        Prediction.objects.bulk_create(
            Prediction(document_id=pk, source=self._source, spans=[list(span) for span in spans])
            for pk, spans in said.items()
        )

    def _annotate(self, tagged: Sequence[tuple[Document, list[str]]], spans: dict[int, list[iob2.Span]]) -> None:
        now = timezone.now()
        annotations = [
            Annotation(
                document=document,
                tags=tags,
                token_count=len(tags),
                status=document.state,
                revision=1,
                blind=None,
                finished_at=now if document.state == State.FINISHED else None,
            )
            for document, tags in tagged
        ]
        Annotation.objects.bulk_create(annotations)
        Edit.objects.bulk_create(self._log(annotation, spans[annotation.document_id]) for annotation in annotations)
        labels = dict(self.project.labels.values_list("name", "pk"))
        counts = (
            (document.pk, labels[label], count)
            for document, _ in tagged
            for label, count in Counter(span.label for span in spans[document.pk]).items()
        )
        insert_plain(DocumentLabel, ("document", "label", "count"), counts)

    def _log(self, annotation: Annotation, spans: list[iob2.Span]) -> Edit:
        start, end = (spans[0].start, spans[-1].end) if spans else (0, 0)
        offsets = annotation.document.tokens
        return Edit(
            document=annotation.document,
            annotation=annotation,
            author=self.by,
            batch=self.batch,
            revision=1,
            start=start,
            end=end,
            char_start=offsets[start][0] if spans else 0,
            char_end=offsets[end - 1][1] if spans else 0,
            before=["O"] * (end - start),
            after=annotation.tags[start:end],
            status_before=State.RAW,
            status_after=annotation.status,
            how=How.IMPORTED,
        )


def _left_out(kind: Kind, record: Record) -> tuple[str, str]:
    """Why an article was left out: the problem's kind, and its message."""
    match kind:
        case "same_id":
            return "already-there", f"The project has this article already, by its id {record.external_id!r}: left out."
        case "other_text":
            return "other-text", f"The project has the id {record.external_id!r} with another text: left out."
        case "exact":
            return "duplicate", "The project has this article already: left out."
        case _:
            return "near-duplicate", "The project has nearly the same article already: left out."
