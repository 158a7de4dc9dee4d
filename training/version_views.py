"""Versions one by one: download, delete."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from annotate.access import get_project
from annotate.models import Project, Role
from training import deletion
from training.learning import folder_of
from training.models import Version
from training.packing import zipped


@require_GET
@login_required
def version_download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The folder as a zip. Not for viewers: a model that leaves the house is a decision of those who made it."""
    version = _get_version(request.user, pk, Role.ANNOTATOR)
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
    version = _get_version(request.user, pk, Role.MANAGER)
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


def _get_version(user: Any, pk: int, role: Role) -> Version:
    visible = Version.objects.filter(project__in=Project.objects.visible_to(user))
    version = get_object_or_404(visible.select_related("project__current_source", "source", "deleted_by"), pk=pk)
    get_project(user, version.project.slug, role)
    return version
