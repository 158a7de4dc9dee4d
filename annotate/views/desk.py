"""The article page: read, tag, judge, finish, next."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect, push_url, reswap, retarget

from annotate.access import get_document, get_project, get_role
from annotate.answers import HtmxHttpRequest
from annotate.desk import open_desk
from annotate.forms import EditForm
from annotate.history import touched_since, undone_and_done
from annotate.iob2 import Span
from annotate.keys import read_key
from annotate.models import Annotation, Conflict, Document, Edit, Label, Project, Refused, Role, Split
from annotate.models.prediction import Suggestion
from annotate.rendering import Mark, Sheet
from annotate.trail import Course, Trail
from annotate.views.notes import notes_context


class Seen(NamedTuple):
    """What the page that sends an edit shows: the annotation's revision, whose suggestions, and which tokens."""

    base: int
    source: int | None
    shows: int


@require_GET
@login_required
def document(request: HttpRequest, pk: int) -> HttpResponse:
    return _render(request, get_document(request.user, pk))


@require_GET
@login_required
def document_awaited(request: HttpRequest, pk: int) -> HttpResponse:
    """The article once its suggestions are there; until then nothing."""
    document = get_document(request.user, pk)
    waits = _awaits_suggestions(document, document.gold() or Annotation.blank_gold(document))
    return HttpResponse(status=204) if waits else _render(request, document, "#desk")


