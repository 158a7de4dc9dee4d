"""The training panel of the project page, and a run's page."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import retarget

from annotate.access import get_project
from annotate.answers import HtmxHttpRequest
from annotate.models import Document, Kept, Prediction, Project, Role, Source, Split, Verdict
from annotate.queue import QueueDown
from annotate.signals import suggestions_wanted
from training import by_itself, doorbell, encoders, levers, speeds, telling
from training.engine.recipe import STANDARD
from training.forms import RunForm
from training.instant import FEWEST
from training.models import Learner, Run, Version
from training.starting import finished_articles, start, why_not


@require_GET
@login_required
def training_panel(request: HttpRequest, slug: str) -> HttpResponse:
    return render_panel(request, get_project(request.user, slug))


@require_GET
@login_required
def training_news(request: HttpRequest, slug: str) -> HttpResponse:
    """What the pages of a project ask for now and then: whether a training is at work, and how the last one ended."""
    project = get_project(request.user, slug)
    trainings = project.runs.filter(kind=Run.Kind.TRAIN).defer("losses", "held_out", "progress")
    ended = trainings.filter(status__in=(Run.Status.SUCCEEDED, Run.Status.FAILED)).select_related("version").first()
    context = {
        "project": project,
        "run": ended,
        "version": getattr(ended, "version", None),
        "is_active": trainings.active().exists(),
    }
    return render(request, "training/_news.html", context)


@require_POST
@login_required
def run_start(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.ANNOTATOR)
    form = RunForm(request.POST, has_current=project.current_source_id is not None)
    if form.is_valid():
        _, notice = start(project, request.user, form.chosen())
    else:
        notice = why_not(project, encoders.chosen(project)) or "Nothing was started: " + " ".join(
            f"{form[name].label}: {' '.join(map(str, reasons))}" for name, reasons in form.errors.items()
        )
    if request.htmx:
        return render_panel(request, project, notice, form)
    if notice:
        messages.warning(request, notice)
    return redirect("project", slug)


@require_GET
@login_required
def run(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    run = get_run(request.user, pk)
    if run.kind in (Run.Kind.CHECK, Run.Kind.READY) and not hasattr(run, "version"):
        return redirect("encoder", run.project.slug)  # which shows what these are at
    if run.kind == Run.Kind.CURVE:
        return redirect("curve", run.project.slug)
    return _render_run(request, run)


@require_POST
@login_required
def run_stop(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    run = get_run(request.user, pk, Role.ANNOTATOR)
    run.stop()
    if not request.htmx:
        return redirect("run", pk)
    if request.htmx.target == "training":
        return render_panel(request, run.project)
    return _render_run(request, run)


@require_POST
@login_required
def run_go_on(request: HttpRequest, pk: int) -> HttpResponseBase:
    run = get_run(request.user, pk, Role.ANNOTATOR)
    if run.go_on():
        with suppress(QueueDown):  # the run waits in its row
            doorbell.ring_for_run(run)
    else:
        messages.warning(request, "This training cannot go on: another one has begun since, or it is at work already.")
    return redirect("run", pk)


@require_POST
@login_required
def learner_switch(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    """Have one of those who learn without a click suggest, or no more."""
    project = get_project(request.user, slug, Role.MANAGER)
    kind = request.POST.get("kind")
    if kind not in Project.LEARNERS:
        raise Http404
    setattr(project, kind, "on" in request.POST)
    if "over" in request.POST:
        project.current_source = None  # in the place of a trained model
    project.save(update_fields=[kind, "current_source"])
    project.heed_switches()
    suggestions_wanted.send(Project, project=project)
    return render_panel(request, project) if request.htmx else redirect("models", slug)


def learner_line(project: Project) -> dict[str, Any]:
    """The instant learner's line."""
    row = Learner.objects.filter(project=project).select_related("project").first()
    sources = list(Source.objects.filter(project=project, kind=Source.Kind.INSTANT).values_list("pk", flat=True))
    judged = Verdict.objects.kept_in_all(sources)
    return {
        "row": row,
        "is_current": row is not None and row.is_current,
        "takes_over": row is not None and row.fits > 0 and project.instant and project.current_source_id is None,
        "fewest": FEWEST,
        "kept": telling.kept(judged.accepted, judged.looked_at, judged.at_finish),
    }


def get_run(user: Any, pk: int, role: Role = Role.VIEWER) -> Run:
    run = get_object_or_404(Run.objects.visible_to(user).select_related("project", "version"), pk=pk)
    get_project(user, run.project.slug, role)
    return run


def _misfit(project: Project, encoder: encoders.Chosen) -> str:
    return encoders.misfit(encoder, encoders.language_of(project))


def _buttons(run: Run | None) -> str:
    """What the buttons beside a run depend on."""
    return f"{run.pk}-{run.is_active:d}-{run.stop_requested:d}" if run else "none"


def _moves_alone(request: HttpRequest, run: Run | None) -> bool:
    """Whether the page asks for what moves, and shows the right buttons already."""
    return request.GET.get("shown") == _buttons(run)


def _in_place(request: HttpRequest, response: HttpResponse, whole: str) -> HttpResponse:
    """A poll, which asked for what moves, is answered with the whole when its buttons are wrong by now."""
    return retarget(response, whole) if "shown" in request.GET else response


