"""What is done to an article on its page: read, tag, judge, finish, delete."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotate.access import get_document, get_project, get_role
from annotate.answers import HtmxHttpRequest
from annotate.desk import open_desk
from annotate.forms import EditForm
from annotate.history import touched_since
from annotate.models import Annotation, Conflict, Document, Edit, Needless, Refused, Role
from annotate.views.article import Seen, awaits_suggestions, render_article, render_desk
from annotate.views.going import along, go_on


@require_GET
@login_required
def document(request: HttpRequest, pk: int) -> HttpResponse:
    return render_article(request, get_document(request.user, pk))


@require_GET
@login_required
def document_awaited(request: HttpRequest, pk: int) -> HttpResponse:
    """The article once its suggestions are there; until then nothing."""
    document = get_document(request.user, pk)
    waits = awaits_suggestions(document, document.gold() or Annotation.blank_gold(document))
    return HttpResponse(status=204) if waits else render_article(request, document, "#desk")


@require_POST
@login_required
def document_edit(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    role = get_role(request.user, pk, Role.ANNOTATOR)
    form = EditForm(request.POST)
    if not form.is_valid():
        reasons = [reason for errors in form.errors.values() for reason in errors]
        return render_desk(request, get_document(request.user, pk), warning=" ".join(map(str, reasons)))
    seen = Seen(*(form.cleaned_data[name] for name in Seen._fields))
    try:
        with open_desk(pk, form.ask(request.user)) as desk:
            form.act(desk)
    except Conflict as conflict:
        return _answer(request, get_document(request.user, pk), seen, status=409, warning=str(conflict))
    except Needless as needless:
        return _answer(request, get_document(request.user, pk), seen, told=str(needless))
    except Refused as refused:
        return _answer(request, get_document(request.user, pk), seen, warning=str(refused), jump=refused.span)
    if form.cleaned_data["verb"] == "finish" and form.cleaned_data["go_on"]:
        return go_on(request, desk.document, role)
    return _answer(request, desk.document, seen, desk.annotation, desk.edits, role=role)


@require_POST
@login_required
def document_delete(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    document = get_document(request.user, pk, Role.MANAGER)
    with transaction.atomic():
        document.delete_softly(request.user)
    messages.success(
        request, f"“{document}” was deleted.", extra_tags=f"undo:{reverse('document_restore', args=[document.pk])}"
    )
    return along(request, document.project, document.pk) or redirect("documents", document.project.slug)


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
    shown = (prediction.source_id, prediction.reading) if prediction else (None, 0)
    if (*shown, document.tokens_revision) != (seen.source, seen.reading, seen.shows):
        return render_desk(request, document, **more)
    touched = touched_since(gold, seen.base, edits)
    reach = [
        (s.start, s.end)
        for s in (prediction.suggestions() if prediction else [])
        if any(s.overlaps(start, end) for start, end in touched.ranges)
    ]
    more["touched"] = [*touched.ranges, *reach]
    more["counted"] = touched.labels
    return render_article(request, document, "#edited", gold, **more)
