"""Articles: list, add, look at, tag, judge, export."""

from collections import Counter
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F
from django.http import QueryDict
from django.http.response import HttpResponseBase
from ninja import Query, Router, Status

from annotate import statistics_files
from annotate.answers import attached
from annotate.api import adding, annotating, paging
from annotate.api.callers import ApiRequest, get_document, get_project
from annotate.api.figures import Statistics as StatisticsTold
from annotate.api.problems import Error, Problem
from annotate.api.schemas import (
    Along,
    AnnotationPut,
    DocumentPage,
    DocumentsAdded,
    DocumentsNew,
    Edit,
    Filters,
    Number,
    PutSpan,
    Verdicts,
)
from annotate.api.schemas import Document as DocumentTold
from annotate.chosen import BadCursor, Cursor
from annotate.desk import Desk, do
from annotate.exchange import exporting
from annotate.exchange.formats import WRITERS
from annotate.exchange.wanted import CannotHold
from annotate.export_forms import wanted
from annotate.filtering import FilterForm
from annotate.listing import Listing
from annotate.models import Annotation, Conflict, Document, DocumentLabel, Needless, Project, Refused, Role
from annotate.models.listed import Listed
from annotate.statistics import LOOK_AGAIN, BeingRead, Statistics

router = Router(tags=["Articles"])


@router.get("/projects/{slug:slug}/documents", response=DocumentPage, summary="List articles")
def documents_list(
    request: ApiRequest, slug: str, filters: Query[Filters], page: Query[paging.Where]
) -> dict[str, Any]:
    """With the filters and orders of the pages' list. The cursor stands where it stands while articles are added or
    changed.
    """
    listing = _listing(get_project(request.token, slug), request, filters)
    try:
        at = Cursor.read(page.cursor, listing.chosen.sort) if page.cursor else None
    except BadCursor as error:
        raise paging.unknown() from error
    found = listing.page(at, page.limit)
    return {"items": _rows(found.pks), "next": str(found.next) if found.next else None}


@router.post("/projects/{slug:slug}/documents", response=DocumentsAdded, summary="Add articles")
def documents_add(request: ApiRequest, slug: str, body: DocumentsNew) -> dict[str, Any]:
    """Up to 1,000 at once, each with its outcome: what cannot be stored is told and left out, the others are stored."""
    project = get_project(request.token, slug, Role.MANAGER)
    articles = [document.model_dump(exclude_none=True) for document in body.documents]
    as_ = "finished" if body.spans_are == "annotations" else "suggestions"
    outcomes = adding.add(project, request.token.user, articles, as_, "repair" if body.on_error == "repair" else "skip")
    return {"outcomes": [vars(one) for one in outcomes], "counts": Counter(one.outcome for one in outcomes)}


@router.get(
    "/projects/{slug:slug}/documents/next",
    response={200: DocumentTold, 204: None},
    summary="The next article of the queue",
)
def document_next(request: ApiRequest, slug: str, after: Number | None = None) -> Status[dict[str, Any] | None]:
    """What the page would hand out next. `after` is the article just left, which then comes last. 204: all are done."""
    project = get_project(request.token, slug)
    left = project.documents.present().filter(pk=after).first() if after else None
    following = Document.objects.next_in_queue(project, after=left)
    if following is None:
        return Status(204, None)
    following.project = project
    return Status(200, told(following))


@router.get("/documents/{key:pk}", response=DocumentTold, summary="Look at an article")
def document_show(request: ApiRequest, pk: int) -> dict[str, Any]:
    """Its text, tokens and tags, and what is suggested and not judged yet."""
    return told(get_document(request.token, pk))


@router.put("/documents/{key:pk}/annotation", response=DocumentTold, summary="Tag an article, finish it")
def annotation_put(request: ApiRequest, pk: int, body: AnnotationPut) -> dict[str, Any]:
    """All its entities, or its state alone; one edit, that people can undo on the page. Where somebody changed the same
    words since `base`, nothing is changed: 409, with the article as it is now under `current`.
    """
    document = get_document(request.token, pk, Role.ANNOTATOR)
    return _edited(request, document, body, lambda desk: _put(desk, body))