def render_panel(request: HttpRequest, project: Project, notice: str = "", form: RunForm | None = None) -> HttpResponse:
    project.runs.all().close_stale()
    last = project.runs.filter(kind=Run.Kind.TRAIN).select_related("version").first()
    current = Version.current_of(project)
    finished, encoder = finished_articles(project), encoders.chosen(project)
    waiting = _waiting(last)
    suggested = Prediction.objects.filter(source_id=current.source_id).count() if current else 0
    role = Role(project.role_of(request.user) or Role.VIEWER)
    context = {
        "project": project,
        "notice": notice,
        "run": last,
        "told": _told(last) if last else None,
        "version": current,
        "has_versions": current is not None or project.versions.filter(deleted_at=None).exists(),
        "suggested": suggested,
        "waiting": waiting,
        "filling": telling.filling(current.filling, suggested, time.time()) if current else "",
        "suggesting": bool(current and waiting and waiting.predictors and _are_suggestions_due(current)),
        "learner": learner_line(project),
        "finished": finished,
        "why_not": why_not(project, encoder, finished),
        "may_switch": role == Role.MANAGER,
        "may_retrain": role.rank >= Role.ANNOTATOR.rank,
        "misfit": partial(_misfit, project, encoder),  # looked for where it is shown only, and not each second
        "by_itself": partial(by_itself.told, project),  # nor this
        "shown": _buttons(last),
    }
    if _moves_alone(request, last):
        return render(request, "training/panel.html#live", context)
    if context["may_retrain"] and not context["why_not"] and not (last and last.is_active):
        context |= _choices(project, encoder.name, current, form)
    return _in_place(request, render(request, "training/panel.html", context), "#training")


def _choices(project: Project, encoder: str, current: Version | None, form: RunForm | None) -> dict[str, Any]:
    """The recipes with their estimated time, and the levers under Advanced with what Standard would choose."""
    offers = speeds.offers(encoder, speeds.words_to_learn(project))
    chosen = form.data.get("recipe") if form else None
    defaults = next(offer.settings for offer in offers if offer.name == STANDARD)
    return {
        "offers": [
            {"offer": offer, "takes": telling.about(offer.seconds), "is_chosen": offer.name == (chosen or STANDARD)}
            for offer in offers
        ],
        "form": RunForm(form.data if form else None, defaults=defaults, has_current=current is not None),
    }


def _render_run(request: HtmxHttpRequest, run: Run) -> HttpResponse:
    Run.objects.filter(pk=run.pk).close_stale()
    run.refresh_from_db()
    labels = run.project.label_names()
    articles, candidate = run.scores.get("articles", {}), run.scores.get("candidate")
    role = Role(run.project.role_of(request.user) or Role.VIEWER)
    version = Version.objects.filter(run=run).select_related("project").first()
    context = {
        "project": run.project,
        "run": run,
        "told": _told(run),
        "version": version,
        "kept": _kept(version, labels) if version else [],
        "waiting": _waiting(run) if run.is_active else None,
        "articles": articles,
        "settings": levers.in_words(run.settings),
        "candidate": candidate,
        "interval": telling.between((candidate or {}).get("f1_interval")),
        "how_far_off": telling.how_far_off(candidate),
        "lenient": telling.lenient(candidate),
        "calibration": telling.calibration(run.scores.get("calibration")) if candidate else "",
        "reliability": telling.reliability(run.scores.get("calibration")),
        "before": run.scores.get("current"),
        "rows": telling.rows(run.scores, labels),
        "why_no_score": "" if version and version.taken_from else telling.why_no_score(articles),
        "confusion": telling.confusion(run.scores),
        "blind": telling.blind(articles),
        "may_stop": role.rank >= Role.ANNOTATOR.rank,
        "shown": _buttons(run),
    }
    if not request.htmx:
        return render(request, "training/run.html", context)
    if _moves_alone(request, run):
        return render(request, "training/run.html#live", context)
    return _in_place(request, render(request, "training/run.html#run", context), "#run")


def _are_suggestions_due(version: Version) -> bool:
    """Whether a new model has yet to speak of its first article: the panel waits for that."""
    spoken = Prediction.objects.filter(source_id=version.source_id).exists()
    if spoken or version.trouble:
        return False
    # While it has said nothing, every article still to be tagged is due: no need to look for each one's prediction.
    return Document.objects.filter(project=version.project_id).unfinished().in_split(Split.TRAIN).exists()


def _kept(version: Version, labels: list[str]) -> list[dict[str, Any]]:
    """What people kept of the version's suggestions, by label and in all; empty where they have judged none."""
    places = {label: place for place, label in enumerate(labels)}
    rows = Verdict.objects.kept_by_label(version.source_id)
    rows.sort(key=lambda row: places.get(row.label, len(places)))
    if rows:
        rows.append(Kept("All", *(sum(counts) for counts in zip(*(row[1:] for row in rows), strict=True))))
    return [{"kept": row, "share": telling.share(row.accepted, row.looked_at)} for row in rows]


def _waiting(run: Run | None) -> doorbell.Waiting | None:
    """Where the run stands in the queue; without one that waits or works, who would take the next. Once a look."""
    if run is not None and run.status == Run.Status.RUNNING:
        return None
    return doorbell.wait(run) if run is not None and run.is_active else doorbell.look()


def _told(run: Run) -> dict[str, Any]:
    return {
        "phase": telling.phase(run.progress),
        "left": telling.time_span(run.progress.get("seconds_left")),
        "took": telling.time_span(run.duration.total_seconds() if run.duration else None),
        "course": telling.course(run.losses),
    }
