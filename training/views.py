"""The training panel of the project page, a run's page, and the list of models."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import retarget

from annotate.access import get_project
from annotate.answers import HtmxHttpRequest
from annotate.models import Document, Kept, Prediction, Project, Role, Source, Split, Verdict
from annotate.queue import QueueDown
from annotate.signals import suggestions_wanted
from training import doorbell, encoders, speeds, telling
from training.engine import shelf
from training.engine.recipe import STANDARD
from training.forms import RunForm
from training.instant import FEWEST
from training.learning import folder_of
from training.models import Deleted, Learner, Run, Version
from training.snapshot import nothing_finished

PAGE = 50
RUNNING_ALREADY = "A training is waiting or running already, so nothing new was started."


@require_GET
@login_required
def training_panel(request: HttpRequest, slug: str) -> HttpResponse:
    return _render_panel(request, get_project(request.user, slug))


@require_POST
@login_required
def run_start(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.ANNOTATOR)
    project.runs.all().close_stale()
    notice = _why_not(project, encoders.chosen(project))
    form = RunForm(request.POST, has_current=project.current_source_id is not None)
    if not notice and form.is_valid():
        run, is_new = Run.objects.queue(project, request.user, **form.chosen())
        notice = "" if is_new else RUNNING_ALREADY
        with suppress(QueueDown):  # the run waits in its row; the panel looks at the queue itself, and says so
            doorbell.ring_for_run(run) if is_new else None
    elif not notice:
        notice = "Nothing was started: " + " ".join(
            f"{form[name].label}: {' '.join(map(str, reasons))}" for name, reasons in form.errors.items()
        )
    if request.htmx:
        return _render_panel(request, project, notice, form)
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
        return _render_panel(request, run.project)
    return _render_run(request, run)


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
        "learner": _learner(project),
        "may_promote": role == Role.MANAGER,
        "may_download": role.rank >= Role.ANNOTATOR.rank,
        "current": current,
        "paths": telling.paths(current.paths, Version.Path.choices) if current else [],
    }
    return render(request, "training/models.html", context)


@require_POST
@login_required
def version_promote(request: HttpRequest, pk: int) -> HttpResponseBase:
    visible = Version.objects.filter(project__in=Project.objects.visible_to(request.user))
    version = get_object_or_404(visible.select_related("project", "source", "deleted_by"), pk=pk)
    project = get_project(request.user, version.project.slug, Role.MANAGER)
    before = Version.current_of(project)
    if not version.deleted_at and not folder_of(version).is_dir():
        messages.error(request, f"Version {version.number} cannot be used: its folder {version.folder} is gone.")
    elif before != version:
        try:
            version.promote()
        except Deleted as gone:
            messages.error(request, f"{gone} It cannot be used again.")
        else:
            undo = f"undo:{reverse('version_promote', args=[before.pk])}" if before else ""
            told = f"Version {version.number} is the current model now; its suggestions follow."
            messages.success(request, told, extra_tags=undo)
            _ring_for_predictions(request, version)
    return redirect("models", project.slug)


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
    return _render_panel(request, project) if request.htmx else redirect("models", slug)


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


def _learner(project: Project) -> dict[str, Any]:
    """The instant learner's line."""
    row = Learner.objects.filter(project=project).select_related("project").first()
    sources = list(Source.objects.filter(project=project, kind=Source.Kind.INSTANT).values_list("pk", flat=True))
    judged = Verdict.objects.kept_in_all(sources)
    return {
        "row": row,
        "is_current": row is not None and row.is_current,
        "fewest": FEWEST,
        "kept": telling.kept(judged.accepted, judged.looked_at, judged.at_finish),
    }


def get_run(user: Any, pk: int, role: Role = Role.VIEWER) -> Run:
    run = get_object_or_404(Run.objects.visible_to(user).select_related("project", "version"), pk=pk)
    get_project(user, run.project.slug, role)
    return run


def _why_not(project: Project, encoder: encoders.Chosen, finished: dict[str, int] | None = None) -> str:
    """Why training cannot begin now, for the person who wants it to. Empty where it can."""
    if project.label_changes.unfinished().exists():
        return "The labels of this project are being changed. Training can begin when that is done."
    if gone := encoders.gone(encoder):
        return gone
    finished = finished or _finished(project)
    return "" if finished["training"] else nothing_finished(finished["validation"])


def _misfit(project: Project, encoder: encoders.Chosen) -> str:
    return encoders.misfit(encoder, encoders.language_of(project))


def _finished(project: Project) -> dict[str, int]:
    finished = Document.objects.filter(project=project).finished()
    return {
        "training": finished.in_split(Split.TRAIN).count(),
        "validation": finished.in_split(Split.VALIDATION).count(),
    }


def _buttons(run: Run | None) -> str:
    """What the buttons beside a run depend on."""
    return f"{run.pk}-{run.is_active:d}-{run.stop_requested:d}" if run else "none"


def _moves_alone(request: HttpRequest, run: Run | None) -> bool:
    """Whether the page asks for what moves, and shows the right buttons already."""
    return request.GET.get("shown") == _buttons(run)


def _in_place(request: HttpRequest, response: HttpResponse, whole: str) -> HttpResponse:
    """A poll, which asked for what moves, is answered with the whole when its buttons are wrong by now."""
    return retarget(response, whole) if "shown" in request.GET else response


def _ring_for_predictions(request: HttpRequest, version: Version) -> None:
    try:
        doorbell.ring_for_predictions(version.source_id)
    except QueueDown as down:
        messages.warning(request, f"{down} The suggestions are made as soon as it does.")


def _render_panel(
    request: HttpRequest, project: Project, notice: str = "", form: RunForm | None = None
) -> HttpResponse:
    project.runs.all().close_stale()
    last = project.runs.filter(kind=Run.Kind.TRAIN).select_related("version").first()
    current = Version.current_of(project)
    finished, encoder = _finished(project), encoders.chosen(project)
    waiting = _waiting(last)
    suggested = Prediction.objects.filter(source_id=current.source_id).count() if current else 0
    role = Role(project.role_of(request.user) or Role.VIEWER)
    context = {
        "project": project,
        "notice": notice,
        "run": last,
        "told": _told(last) if last else None,
        "version": current,
        "suggested": suggested,
        "waiting": waiting,
        "filling": telling.filling(current.filling, suggested, time.time()) if current else "",
        "suggesting": bool(current and waiting and waiting.predictors and _are_suggestions_due(current)),
        "learner": _learner(project),
        "finished": finished,
        "why_not": _why_not(project, encoder, finished),
        "may_switch": role == Role.MANAGER,
        "may_retrain": role.rank >= Role.ANNOTATOR.rank,
        "misfit": partial(_misfit, project, encoder),  # looked for where it is shown only, and not each second
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