@router.post("/documents/{key:pk}/verdicts", response=DocumentTold, summary="Judge suggestions")
def verdicts_new(request: ApiRequest, pk: int, body: Verdicts) -> dict[str, Any]:
    """Accept, reject or correct suggestions, all of these or none. 409 where one is not open any more."""
    document = get_document(request.token, pk, Role.ANNOTATOR)
    judgements = [
        annotating.Judgement(
            one.verdict,
            annotating.Given(one.start, one.end, one.label, f"body.verdicts.{place}"),
            _given(one.correction, f"body.verdicts.{place}.correction") if one.correction else None,
        )
        for place, one in enumerate(body.verdicts)
    ]
    return _edited(request, document, body, lambda desk: annotating.judge(desk, judgements, body.unit))


@router.get("/projects/{slug:slug}/statistics", response=StatisticsTold, summary="Count what articles hold")
def statistics(request: ApiRequest, slug: str, filters: Query[Filters]) -> dict[str, Any]:
    """Of all articles, or of those that the filters of the list find; entities and mentions of finished ones alone."""
    found = Statistics(_listing(get_project(request.token, slug), request, filters))
    try:
        return statistics_files.told(found)
    except BeingRead as busy:
        raise Problem(503, str(busy), headers={"Retry-After": str(LOOK_AGAIN)}) from busy


@router.get("/projects/{slug:slug}/export", summary="Export articles")
def export(
    request: ApiRequest,
    slug: str,
    filters: Query[Filters],
    along: Query[Along],
    format: str = "jsonl",  # noqa: A002 - as the address says it
) -> HttpResponseBase:
    """A file, streamed: the finished articles, or with `which` begun also the others, as far as the format can say so.
    With filters those of them that they find; without `which`, whatever their state.
    """
    project = get_project(request.token, slug)
    there = [name for name, writer in WRITERS.items() if not writer.is_missing]
    if format not in there:
        detail = f"There is no format “{format[:50]}”. There are: {', '.join(there)}."
        raise Problem(422, detail, [Error(place="query.format", detail=detail)])
    listing = _listing(project, request, filters)
    narrowed = bool(listing.chosen.filters)
    try:
        pieces = exporting.written(
            project,
            format,
            everything=(along.which or ("begun" if narrowed else "finished")) == "begun",
            wanted=wanted(project, along.annotator, along.suggestions, along.provenance),
            chunks=listing.chunks() if narrowed else None,
        )
    except User.DoesNotExist as error:
        detail = f"Nobody called “{along.annotator[:50]}” tags in this project."
        raise Problem(422, detail, [Error(place="query.annotator", detail=detail)]) from error
    except CannotHold as error:
        raise Problem(422, str(error), [Error(place="query.format", detail=str(error))]) from error
    return attached(pieces, format, f"{slug}-selection" if narrowed else slug)


def told(document: Document) -> dict[str, Any]:
    gold = document.gold() or Annotation.blank_gold(document)
    spans = gold.spans()
    prediction = None if document.is_held_out else document.prediction()
    suggestions = [s for s in document.open_suggestions(spans) if not s.soft]
    plain = ("external_id", "title", "text", "language", "source", "date", "metadata", "split", "flagged", "tokens")
    return {
        "id": document.pk,
        "project": document.project.slug,
        **{name: getattr(document, name) for name in (*plain, "tokens_revision", "sentence_starts", "left_out")},
        "annotation": {
            "revision": gold.revision,
            "state": document.state,
            "tags": gold.tags,
            "spans": [_span(document, *span) for span in spans],
            "finished_at": gold.finished_at,
            "finished_by": gold.finished_by.get_username() if gold.finished_by else None,
        },
        "suggested_by": {
            "id": prediction.source_id,
            "kind": prediction.source.kind,
            "number": prediction.source.number,
            "reading": prediction.reading,
        }
        if prediction
        else None,
        "suggestions": [{**_span(document, *s[:3]), "probability": s.probability} for s in suggestions],
    }


