"""A version as ONNX: asked for, waited for, downloaded."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from annotate.models import Role
from annotate.queue import QueueDown
from training import doorbell, exported
from training.folders import folder_of
from training.models import Version
from training.packing import zipped
from training.version_views import get_version

NO_WORKER = "No io worker is running. It is written as soon as one is started: `make run`, or `manage.py worker io`."


@require_http_methods(["GET", "POST"])
@login_required
def version_onnx(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Say on GET where it stands, have it written on POST. Not for viewers, as the folder itself."""
    version = get_version(request.user, pk, Role.ANNOTATOR)
    if not folder_of(version).is_dir():
        messages.error(request, version.why_gone or f"The folder {version.folder} of version {version.number} is gone.")
        return redirect("models", version.project.slug)
    if request.method == "POST":
        _ask(request, version)
        return redirect("version_onnx", pk)
    fragment = "#state" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"training/version_onnx.html{fragment}", _context(version))


def _ask(request: HttpRequest, version: Version) -> None:
    """Have it written, but for one that is being written: two would write over each other."""
    if exported.is_under_way(version):
        return
    exported.note_asked(version)  # before the bell: a worker that is done at once takes the note away
    try:
        doorbell.ring_for_onnx(version.pk)
    except QueueDown as down:
        exported.take_back(version)
        messages.error(request, str(down))


def _context(version: Version) -> dict[str, Any]:
    is_under_way = exported.is_under_way(version)
    seen = doorbell.look("io") if is_under_way else doorbell.Waiting(workers=1)
    return {
        "project": version.project,
        "version": version,
        "is_ready": exported.folder_as_onnx(version).is_dir(),
        "is_under_way": is_under_way,
        "why_not": exported.why_not(version),
        "nobody": seen.queue_down or ("" if seen.workers or seen.starting else NO_WORKER),
    }


@require_GET
@login_required
def version_onnx_download(request: HttpRequest, pk: int) -> HttpResponseBase:
    version = get_version(request.user, pk, Role.ANNOTATOR)
    folder = exported.folder_as_onnx(version)
    if not folder.is_dir() or not folder_of(version).is_dir():
        return redirect("version_onnx", pk)
    name = f"{version.project.slug}-v{version.number}-onnx"
    response = StreamingHttpResponse(zipped(folder, name), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return response
