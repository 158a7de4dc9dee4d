"""Tagging an archive: asked first, with the time it takes; shown while it lasts; looked through after."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate.access import get_project
from annotate.answers import HtmxHttpRequest, answer_poll
from annotate.filtering import FilterForm
from annotate.keys import read_key
from annotate.models import Role
from annotate.models.document import excerpt
from annotate.queue import QueueDown
from training import archive, archive_files, doorbell, telling
from training.models import Version
from training.models.tagging import Mention, Tagging

PAGE = 100


class MentionForm(forms.Form):
    """Which mentions are shown."""

    q = forms.CharField(required=False, max_length=200, label="Words in the mention")
    label = forms.ChoiceField(required=False)
    least = forms.IntegerField(required=False, min_value=0, max_value=100, label="Least probability, per cent")

    def __init__(self, row: Tagging, data: Any) -> None:
        super().__init__(data, label_suffix="")
        names = filter(None, (row.version.source.name_now(label) for label in row.version.labels))
        field = self.fields["label"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Any label"), *((name, name) for name in dict.fromkeys(names))]

    def mentions(self, row: Tagging) -> QuerySet[Mention]:
        found = row.mentions.all()
        data = self.cleaned_data
        if data.get("label"):
            found = found.filter(label=data["label"])
        if data.get("least") is not None:
            found = found.filter(probability__gte=data["least"] / 100)
        if data.get("q"):
            found = found.filter(text__icontains=data["q"])
        return found


@require_http_methods(["GET", "POST"])
@login_required
def archive_new(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Ask, with the number of articles and the time they take; begin where somebody says so."""
    project = get_project(request.user, slug, Role.ANNOTATOR)
    filters = FilterForm(project, request.GET)
    if not filters.is_valid():
        messages.error(request, "A filter of this address is not understood, so nothing was begun.")
        return redirect(f"{reverse('documents', args=[slug])}?{request.GET.urlencode()}")
    version, listing = Version.current_of(project), filters.listing()
    if request.method == "POST" and version is not None:
        row = archive.begin(version, listing, ", ".join(filters.words()), request.user)
        with suppress(QueueDown):  # the row waits; its page looks at the queue itself, and says so
            doorbell.ring_for_tagging(row.pk)
        return redirect("tagging", row.pk)
    counted = archive.amount(listing)
    pace = archive.words_per_s(version) if version else None
    context = {
        "project": project,
        "version": version,
        "amount": counted,
        "takes": telling.time_span(counted.words / pace) if pace else "",
        "pace": pace,
        "filter": ", ".join(filters.words()),
        "query": filters.query(),
        "earlier": project.taggings.select_related("version", "created_by")[:20],
    }
    return render(request, "training/archive.html", context)


@require_GET
@login_required
def tagging(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    row = _get_tagging(request.user, pk)
    form = MentionForm(row, request.GET)
    form.is_valid()
    after = read_key(request.GET.get("after", "")) or 0
    shown = [] if row.is_working and "shown" in request.GET else _page(form.mentions(row), after)
    chosen = request.GET.copy()
    for name in ("after", "shown"):
        chosen.pop(name, None)
    role = Role(row.project.role_of(request.user) or Role.VIEWER)
    context = {
        "project": row.project,
        "row": row,
        "percent": round(100 * row.words_done / row.words) if row.words else 100,
        "left": telling.time_span(row.seconds_left),
        "took": telling.time_span(row.seconds),
        "nobody": _nobody_predicts() if row.status == Tagging.Status.WAITING else "",
        "form": form,
        "mentions": shown[:PAGE],
        "next": shown[PAGE - 1].pk if len(shown) > PAGE else None,
        "is_first": not after,
        "query": chosen.urlencode(),
        "may_steer": role.rank >= Role.ANNOTATOR.rank,
        "may_delete": role.rank >= Role.MANAGER.rank,
    }
    return answer_poll(request, "training/tagging.html", "#tagging", context)


@require_POST
@login_required
def tagging_stop(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = _get_tagging(request.user, pk, Role.ANNOTATOR)
    if not Tagging.objects.stop(row):
        messages.info(request, "It is over already.")
    return redirect("tagging", pk)


@require_POST
@login_required
def tagging_go_on(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = _get_tagging(request.user, pk, Role.ANNOTATOR)
    if Tagging.objects.go_on(row):
        with suppress(QueueDown):
            doorbell.ring_for_tagging(row.pk)
    else:
        messages.info(request, "It was not stopped.")
    return redirect("tagging", pk)


@require_POST
@login_required
def tagging_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = _get_tagging(request.user, pk, Role.MANAGER)
    archive.remove(row)
    messages.success(request, "The result is deleted. The articles and their tags are as they were.")
    return redirect("archive_new", row.project.slug)


@require_GET
@login_required
def tagging_file(request: HttpRequest, pk: int, kind: str) -> HttpResponseBase:
    row = _get_tagging(request.user, pk)
    name = f"{row.project.slug}-archive-{row.pk}.{kind}"
    if kind == "parquet" and row.parquet:
        path = Path(settings.TAGDESK_DATA) / row.parquet
        if path.is_file():
            return FileResponse(path.open("rb"), as_attachment=True, filename=name)
    form = MentionForm(row, request.GET)
    if kind != "csv" or not form.is_valid():
        raise Http404("There is no such file.")
    lines = (line.encode() for line in archive_files.csv_lines(form.mentions(row)))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _page(mentions: QuerySet[Mention], after: int) -> list[Mention]:
    """One more than is shown, which tells whether more follow."""
    found = mentions.filter(pk__gt=after).select_related("document").order_by("pk")
    kept = ("tagging", "start", "end", "text", "label", "probability", "document__title")
    return list(found.only(*kept).annotate(excerpt=excerpt("document__"))[: PAGE + 1])


def _get_tagging(user: Any, pk: int, role: Role = Role.VIEWER) -> Tagging:
    rows = Tagging.objects.visible_to(user).select_related("project", "version__source", "created_by")
    row = get_object_or_404(rows, pk=pk)
    get_project(user, row.project.slug, role)
    return row


def _nobody_predicts() -> str:
    """Why nothing moves, where nobody would take it; empty where somebody does."""
    seen = doorbell.look()
    if seen.queue_down:
        return seen.queue_down
    if seen.starting or seen.predictors:
        return ""
    return "No predictor is running. Start one with: python manage.py worker predict."