def _span(document: Document, start: int, end: int, label: str) -> dict[str, Any]:
    first, last = document.tokens[start][0], document.tokens[end - 1][1]
    text = document.text[first:last]
    return {"start": first, "end": last, "label": label, "text": text, "token_start": start, "token_end": end}


def _edited(request: ApiRequest, document: Document, body: Edit, act: Any) -> dict[str, Any]:
    """The article after the edit. What the desk refuses is told with the article as it is."""
    seen = annotating.Seen(body.client_id, body.base, body.tokens_revision, body.source, body.reading)
    try:
        with annotating.desk_of(request.token.user, document.pk, seen) as desk:
            act(desk)
    except Conflict as conflict:
        raise Problem(409, str(conflict), current=_now(request, document)) from conflict
    except annotating.Misplaced as misplaced:
        raise Problem(422, str(misplaced), [Error(place=misplaced.place, detail=str(misplaced))]) from misplaced
    except Needless:
        pass
    except Refused as refused:
        raise Problem(422, str(refused), [Error(place="body", detail=str(refused))]) from refused
    return _now(request, document)


def _now(request: ApiRequest, document: Document) -> dict[str, Any]:
    return told(get_document(request.token, document.pk))


def _put(desk: Desk, body: AnnotationPut) -> None:
    if body.tags is not None:
        annotating.put_tags(desk, body.tags, body.finished)
    elif body.spans is not None:
        given = [_given(span, f"body.spans.{place}") for place, span in enumerate(body.spans)]
        annotating.put_spans(desk, given, body.unit, body.finished)
    else:
        do(desk, "finish" if body.finished else "reopen")


def _given(span: PutSpan, place: str) -> annotating.Given:
    return annotating.Given(span.start, span.end, span.label, place)


def _listing(project: Project, request: ApiRequest, filters: Filters) -> Listing:
    """The list that the address asks for. A filter that is not there is a slip, and is told."""
    known = {*Filters.model_fields, *paging.Where.model_fields, *Along.model_fields, "format"}
    given = QueryDict(mutable=True)
    given.update({name: request.GET[name] for name in request.GET if name not in known})
    given.update({name: str(value) for name, value in filters.model_dump(exclude_none=True).items() if value != ""})
    if filters.flagged is False:
        del given["flagged"]
    form = FilterForm(project, given)
    if not form.is_valid():
        errors = [
            Error(place=f"query.{name}" if name in form.fields else "query", detail=str(message))
            for name, messages in form.errors.items()
            for message in messages
        ]
        raise Problem(422, " ".join(form.reasons()), errors)
    return form.listing()


def _rows(pks: list[int]) -> list[dict[str, Any]]:
    """What a page tells of its articles, in as many queries for fifty as for one."""
    listed = Listed.objects.in_bulk(pks)
    named = Document.objects.filter(pk__in=pks).values_list("pk", "title", "external_id")
    names = {pk: (title, external_id) for pk, title, external_id in named}
    labels: dict[int, dict[str, int]] = {}
    counts = DocumentLabel.objects.filter(document__in=pks, count__gt=0).annotate(name=F("label__name"))
    for pk, name, count in counts.order_by("label__position", "label").values_list("document", "name", "count"):
        labels.setdefault(pk, {})[name] = count
    return [
        {
            "id": pk,
            "title": names[pk][0],
            "external_id": names[pk][1],
            **{name: getattr(listed[pk], name) for name in ("source", "date", "state", "split", "flagged")},
            "tokens": listed[pk].token_count,
            "labels": labels.get(pk, {}),
            "changed": listed[pk].changed_at,
        }
        for pk in pks
        if pk in listed and pk in names  # else it was deleted while we looked
    ]
