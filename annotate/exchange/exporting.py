"""A project's annotations as the bytes of a file, in flat memory, while people go on working."""

from collections.abc import Callable, Iterable, Iterator

from annotate.exchange.formats import WRITERS
from annotate.exchange.records import Record
from annotate.models import Annotation, Document, Project
from annotate.models.document import DocumentQuerySet

CHUNK = 200  # documents fetched at a time


def written(
    project: Project, kind: str, everything: bool = False, after_article: Callable[[], object] = lambda: None
) -> Iterator[bytes]:
    """The finished articles as a file of `kind`, one of WRITERS; `everything` adds those in progress and, where the
    format can say so, those without tags. `after_article` is called as each is handed to the writer.
    """
    return WRITERS[kind].write(_told(records(documents(project, kind, everything)), after_article))


def written_of(project: Project, kind: str, chunks: Iterable[list[int]]) -> Iterator[bytes]:
    """The articles of these ids as a file of `kind`, whatever their state, as far as the format takes them."""
    begun = documents(project, kind, everything=True)
    return WRITERS[kind].write(record for pks in chunks for record in records(begun.filter(pk__in=pks)))


def _told(found: Iterator[Record], after_article: Callable[[], object]) -> Iterator[Record]:
    for record in found:
        yield record
        after_article()


def documents(project: Project, kind: str, everything: bool = False) -> DocumentQuerySet:
    """What `written` writes."""
    of_project = Document.objects.filter(project=project)
    chosen = of_project.present() if everything else of_project.finished()
    return chosen.filter(annotations__kind=Annotation.Kind.GOLD) if WRITERS[kind].tagged else chosen


def records(documents: DocumentQuerySet) -> Iterator[Record]:
    """The articles as plain records, in the order of their arrival."""
    last = 0
    while chunk := list(documents.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        found = Annotation.objects.filter(kind=Annotation.Kind.GOLD, document__in=chunk)
        gold = {annotation.document_id: annotation for annotation in found}
        yield from (_record(document, gold.get(document.pk)) for document in chunk)


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
