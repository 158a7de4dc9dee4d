"""The article page: read, tag, judge, finish, next."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect, push_url

from annotate.access import get_document, get_project
from annotate.desk import open_desk
from annotate.forms import EditForm
from annotate.history import undone_and_done
from annotate.models import Annotation, Conflict, Document, Label, Project, Refused, Role, Split
from annotate.rendering import Mark, paragraphs


@require_GET
@login_required
def document(request: HttpRequest, pk: int) -> HttpResponse:
    return _render(request, get_document(request.user, pk))


@require_GET
@login_required
def document_awaited(request: HttpRequest, pk: int) -> HttpResponse:
    """The article once its suggestions are there; until then nothing."""
    document = get_document(request.user, pk)
    return _render(request, document, "#desk") if document.prediction() else HttpResponse(status=204)


@require_GET
@login_required
def document_next(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The next article of the queue; `after` names the one just left."""
    project = get_project(request.user, slug)
    after = request.GET.get("after", "")
    left = project.documents.filter(pk=after).first() if after.isdecimal() else None
    document = Document.objects.next_in_queue(project, after=left)
    if document is None and left is not None and left.state != "finished":
        messages.info(request, "This is the only article left.")
        document = left
    return redirect("document", document.pk) if document else _all_done(request, project)


@require_POST
@login_required
def document_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    document = get_document(request.user, pk, Role.ANNOTATOR)
    form = EditForm(request.POST)
    if not form.is_valid():
        reasons = [reason for errors in form.errors.values() for reason in errors]
        return _render(request, document, "#desk", warning=" ".join(map(str, reasons)))
    try:
        with open_desk(pk, form.ask(request.user)) as desk:
            form.act(desk)
    except Conflict as conflict:
        return _render(request, get_document(request.user, pk), "#desk", status=409, warning=str(conflict))
    except Refused as refused:
        return _render(request, document, "#desk", warning=str(refused), jump=refused.span)
    document = get_document(request.user, pk)
    if form.cleaned_data["verb"] == "finish" and form.cleaned_data["go_on"]:
        return _go_on(request, document)
    return _render(request, document, "#desk")


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


def _go_on(request: HttpRequest, finished: Document) -> HttpResponseBase:
    """The next article in place of the finished one, in the same answer."""
    following = Document.objects.next_in_queue(finished.project, after=finished)
    if following is None:
        return _all_done(request, finished.project)
    following = get_document(request.user, following.pk)
    return push_url(_render(request, following, "#desk", finished=finished), reverse("document", args=[following.pk]))


def _all_done(request: HttpRequest, project: Project) -> HttpResponseBase:
    if project.documents.present().exists():
        messages.success(request, "Every article of this project is finished.")
    else:
        messages.info(request, "There is no article yet. Import some first.")
    address = reverse("project", args=[project.slug])
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)  # type: ignore[attr-defined]


def _render(
    request: HttpRequest, document: Document, fragment: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    annotation = document.gold() or Annotation.blank_gold(document)
    labels = list(document.project.labels.all())
    spans = annotation.spans()
    prediction = None if document.is_held_out else document.prediction()
    suggestions = document.open_suggestions(spans)
    threshold = document.project.threshold
    colors = {label.name: label.color for label in labels}
    marks = [Mark(s.start, s.end, s.label, colors.get(s.label, 1)) for s in spans] + [
        Mark(s.start, s.end, s.label, colors.get(s.label, 1), s.probability, s.is_unsure(threshold), True)
        for s in suggestions
    ]
    marks.sort()
    done, undone = undone_and_done(annotation, request.user)
    context = {
        "project": document.project,
        "document": document,
        "annotation": annotation,
        "labels": _counted(labels, marks),
        "text": paragraphs(document.text, document.tokens, marks),
        "prediction": prediction,
        "awaited": _awaits_suggestions(document, annotation),
        "suggestions": len(suggestions),
        "unsure": sum(s.is_unsure(threshold) for s in suggestions),
        "unknown": any(s.probability is None for s in suggestions),
        "can_undo": bool(done),
        "can_redo": bool(undone),
        "guided": bool(document.project.guideline) or any(label.guideline for label in labels),
        "may_edit": Role(document.project.role_of(request.user) or Role.VIEWER).rank >= Role.ANNOTATOR.rank,
        "may_manage": document.project.role_of(request.user) == Role.MANAGER,
        **more,
    }
    return render(request, f"annotate/document.html{fragment}", context, status=status)


def _awaits_suggestions(document: Document, annotation: Annotation) -> bool:
    """Whether the current model has yet to speak of an article that nobody has begun."""
    return (
        annotation.pk is None
        and document.split == Split.TRAIN
        and document.project.current_source is not None
        and document.prediction() is None
    )


def _counted(labels: list[Label], marks: list[Mark]) -> list[dict[str, Any]]:
    tagged = [mark.label for mark in marks if not mark.is_suggestion]
    return [{"label": label, "count": tagged.count(label.name)} for label in labels]
