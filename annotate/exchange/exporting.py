"""A project's annotations as the bytes of a file, in flat memory, while people go on working."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from annotate import iob2
from annotate.exchange.formats import WRITERS
from annotate.exchange.provenance import provenances
from annotate.exchange.records import CharSpan, Corpus, Record
from annotate.exchange.wanted import PLAIN, Wanted
from annotate.models import Annotation, Document, Project, State
from annotate.models.document import DocumentQuerySet

CHUNK = 200  # documents fetched at a time
PIECE = 1 << 16  # bytes handed on at a time


def written(
    project: Project,
    kind: str,
    everything: bool = False,
    after_article: Callable[[], object] = lambda: None,
    wanted: Wanted = PLAIN,
    chunks: Iterable[list[int]] | None = None,
) -> Iterator[bytes]:
    """The finished articles as a file of `kind`, one of WRITERS; `everything` adds those in progress and, where the
    format can say so, those without tags; `chunks` leaves out all but these ids. `after_article` is called as each is
    handed to the writer. Raises CannotHold.
    """
    wanted.check(WRITERS[kind])
    chosen = documents(project, kind, everything, wanted)
    found = records(chosen, wanted) if chunks is None else _among(chosen, chunks, wanted)
    return _written(project, kind, _told(found, after_article))


def _among(documents: DocumentQuerySet, chunks: Iterable[list[int]], wanted: Wanted) -> Iterator[Record]:
    return (record for pks in chunks for record in records(documents.filter(pk__in=pks), wanted))


def _written(project: Project, kind: str, found: Iterable[Record]) -> Iterator[bytes]:
    return _gathered(WRITERS[kind].write(Corpus(found, project.name, project.label_names())))


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces, each of which the web server sends by itself; the first goes at once."""
    some: list[bytes] = []
    size, enough = 0, 1
    for piece in pieces:
        some.append(piece)
        size += len(piece)
        if size >= enough:
            yield b"".join(some)
            some, size, enough = [], 0, PIECE
    if size:
        yield b"".join(some)


def _told(found: Iterator[Record], after_article: Callable[[], object]) -> Iterator[Record]:
    for record in found:
        yield record
        after_article()


def documents(project: Project, kind: str, everything: bool = False, wanted: Wanted = PLAIN) -> DocumentQuerySet:
    """What `written` writes."""
    of_project = Document.objects.filter(project=project)
    chosen = wanted.of(of_project.present() if everything else of_project.finished())
    return chosen.filter(annotations__kind=Annotation.Kind.GOLD) if WRITERS[kind].tagged else chosen


def records(documents: DocumentQuerySet, wanted: Wanted = PLAIN) -> Iterator[Record]:
    """The articles as plain records, in the order of their arrival, with what else is wanted of them."""
    last = 0
    documents = documents.select_related("project__current_source") if wanted.suggestions else documents
    documents = documents.defer("signature", "created_at")
    while chunk := list(documents.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        rows = Annotation.objects.filter(kind=Annotation.Kind.GOLD, document__in=chunk)
        found = list(rows if wanted.provenance else rows.only("document", "tags"))
        gold = {annotation.document_id: annotation for annotation in found}
        said = provenances(found) if wanted.provenance else {}
        for document in chunk:
            record = _record(document, annotation := gold.get(document.pk))
            if annotation is not None and wanted.provenance:
                record = replace(record, provenance=said[annotation.pk])
            yield _with_suggestions(record, document) if wanted.suggestions else record


def _with_suggestions(record: Record, document: Document) -> Record:
    """What is suggested is added where nobody has finished."""
    if document.state == State.FINISHED:
        return record
    offered = [s for s in document.open_suggestions(iob2.spans_of(record.tags or [])) if not s.soft]
    if not offered:
        return record
    places = [(document.tokens[s.start][0], document.tokens[s.end - 1][1], s) for s in offered]
    spans = (CharSpan(start, end, s.label, s.probability) for start, end, s in places)
    prediction = document.prediction()
    return replace(record, suggested=tuple(spans), suggested_by=str(prediction.source) if prediction else "")


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