@require_GET
@login_required
def document_next(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    """The next article of the list that somebody follows, with `back` the one before; else of the queue, where `after`
    names the one just left.
    """
    project = get_project(request.user, slug)
    if course := _course(request, project):
        return _along(request, course, back="back" in request.GET)
    key = read_key(request.GET.get("after", ""))
    left = project.documents.present().filter(pk=key).first() if key else None
    following = Document.objects.next_in_queue(project, after=left)
    if following is None and left is not None and left.state != "finished":
        told = "This is the only article left."
        if request.htmx:
            return _open(request, project, left, warning=told)
        messages.info(request, told)
        following = left
    if following is None:
        return _all_done(request, project)
    return _open(request, project, following) if request.htmx else redirect("document", following.pk)


@require_POST
@login_required
def document_edit(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    role = get_role(request.user, pk, Role.ANNOTATOR)
    form = EditForm(request.POST)
    if not form.is_valid():
        reasons = [reason for errors in form.errors.values() for reason in errors]
        return _whole_desk(request, get_document(request.user, pk), warning=" ".join(map(str, reasons)))
    seen = Seen(*(form.cleaned_data[name] for name in Seen._fields))
    try:
        with open_desk(pk, form.ask(request.user)) as desk:
            form.act(desk)
    except Conflict as conflict:
        return _answer(request, get_document(request.user, pk), seen, status=409, warning=str(conflict))
    except Refused as refused:
        return _answer(request, get_document(request.user, pk), seen, warning=str(refused), jump=refused.span)
    if form.cleaned_data["verb"] == "finish" and form.cleaned_data["go_on"]:
        return _go_on(request, desk.document, role)
    return _answer(request, desk.document, seen, desk.annotation, desk.edits, role=role)


@require_POST
@login_required
def document_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    document = get_document(request.user, pk, Role.MANAGER)
    with transaction.atomic():
        document.delete_softly(request.user)
    messages.success(
        request, f"“{document}” was deleted.", extra_tags=f"undo:{reverse('document_restore', args=[document.pk])}"
    )
    return redirect("documents", document.project.slug)


@require_POST
@login_required
def document_restore(request: HttpRequest, pk: int) -> HttpResponseBase:
    deleted = Document.objects.visible_to(request.user).deleted()
    document = get_object_or_404(deleted.select_related("project"), pk=pk)
    get_project(request.user, document.project.slug, Role.MANAGER)
    with transaction.atomic():
        document.restore(request.user)
    messages.success(request, f"“{document}” is back, with all its tags.")
    return redirect("document", document.pk)


def _go_on(request: HtmxHttpRequest, finished: Document, role: Role) -> HttpResponseBase:
    """The next article in place of the finished one, in the same answer."""
    if course := _course(request, finished.project):
        return _along(request, course, finished=finished, role=role)
    following = Document.objects.next_in_queue(finished.project, after=finished)
    if following is None:
        return _all_done(request, finished.project)
    return _open(request, finished.project, following, finished=finished, role=role)


def _course(request: HttpRequest, project: Project) -> Course | None:
    trail = Trail.of(request)
    return trail.course(project) if trail else None


def _along(request: HtmxHttpRequest, course: Course, back: bool = False, **more: Any) -> HttpResponseBase:
    """The list's next article in the place of the one on the page; at its end the list."""
    step, project = course.step(back), course.listing.project
    if step is None:
        messages.info(request, f"That was the {'first' if back else 'last'} article of this list.")
        return _to(request, course.list_address)
    following = get_object_or_404(project.documents.present().defer("signature"), pk=step.at.pk)
    if not request.htmx:
        return redirect(step.trail.address(following.pk))
    return _open(request, project, following, course=step, **more)


def _open(
    request: HttpRequest, project: Project, following: Document, course: Course | None = None, **more: Any
) -> HttpResponse:
    """Another article of the project in the place of the one on the page."""
    following.project = project  # with the current model, known by now
    response = _whole_desk(request, following, course=course, **more)
    address = course.trail.address(following.pk) if course else reverse("document", args=[following.pk])
    return push_url(response, address)


def _all_done(request: HttpRequest, project: Project) -> HttpResponseBase:
    if project.documents.present().exists():
        messages.success(request, "Every article of this project is finished.")
    else:
        messages.info(request, "There is no article yet. Import some first.")
    return _to(request, reverse("project", args=[project.slug]))


def _to(request: HttpRequest, address: str) -> HttpResponseBase:
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)  # type: ignore[attr-defined]


def _answer(
    request: HttpRequest,
    document: Document,
    seen: Seen,
    annotation: Annotation | None = None,
    edits: Sequence[Edit] = (),
    **more: Any,
) -> HttpResponse:
    """The blocks that changed since the page was made, and the counts: all that an edit touches and no more. Where the
    page shows another model's suggestions, or other tokens, the whole.
    """
    gold = annotation or document.gold() or Annotation.blank_gold(document)
    prediction = None if document.is_held_out else document.prediction()
    source = prediction.source_id if prediction else None
    if (source, document.tokens_revision) != (seen.source, seen.shows):
        return _whole_desk(request, document, **more)
    touched = touched_since(gold, seen.base, edits)
    reach = [
        (s.start, s.end)
        for s in (prediction.suggestions() if prediction else [])
        if any(s.overlaps(start, end) for start, end in touched.ranges)
    ]
    more["touched"] = [*touched.ranges, *reach]
    more["counted"] = touched.labels
    return _render(request, document, "#edited", gold, **more)


def _whole_desk(request: HttpRequest, document: Document, **more: Any) -> HttpResponse:
    return reswap(retarget(_render(request, document, "#desk", **more), "#desk"), "innerHTML")


def _render(
    request: HttpRequest,
    document: Document,
    fragment: str = "",
    annotation: Annotation | None = None,
    status: int = 200,
    role: str | None = None,
    course: Course | None = None,
    **more: Any,
) -> HttpResponse:
    trail = course.trail if course else Trail.of(request)
    if course is None and trail and fragment != "#edited":
        course = trail.course(document.project)
    if fragment != "#edited" and course is None:
        trail = None
    annotation = annotation or document.gold() or Annotation.blank_gold(document)
    labels = document.project.label_list
    spans = annotation.spans()
    prediction = None if document.is_held_out else document.prediction()
    suggestions = document.open_suggestions(spans)
    threshold = document.project.threshold
    marks = _marks(document.project, spans, suggestions)
    soft = sum(s.soft for s in suggestions)
    sheet = Sheet(document.text, document.tokens, marks, document.sentence_starts, document.left_out)
    done, undone = undone_and_done(annotation, request.user)
    held = Role(role or document.project.role_of(request.user) or Role.VIEWER)
    context = {
        "project": document.project,
        "document": document,
        "annotation": annotation,
        "spans": spans,
        "labels": _counted([label for label in labels if not label.leaving], marks),
        "text": sheet.whole() if fragment != "#edited" else sheet.touched(more["touched"]),
        "prediction": prediction,
        "unknown_labels": _unknown(document.project),
        "awaited": _awaits_suggestions(document, annotation),
        "suggestions": len(suggestions) - soft,
        "soft": soft,
        "unsure": sum(s.is_unsure(threshold) for s in suggestions),
        "unknown": any(s.probability is None and not s.soft for s in suggestions),
        "can_undo": bool(done),
        "can_redo": bool(undone),
        "guided": bool(document.project.guideline) or any(label.guideline for label in labels),
        "may_edit": held.rank >= Role.ANNOTATOR.rank,
        "may_manage": held == Role.MANAGER,
        "edit_fields": [name for name in EditForm.base_fields if name not in Seen._fields],
        "next_address": f"{reverse('document_next', args=[document.project.slug])}?after={document.pk}"
        + (f"&{trail}" if trail else ""),
        "trail": trail,
        "course": course,
        **({} if fragment == "#edited" else notes_context(document, request.user)),
        **more,
    }
    return render(request, f"annotate/document.html{fragment}", context, status=status)


def _marks(project: Project, spans: list[Span], suggestions: list[Suggestion]) -> list[Mark]:
    """What people tagged and what is open, in the order of the text."""
    colors = {label.name: label.color for label in project.label_list}
    tagged = [Mark(s.start, s.end, s.label, colors.get(s.label, 1)) for s in spans]
    open_ones = [
        Mark(
            s.start, s.end, s.label, colors.get(s.label, 1), s.probability, s.is_unsure(project.threshold), True, s.soft
        )
        for s in suggestions
    ]
    return sorted(tagged + open_ones)


def _awaits_suggestions(document: Document, annotation: Annotation) -> bool:
    """Whether the current model has yet to speak of an article that nobody has begun."""
    return (
        annotation.pk is None
        and document.split == Split.TRAIN
        and document.project.current_source is not None
        and not document.predictions.filter(source=document.project.current_source).exists()
    )


def _unknown(project: Project) -> list[str]:
    """Labels that the current model has never learnt."""
    source = project.current_source
    return source.unknown_of([label.name for label in project.label_list if not label.leaving]) if source else []


def _counted(labels: list[Label], marks: list[Mark]) -> list[dict[str, Any]]:
    tagged = [mark.label for mark in marks if not mark.is_suggestion]
    return [{"label": label, "count": tagged.count(label.name)} for label in labels]
