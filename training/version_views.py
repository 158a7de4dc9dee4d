"""The list of models; and versions: compare, make current, have predict by another path, download, delete."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate.access import get_project
from annotate.models import Document, Kept, Project, Role, Verdict
from annotate.queue import QueueDown
from training import comparing, deletion, doorbell, telling
from training.engine import shelf
from training.folders import folder_of
from training.models import Run, Version
from training.packing import zipped
from training.promoting import NotUsable, make_current
from training.views import learner_line

PAGE = 50


class PairForm(forms.Form):
    """Which two versions to set side by side, by their numbers."""

    first = forms.TypedChoiceField(coerce=int)
    second = forms.TypedChoiceField(coerce=int)

    def __init__(self, given: Any, numbers: list[int]) -> None:
        # Without a choice the two newest, the older one first.
        newest = {"first": numbers[1], "second": numbers[0]}
        super().__init__({name: given.get(name, newest[name]) for name in newest})
        for field in ("first", "second"):
            self.fields[field].choices = [(number, f"Version {number}") for number in numbers]  # type: ignore[attr-defined]


@require_GET
@login_required
def models(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    project.runs.all().close_stale()
    runs = project.runs.exclude(kind__in=(Run.Kind.CHECK, Run.Kind.CURVE)).select_related("version")
    runs = runs.defer("losses", "progress", "held_out").order_by("-pk")
    page = Paginator(runs, PAGE).get_page(request.GET.get("page"))
    current = Version.current_of(project)
    kept = Verdict.objects.kept_by_source([run.version.source_id for run in page if hasattr(run, "version")])
    scored = [version.number for run in page if (version := getattr(run, "version", None)) and version.scores]
    role = Role(project.role_of(request.user) or Role.VIEWER)
    context = {
        "project": project,
        "page": page,
        "plotted": scored[0] if len(scored) > 1 and page.number == 1 else None,
        "rows": [_row(run, project, kept) for run in page],
        "learner": learner_line(project),
        "may_promote": role == Role.MANAGER,
        "may_download": role.rank >= Role.ANNOTATOR.rank,
        "current": current,
        "paths": telling.paths(current.paths, Version.Path.choices) if current else [],
    }
    return render(request, "training/models.html", context)


@require_GET
@login_required
def versions_compare(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    numbers = list(project.versions.values_list("number", flat=True))
    context: dict[str, Any] = {"project": project}
    if len(numbers) > 1:
        form = PairForm(request.GET, numbers)
        context["form"] = form
        if form.is_valid():
            pair = [_numbered(project, form.cleaned_data[name]) for name in ("first", "second")]
            context |= _compared(project, pair[0], pair[1], request.GET.get("page"))
    return render(request, "training/compare.html", context)


def _numbered(project: Project, number: int) -> Version:
    return project.versions.select_related("project__current_source", "source", "run").get(number=number)


def _compared(project: Project, first: Version, second: Version, page: str | None) -> dict[str, Any]:
    ours, theirs, told = comparing.fair_scores(first, second)
    why_no_articles = comparing.why_no_articles(first.run, second.run)
    rows = [] if why_no_articles else comparing.differing(first, second)
    shown = Paginator(rows, PAGE).get_page(page)
    titles = Document.objects.only("title", "text", "external_id").in_bulk([row.document for row in shown])
    return {
        "sides": [_side(first), _side(second)],
        "told": told,
        "rows": comparing.label_rows(ours, theirs, project.label_names()),
        "why_no_articles": why_no_articles,
        "page": shown,
        "articles": [(titles[row.document], row) for row in shown],
    }


def _side(version: Version) -> dict[str, Any]:
    run = version.run
    return {
        "version": version,
        "interval": telling.between(version.scores.get("f1_interval")),
        "articles": run.scores.get("articles", {}),
        "encoder": shelf.short_name(run.settings.get("encoder", "")),
        "epochs": run.settings.get("epochs"),
        "took": telling.time_span(run.duration.total_seconds() if run.duration else None),
    }


@require_GET
@login_required
def version_download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The folder as a zip. Not for viewers: a model that leaves the house is a decision of those who made it."""
    version = get_version(request.user, pk, Role.ANNOTATOR)
    folder = folder_of(version)
    if not folder.is_dir():
        gone = version.why_gone or f"The folder {version.folder} of version {version.number} is gone."
        messages.error(request, f"{gone} It cannot be downloaded.")
        return redirect("models", version.project.slug)
    name = f"{version.project.slug}-v{version.number}"
    response = StreamingHttpResponse(zipped(folder, name), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return response


@require_http_methods(["GET", "POST"])
@login_required
def version_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ask on GET, delete on POST. The row stays for the scores, verdicts and edits that speak of it."""
    version = get_version(request.user, pk, Role.MANAGER)
    if request.method == "GET" and not version.deleted_at and not version.is_current:
        context = {"project": version.project, "version": version, "size": megabytes(deletion.size_of(version))}
        return render(request, "training/version_delete.html", context)
    _delete(request, version)
    return redirect("models", version.project.slug)


def _delete(request: HttpRequest, version: Version) -> None:
    size = deletion.size_of(version)
    try:
        if version.deleted_at:
            messages.info(request, version.why_gone)
        else:
            deletion.delete(version, request.user)
            messages.success(request, f"Version {version.number} is deleted: {megabytes(size)} are free.")
    except deletion.StillCurrent:
        current = f"Version {version.number} is the current model, so it stays. Make another one current first."
        messages.error(request, current)
    except OSError as error:
        kept = f"Version {version.number} could not be deleted, so all is as it was: {error.strerror or error}."
        messages.error(request, kept)


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def get_version(user: Any, pk: int, role: Role) -> Version:
    visible = Version.objects.filter(project__in=Project.objects.visible_to(user))
    version = get_object_or_404(visible.select_related("project__current_source", "source", "deleted_by"), pk=pk)
    get_project(user, version.project.slug, role)
    return version


@require_POST
@login_required
def version_promote(request: HttpRequest, pk: int) -> HttpResponseBase:
    visible = Version.objects.filter(project__in=Project.objects.visible_to(request.user))
    version = get_object_or_404(visible.select_related("project", "source", "deleted_by"), pk=pk)
    project = get_project(request.user, version.project.slug, Role.MANAGER)
    before = Version.current_of(project)
    if before != version:
        try:
            make_current(version)
        except NotUsable as gone:
            messages.error(request, str(gone))
        else:
            undo = f"undo:{reverse('version_promote', args=[before.pk])}" if before else ""
            told = f"Version {version.number} is the current model now; its suggestions follow."
            messages.success(request, told, extra_tags=undo)
            _ring_for_predictions(request, version)
    return redirect("models", project.slug)


@require_POST
@login_required
def version_path(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Have a version predict by another of the paths that were tried."""
    visible = Version.objects.filter(project__in=Project.objects.visible_to(request.user))
    version = get_object_or_404(visible.select_related("project"), pk=pk)
    get_project(request.user, version.project.slug, Role.MANAGER)
    path = request.POST.get("path", "")
    if "words_per_s" not in version.paths.get(path, {}):
        raise BadRequest("This path was not tried, or does not work for this model.")
    Version.objects.filter(pk=pk).update(path=path)
    name = Version.Path(path).label
    messages.success(request, f"Version {version.number} predicts by {name} from now on; what it has said stays.")
    return redirect("models", version.project.slug)


def _ring_for_predictions(request: HttpRequest, version: Version) -> None:
    try:
        doorbell.ring_for_predictions(version.source_id)
    except QueueDown as down:
        messages.warning(request, f"{down} The suggestions are made as soon as it does.")


def _row(run: Run, project: Project, kept: dict[int, Kept]) -> dict[str, Any]:
    version = getattr(run, "version", None)
    judged = kept.get(version.source_id) if version else None
    return {
        "run": run,
        "version": version,
        "is_current": version is not None and version.source_id == project.current_source_id,
        "took": telling.time_span(run.duration.total_seconds() if run.duration else None),
        "interval": telling.between(version.scores.get("f1_interval") if version else None),
        "kept": telling.kept(judged.accepted, judged.looked_at, judged.at_finish) if judged else "",
        "encoder": shelf.short_name(run.settings.get("encoder", "")),
    }
