"""A project's labels: add, edit, put in order; rename, merge and delete, seen before and undone after."""

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import jobs, queue, relabelling
from annotate.access import get_label_change, get_project
from annotate.answers import HtmxHttpRequest, nobody_works
from annotate.forms import SettingsForm
from annotate.gazetteer_forms import GazetteerForm
from annotate.label_forms import LabelChangeForm, LabelForm
from annotate.models import COLORS, Gazetteer, Label, LabelChange, Prediction, Project, Refused, Role

LATEST = 8  # changes that the settings list


@require_POST
@login_required
def label_new(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    last = project.labels.aggregate(last=models.Max("position"))["last"]
    form = LabelForm(
        request.POST, instance=Label(project=project, position=0 if last is None else last + 1), prefix="label"
    )
    if not form.is_valid():
        return render_settings(request, project, new=form)
    with transaction.atomic():
        change = relabelling.log_form(project, request.user, form.save(), None)
    messages.success(request, f"Label {form.instance.name} added.", extra_tags=_undo(change))
    return redirect("project_settings", slug)


@require_http_methods(["GET", "POST"])
@login_required
def label(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """One label's key, colour and guideline, and what else can be done with it."""
    project = get_project(request.user, slug, Role.MANAGER)
    label = get_object_or_404(project.labels.filter(leaving=False), pk=pk)
    before = relabelling.attributes(label)
    form = LabelForm(request.POST if request.method == "POST" else None, instance=label)
    if request.method == "GET" or not form.is_valid():
        return _render_label(request, label, form)
    with transaction.atomic():
        form.save()
        change = relabelling.log_form(project, request.user, label, before)
    messages.success(request, f"Label {label.name} saved.", extra_tags=_undo(change))
    if label.guideline != before["guideline"]:
        return redirect(f"{reverse('label', args=[slug, pk])}?guideline=changed")
    return redirect("project_settings", slug)


@require_POST
@login_required
def label_move(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """One place up or down in the order of labels."""
    project = get_project(request.user, slug, Role.MANAGER)
    with transaction.atomic():
        order = list(project.labels.select_for_update())
        place = next((place for place, label in enumerate(order) if label.pk == pk), None)
        moved = get_object_or_404(project.labels, pk=pk) if place is None else order.pop(place)
        order.insert(max(0, (place or 0) + (-1 if request.POST.get("to") == "up" else 1)), moved)
        for position, label in enumerate(order):
            label.position = position
        Label.objects.bulk_update(order, ["position"])
    return redirect(f"{reverse('project_settings', args=[slug])}#labels")


@require_http_methods(["GET", "POST"])
@login_required
def label_change_new(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """Show what a renaming, merging or deletion would change; then do it."""
    project = get_project(request.user, slug, Role.MANAGER)
    batch = request.POST.get("batch", "")
    if done := next((row for row in project.label_changes.all()[:LATEST] if str(row.batch) == batch), None):
        return redirect("label_change", done.pk)
    label = get_object_or_404(project.labels.with_counts().filter(leaving=False), pk=pk)
    form = LabelChangeForm(request.POST or request.GET, project, label)
    if not form.is_valid():
        return _render_label(request, label, LabelForm(instance=label), form)
    given = form.cleaned_data
    if request.method == "GET":
        return _render_preview(request, label, given)
    try:
        row = relabelling.begin(project, request.user, given["kind"], label, given["into"], given["batch"])
    except Refused as refused:
        return _render_preview(request, label, given, refused=str(refused))
    return _started(request, row)


@require_GET
@login_required
def label_change(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    jobs.reconcile()
    row = get_label_change(request.user, pk)
    context = {
        "project": row.project,
        "row": row,
        "nobody": nobody_works() if row.status == LabelChange.Status.WAITING else "",
        "why_not": relabelling.why_not_undone(row),
        "kept_in": row.documents.filter(kept__gt=0).select_related("document")[:50],
        "label": row.project.labels.filter(name=row.label if row.kind == "restored" else row.into).first(),
    }
    fragment = "#progress" if request.htmx else ""
    return render(request, f"annotate/label_change.html{fragment}", context)


@require_POST
@login_required
def label_change_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_label_change(request.user, pk)
    try:
        undo = relabelling.begin_undo(row, request.user, uuid4())
    except Refused as refused:
        messages.warning(request, str(refused))
        return redirect("project_settings", row.project.slug)
    if undo.status == LabelChange.Status.DONE:
        messages.success(request, f"Taken back: {row}.")
        return redirect("project_settings", row.project.slug)
    return _started(request, undo)


@require_POST
@login_required
def label_change_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_label_change(request.user, pk)
    if relabelling.try_again(row):
        return _started(request, row)
    return redirect("label_change", pk)


def render_settings(
    request: HttpRequest,
    project: Project,
    form: SettingsForm | None = None,
    new: LabelForm | None = None,
    gazetteer: GazetteerForm | None = None,
) -> HttpResponse:
    labels = list(project.labels.with_counts())
    free = next((n for n in range(1, COLORS + 1) if n not in {label.color for label in labels}), 1)
    empty = LabelForm(instance=Label(project=project), prefix="label", initial={"color": free})
    context = {
        "project": project,
        "form": form or SettingsForm(instance=project),
        "labels": labels,
        "new": new or empty,
        "unknown_labels": project.unknown_labels(),
        "changes": project.label_changes.select_related("created_by")[:LATEST],
        "gazetteer": Gazetteer.of(project),
        "gazetteer_form": gazetteer or GazetteerForm(prefix="gazetteer"),
    }
    return render(request, "annotate/settings.html", context)


def _render_label(
    request: HttpRequest, label: Label, form: LabelForm, change: LabelChangeForm | None = None
) -> HttpResponse:
    project = label.project
    counted = project.labels.with_counts().get(pk=label.pk)
    context = {
        "project": project,
        "label": counted,
        "form": form,
        "change": change,
        "others": project.labels.filter(leaving=False).exclude(pk=label.pk),
        "busy": relabelling.busy_with(project),
        "guideline_changed": request.GET.get("guideline") == "changed",
    }
    return render(request, "annotate/label.html", context)


def _render_preview(request: HttpRequest, label: Any, given: dict[str, Any], refused: str = "") -> HttpResponse:
    project = label.project
    source = project.current_source
    context = {
        "project": project,
        "label": label,
        "given": given,
        "into": project.labels.with_counts().filter(name=given["into"]).first(),
        "suggested": _suggested(project, label.name) if source else 0,
        "refused": refused or relabelling.busy_with(project),
        "large": label.articles > relabelling.AT_ONCE,
    }
    return render(request, "annotate/label_preview.html", context)


def _suggested(project: Project, name: str) -> int:
    """In how many articles the current model suggests the label."""
    source = project.current_source
    assert source is not None
    called = [said for said, now in source.renamed.items() if now == name]
    wanted = Q()
    for said in [*called, *([] if name in source.renamed else [name])]:
        wanted |= Q(text__contains=json.dumps(said)) | Q(text__contains=json.dumps(said, ensure_ascii=False))
    said_of = Prediction.objects.filter(source=source, cleared=None, document__deleted_at=None)
    found = said_of.exclude(document__state="finished").annotate(text=Cast("spans", models.TextField()))
    return found.filter(wanted).count() if wanted else 0


def _started(request: HttpRequest, row: LabelChange) -> HttpResponseBase:
    with suppress(queue.QueueDown):  # the row waits; its page looks at the queue itself, and says so
        relabelling.start(row)
    return redirect("label_change", row.pk)


def _undo(change: LabelChange | None) -> str:
    return f"undo:{reverse('label_change_undo', args=[change.pk])}" if change else ""
