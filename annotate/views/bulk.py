"""Bulk actions on the articles that a filter finds: asked first, shown while they last, undone after."""

import hashlib
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import bulk, jobs, queue, wording
from annotate.access import get_bulk, get_project
from annotate.answers import HtmxHttpRequest, answer_poll, attached, nobody_works
from annotate.exchange import exporting
from annotate.exchange.formats import WRITERS
from annotate.filtering import FilterForm
from annotate.keys import LIMIT
from annotate.models import BulkAction, Project, Role, Split

VERBS = [(verb.value, verb.label) for verb in BulkAction.Verb if verb != BulkAction.Verb.UNDO]


class BulkForm(forms.Form):
    """What is to be done; with `which` and `newest`, that somebody was asked about just these articles."""

    verb = forms.ChoiceField(choices=VERBS)
    to = forms.ChoiceField(choices=[("", "…"), *Split.choices], required=False)
    which = forms.CharField(required=False, max_length=64)
    newest = forms.IntegerField(required=False, min_value=0, max_value=LIMIT - 1)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("verb") == BulkAction.Verb.MOVE and not data.get("to"):
            raise forms.ValidationError("Choose the split to move to.")
        return data


@require_http_methods(["GET", "POST"])
@login_required
def bulk_new(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    filters = FilterForm(project, request.GET)
    if not filters.is_valid():
        return _not_understood(request, project)
    form = BulkForm(request.POST or request.GET)
    if not form.is_valid():
        messages.error(request, " ".join(str(e) for errors in form.errors.values() for e in errors))
        return redirect(f"{reverse('documents', args=[slug])}?{filters.query()}")
    data, listing = form.cleaned_data, filters.listing()
    # What arrives after the question was put is not part of it.
    newest = data["newest"] if request.method == "POST" and data["newest"] is not None else 2**62
    pks = [pk for some in listing.chunks(up_to=newest) for pk in some]
    if request.method == "POST" and pks and data["which"] == _which(pks):
        return _begin(request, bulk.begin(project, request.user, data["verb"], pks, data["to"]))
    return _ask(request, project, filters, data, pks)


@require_GET
@login_required
def bulk_show(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    jobs.reconcile()
    row = get_bulk(request.user, pk)
    context = {
        "project": row.project,
        "row": row,
        "percent": round(100 * row.done / row.total) if row.total else 100,
        "nobody": nobody_works() if row.status == BulkAction.Status.WAITING else "",
        "undoing": row.undoings.defer("chosen").order_by("-pk").first(),
    }
    return answer_poll(request, "annotate/bulk.html", "#bulk", context)


@require_POST
@login_required
def bulk_stop(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_bulk(request.user, pk)
    if not BulkAction.objects.stop(row):
        messages.info(request, "It is over already.")
    return redirect("bulk", pk)


@require_POST
@login_required
def bulk_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_bulk(request.user, pk)
    if not row.can_be_undone:
        messages.info(request, "There is nothing to undo here.")
        return redirect("bulk", pk)
    try:
        return _begin(request, bulk.begin_undo(row, request.user))
    except IntegrityError:
        messages.info(request, "This was undone already.")
        return redirect("bulk", pk)


@require_GET
@login_required
def export_found(request: HttpRequest, slug: str, kind: str) -> HttpResponseBase:
    project = get_project(request.user, slug)
    if kind not in WRITERS or WRITERS[kind].is_missing:
        raise Http404("There is no such format.")
    filters = FilterForm(project, request.GET)
    if not filters.is_valid():
        return _not_understood(request, project)
    pieces = exporting.written(project, kind, everything=True, chunks=filters.listing().chunks())
    return attached(pieces, kind, f"{project.slug}-selection")


def _not_understood(request: HttpRequest, project: Project) -> HttpResponseBase:
    """A filter that is not understood must not mean all articles. The list says which one it is."""
    messages.error(request, "A filter of this address is not understood, so nothing was done with what it might find.")
    return redirect(f"{reverse('documents', args=[project.slug])}?{request.GET.urlencode()}")


def _ask(
    request: HttpRequest, project: Project, filters: FilterForm, data: dict[str, Any], pks: list[int]
) -> HttpResponse:
    context = {
        "project": project,
        "verb": data["verb"],
        "asked": wording.asked(data["verb"], len(pks), data["to"]),
        "to": data["to"],
        "count": len(pks),
        "which": _which(pks),
        "newest": pks[-1] if pks else 0,
        "query": filters.query(),
        "is_large": len(pks) > bulk.AT_ONCE,
        "changed": request.method == "POST" and data["which"] != _which(pks),
    }
    return render(request, "annotate/bulk_new.html", context)


def _which(pks: list[int]) -> str:
    """Says of two questions whether they were about the same articles."""
    return hashlib.sha256(",".join(map(str, pks)).encode()).hexdigest()


def _begin(request: HttpRequest, row: BulkAction) -> HttpResponseBase:
    with suppress(queue.QueueDown):  # the row waits; its page looks at the queue itself, and says so
        bulk.start(row)
    return redirect("bulk", row.pk)
