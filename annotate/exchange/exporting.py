"""A project's annotations as the bytes of a file, in flat memory, while people go on working."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from annotate import iob2
from annotate.exchange.formats import WRITERS
from annotate.exchange.records import CharSpan, Corpus, Record
from annotate.models import Annotation, Document, Project, State
from annotate.models.document import DocumentQuerySet

CHUNK = 200  # documents fetched at a time


def written(
    project: Project, kind: str, everything: bool = False, after_article: Callable[[], object] = lambda: None
) -> Iterator[bytes]:
    """The finished articles as a file of `kind`, one of WRITERS; `everything` adds those in progress and, where the
    format can say so, those without tags. `after_article` is called as each is handed to the writer.
    """
    suggested = WRITERS[kind].suggested
    return _written(project, kind, _told(records(documents(project, kind, everything), suggested), after_article))


def written_of(project: Project, kind: str, chunks: Iterable[list[int]]) -> Iterator[bytes]:
    """The articles of these ids as a file of `kind`, whatever their state, as far as the format takes them."""
    begun = documents(project, kind, everything=True)
    suggested = WRITERS[kind].suggested
    found = (record for pks in chunks for record in records(begun.filter(pk__in=pks), suggested))
    return _written(project, kind, found)


def _written(project: Project, kind: str, found: Iterable[Record]) -> Iterator[bytes]:
    return WRITERS[kind].write(Corpus(found, project.name, project.label_names()))


def _told(found: Iterator[Record], after_article: Callable[[], object]) -> Iterator[Record]:
    for record in found:
        yield record
        after_article()


def documents(project: Project, kind: str, everything: bool = False) -> DocumentQuerySet:
    """What `written` writes."""
    of_project = Document.objects.filter(project=project)
    chosen = of_project.present() if everything else of_project.finished()
    return chosen.filter(annotations__kind=Annotation.Kind.GOLD) if WRITERS[kind].tagged else chosen


def records(documents: DocumentQuerySet, suggested: bool = False) -> Iterator[Record]:
    """The articles as plain records, in the order of their arrival; `suggested`: with what is suggested where nobody
    has finished.
    """
    last = 0
    documents = documents.select_related("project") if suggested else documents
    while chunk := list(documents.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        found = Annotation.objects.filter(kind=Annotation.Kind.GOLD, document__in=chunk)
        gold = {annotation.document_id: annotation for annotation in found}
        for document in chunk:
            record = _record(document, gold.get(document.pk))
            yield _with_suggestions(record, document) if suggested else record


def _with_suggestions(record: Record, document: Document) -> Record:
    if document.state == State.FINISHED:
        return record
    offered = document.open_suggestions(iob2.spans_of(record.tags or []))
    places = [(document.tokens[s.start][0], document.tokens[s.end - 1][1], s) for s in offered if not s.soft]
    spans = (CharSpan(start, end, s.label, s.probability) for start, end, s in places)
    return replace(record, suggested=tuple(spans))


def _record(document: Document, gold: Annotation | None) -> Record:
    return Record(
        text=document.text,
        offsets=document.tokens,
        words=document.words(),
        tags=gold.tags if gold is not None else None,
        sentence_starts=document.sentence_starts,
        left_out=document.left_out,
        title=document.title,
        external_id=document.external_id,
        source=document.source,
        date=document.date,
        language=document.language,
        metadata=document.metadata,
        split=document.split,
        status=document.state,
    )
