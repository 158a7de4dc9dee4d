"""A project's gazetteer: brought, replaced, taken out again, removed."""

from collections.abc import Iterator

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotate.access import get_project
from annotate.exchange.gazetteer import read
from annotate.exchange.records import FormatError
from annotate.gazetteer_forms import GazetteerForm
from annotate.models import Gazetteer, Project, Refused, Role
from annotate.views.labels import render_settings

CHANGED = "Somebody has changed the gazetteer meanwhile. This is how it is now; nothing was done."


@require_POST
@login_required
def gazetteer_put(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    form = GazetteerForm(request.POST, request.FILES, prefix="gazetteer")
    if not form.is_valid():
        return _again(request, project, form)
    data = form.cleaned_data
    if not _is_shown(project, data["shown"]):
        messages.warning(request, CHANGED)
        return _back(project)
    try:
        row = Gazetteer.put(
            project, read(data["file"].file), request.user, data["file"].name, data["new_labels"] == "make"
        )
    except (FormatError, Refused, ValidationError) as error:
        form.add_error("file", error if isinstance(error, ValidationError) else str(error))
        return _again(request, project, form)
    messages.success(request, f"The gazetteer has {row.total():,} entries.")
    return _back(project)


@require_POST
@login_required
def gazetteer_remove(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    row = Gazetteer.of(project)
    if row is None or str(row.pk) != request.POST.get("shown"):
        messages.warning(request, CHANGED)
    else:
        row.remove()
        messages.success(request, "The gazetteer is removed. What people tagged with its help stays.")
    return _back(project)


@require_GET
@login_required
def gazetteer_file(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    project = get_project(request.user, slug)
    row = Gazetteer.objects.filter(project=project).first()
    if row is None:
        raise Http404("This project has no gazetteer.")
    response = StreamingHttpResponse(_lines(row), content_type="text/tab-separated-values; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-gazetteer.tsv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _lines(row: Gazetteer) -> Iterator[bytes]:
    return (f"{text}\t{label}\n".encode() for text, label in row.entries())


def _is_shown(project: Project, shown: int | None) -> bool:
    row = Gazetteer.of(project)
    return (row.pk if row else None) == shown


def _again(request: HttpRequest, project: Project, form: GazetteerForm) -> HttpResponse:
    return render_settings(request, project, gazetteer=form)


def _back(project: Project) -> HttpResponseBase:
    return redirect(f"{reverse('project_settings', args=[project.slug])}#gazetteer")
