"""A project's annotations as lines of a file, in flat memory, while people go on working."""

from collections.abc import Iterable, Iterator

from annotate.exchange import conll, jsonl
from annotate.exchange.records import Record
from annotate.models import Annotation, Document, Project
from annotate.models.document import DocumentQuerySet

FORMATS = {"jsonl": "jsonl", "conll2003": "conll"}  # format: the ending of its files
CHUNK = 200  # documents fetched at a time


def lines(project: Project, kind: str, everything: bool = False) -> Iterator[str]:
    """The finished articles as a file of `kind`, one of FORMATS; `everything` adds those in progress and, in JSON,
    those without tags.
    """
    return _written(kind, records(documents(project, kind, everything)))


def lines_of(project: Project, kind: str, chunks: Iterable[list[int]]) -> Iterator[str]:
    """The articles of these ids as a file of `kind`, whatever their state; CoNLL has none of those without tags."""
    begun = documents(project, kind, everything=True)
    return _written(kind, (record for pks in chunks for record in records(begun.filter(pk__in=pks))))


def _written(kind: str, found: Iterator[Record]) -> Iterator[str]:
    return {"jsonl": jsonl.write, "conll2003": conll.write}[kind](found)


def documents(project: Project, kind: str, everything: bool = False) -> DocumentQuerySet:
    """What `lines` writes. CoNLL cannot say that an article has not been read yet, so it has none of these."""
    of_project = Document.objects.filter(project=project)
    chosen = of_project.present() if everything else of_project.finished()
    return chosen if kind == "jsonl" else chosen.filter(annotations__kind=Annotation.Kind.GOLD)


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
