"""The learning curve of a project."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from annotate.access import get_project
from annotate.answers import HtmxHttpRequest, picture
from annotate.models import Project, Role
from annotate.queue import QueueDown
from training import curve as curves
from training import doorbell, plots, telling
from training.models import Run


@require_GET
@login_required
def curve(request: HtmxHttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    project.runs.all().close_stale()
    last = _last(project)
    shown = f"{last.pk}-{last.status}-{last.stop_requested:d}-{len(_points(last))}" if last else ""
    if request.htmx and request.GET.get("shown") != shown:
        return HttpResponseClientRefresh()  # a point more, or other buttons
    fragment = "#live" if request.htmx else ""
    context = {**_context(project, last), "may_draw": _may_draw(request, project), "shown": shown}
    return render(request, f"training/curve.html{fragment}", context)


@require_POST
@login_required
def curve_draw(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Begin a curve, have one go on, or stop it: as the button says."""
    project = get_project(request.user, slug, Role.ANNOTATOR)
    last = _last(project)
    verb = request.POST.get("verb", "begin")
    if verb == "stop" and last:
        last.stop()
    elif verb == "go_on" and last and curves.go_on(last):
        _ring(Run.objects.get(pk=last.pk))
    elif verb == "begin" and not (last and last.is_active):
        _begin(request, project)
    return redirect("curve", slug)


@require_GET
@login_required
def curve_f1(request: HttpRequest, slug: str) -> HttpResponse:
    last = _last(get_project(request.user, slug))
    rows = curves.rows(_points(last))
    if last is None or not rows:
        raise Http404
    points = [(f"{row.articles:,}", row.f1, (row.low, row.high)) for row in rows]
    return picture(plots.f1(points, "Articles learnt from"), is_final=not last.is_active)


def _begin(request: HttpRequest, project: Project) -> None:
    finished = project.finished_by_split()
    if why_not := curves.why_too_few(finished.get("train", 0), finished.get("validation", 0)):
        messages.warning(request, why_not)
        return
    run, is_new = Run.objects.draw_curve(project, request.user)
    if is_new:
        _ring(run)


def _ring(run: Run) -> None:
    with suppress(QueueDown):  # the run waits in its row; the page looks at the queue itself, and says so
        doorbell.ring_for_run(run)


def _last(project: Project) -> Run | None:
    return project.runs.filter(kind=Run.Kind.CURVE).first()


def _points(run: Run | None) -> list[dict[str, Any]]:
    return run.scores.get("points", []) if run else []


def _may_draw(request: HttpRequest, project: Project) -> bool:
    return Role(project.role_of(request.user) or Role.VIEWER).rank >= Role.ANNOTATOR.rank


def _context(project: Project, run: Run | None) -> dict[str, Any]:
    finished = project.finished_by_split()
    training, validation = finished.get("train", 0), finished.get("validation", 0)
    points = _points(run)
    trained = project.runs.filter(kind=Run.Kind.TRAIN, status=Run.Status.SUCCEEDED).first()
    waiting = doorbell.wait(run) if run and run.status == Run.Status.QUEUED else None
    return {
        "project": project,
        "run": run,
        "done": len(points),
        "of": len(curves.PLAN),
        "under_way": min(len(points) + 1, len(curves.PLAN)),
        "phase": telling.phase(run.progress) if run else "",
        "left": telling.time_span(curves.seconds_left(points, run.progress)) if run else "",
        "waiting": waiting,
        "training_waits": bool(waiting) and curves.training_is_active(),
        "why_not": curves.why_too_few(training, validation),
        "takes": telling.time_span(curves.estimated(trained, training)),
        "training": training,
        "rows": curves.rows(points),
        "labels": curves.label_rows(run.scores) if run and points else [],
        "outlook": curves.outlook(points),
        "short_of": curves.short_of(run.scores) if run and points else "",
    }
