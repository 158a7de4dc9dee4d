"""Articles in, annotations out."""

import codecs
import itertools
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS, BadRequest
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import jobs, queue, uploads
from annotate.access import get_import, get_project
from annotate.answers import HtmxHttpRequest, answer_poll, attached, nobody_works
from annotate.exchange import from_hub, problems
from annotate.exchange.already import told
from annotate.exchange.choices import DECIDED
from annotate.exchange.formats import WRITERS
from annotate.exchange.wanted import CannotHold
from annotate.export_forms import ExportForm
from annotate.forms import ImportForm
from annotate.import_forms import ChoicesForm
from annotate.models import Import, Project, Role
from annotate.plural import counted


@require_http_methods(["GET", "POST"])
@login_required
def import_new(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if request.method == "POST" and form.is_valid():
        try:
            row = _received(request, project, form)
        except uploads.NotKept as error:
            form.add_error(None, str(error))
        else:
            _ring(row)
            return redirect("import", row.pk)
    return render(request, "annotate/import_new.html", {"project": project, "form": form, "imports": _recent(project)})


def _received(request: HttpRequest, project: Project, form: ImportForm) -> Import:
    wanted = form.wanted()
    if wanted is not None:
        return from_hub.expect(project, request.user, wanted, form.options())
    given = form.cleaned_data
    addresses = given.get("addresses", [])
    return uploads.receive(project, request.user, given["sources"], form.options(), addresses=addresses)


@require_GET
@login_required
def import_show(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    jobs.reconcile()
    row = get_import(request.user, pk)
    return answer_poll(request, "annotate/import.html", "#import", _import_context(row, ChoicesForm(row)))


def _import_context(row: Import, form: ChoicesForm) -> dict[str, Any]:
    waiting = row.status in (Import.Status.UPLOADED, Import.Status.CONFIRMED)
    return {
        "project": row.project,
        "row": row,
        "form": form,
        "known": told(row.report.get("known", {})),
        "report": _report(row),
        "percent": round(100 * row.done_bytes / row.size) if row.size else 0,
        "nobody": nobody_works() if waiting else "",
    }


def _report(row: Import) -> dict[str, Any]:
    """The head of the list of problems. In the preview, spans that a choice of the page meets are no errors."""
    found = row.report if row.is_over and row.report else row.preview
    decided = () if row.is_over else tuple(DECIDED)
    met = 0 if row.is_over else sum(found.get("faults", {}).values())
    errors, notices = found.get("errors", 0) - met, found.get("notices", 0)
    parts = [
        f"{met:,} met by the choices above" if met else "",
        counted(errors, "error") if errors else "",
        counted(notices, "notice") if notices else "",
    ]
    more = met + errors + notices - len(found.get("problems", []))
    heading = ", ".join(filter(None, parts))
    is_done = row.status == Import.Status.DONE
    return {"heading": f"The file had {heading}" if heading and is_done else heading, "decided": decided, "more": more}


@require_POST
@login_required
def import_confirm(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_import(request.user, pk)
    form = ChoicesForm(row, request.POST)
    if not form.is_valid():
        return _undecided(request, form)
    return _ringing(request, row, Import.objects.confirm(row, form.cleaned_data["on_error"], form.options()))


@require_POST
@login_required
def import_check_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Read it once more, to show what comes of the choices."""
    row = get_import(request.user, pk)
    form = ChoicesForm(row, request.POST)
    if not form.is_valid():
        return _undecided(request, form)
    return _ringing(request, row, Import.objects.check_again(row, form.options()))


def _undecided(request: HttpRequest, form: ChoicesForm) -> HttpResponse:
    if forged := [str(error) for name, errors in form.errors.items() if name != NON_FIELD_ERRORS for error in errors]:
        raise BadRequest(" ".join(forged))
    return render(request, "annotate/import.html", _import_context(form.row, form))


def _ringing(request: HttpRequest, row: Import, is_waiting: bool) -> HttpResponseBase:
    if is_waiting:
        row.refresh_from_db()
        _ring(row)
    else:
        messages.info(request, "This import is not waiting for a decision any more.")
    return redirect("import", row.pk)


@require_POST
@login_required
def import_cancel(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_import(request.user, pk)
    if uploads.call_off(row):
        messages.success(request, "Cancelled. Nothing of this file is in the project.")
    else:
        messages.info(request, "It is too late to cancel this import.")
    return redirect("import", pk)


@require_GET
@login_required
def import_problems(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_import(request.user, pk)
    path = uploads.problems_file(row)
    if path is None:
        raise Http404("This import has no list of problems.")
    name = f"import-{row.pk}-problems"
    if request.GET.get("as") != "csv":
        return FileResponse(path.open("rb"), as_attachment=True, filename=f"{name}{path.suffix}")
    lines = (line.encode(errors="replace") for line in problems.csv_lines(path))
    marked = itertools.chain([codecs.BOM_UTF8], lines)  # without the mark, Excel takes it for another encoding
    response = StreamingHttpResponse(marked, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_GET
@login_required
def export(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    form = ExportForm(project, request.GET)
    form.is_valid()
    present = project.documents.present()
    counts = {"finished": present.finished().count(), "articles": present.count()}
    sources = form.filters.listing().sources()
    context = {"project": project, "writers": WRITERS, "form": form, "sources": sources, "is_opened": bool(request.GET)}
    return render(request, "annotate/export.html", context | counts)


@require_GET
@login_required
def export_file(request: HttpRequest, slug: str, kind: str) -> HttpResponseBase:
    project = get_project(request.user, slug)
    if kind not in WRITERS or WRITERS[kind].is_missing:
        raise Http404("There is no such format.")
    form = ExportForm(project, request.GET)
    if not form.is_valid():
        return _cannot_export(request, project, " ".join(form.reasons()))
    try:
        pieces = form.written(kind)
    except CannotHold as error:
        return _cannot_export(request, project, str(error))
    return attached(pieces, kind, f"{project.slug}-selection" if form.is_narrowed() else project.slug)


def _cannot_export(request: HttpRequest, project: Project, why: str) -> HttpResponseBase:
    messages.error(request, f"Nothing was exported. {why}")
    return redirect(f"{reverse('export', args=[project.slug])}?{request.GET.urlencode()}")


def _ring(row: Import) -> None:
    with suppress(queue.QueueDown):  # the row waits; its page looks at the queue itself, and says so
        uploads.ring(row)


def _recent(project: Project) -> Any:
    return project.imports.order_by("-pk")[:10]
