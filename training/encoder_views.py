"""The page of a project's encoder: which it is, which others lie here, and models that tag already."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import reswap, retarget

from annotate.access import get_project
from annotate.answers import HtmxHttpRequest, nobody_works
from annotate.models import Project, Role
from annotate.queue import QueueDown
from training import doorbell, encoders, telling
from training.engine.shelf import EncoderError, Facts
from training.forms import EncoderForm, ReadyForm
from training.models import Run, Version

SHOWN_FOR = timedelta(hours=12)  # how long the outcome of a check stays on the page
KINDS = (Run.Kind.CHECK, Run.Kind.READY)


@require_GET
@login_required
def encoder(request: HtmxHttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    if request.htmx:
        return _render_outcome(request, project)
    return _render(request, project, EncoderForm())


@require_POST
@login_required
def encoder_check(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    form = EncoderForm(request.POST)
    if not form.is_valid():
        return _render(request, project, form)
    _ring(Run.objects.check_encoder(project, request.user, form.cleaned_data["encoder"]))
    return redirect("encoder", slug)


@require_POST
@login_required
def encoder_use(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    name = request.POST.get("encoder", "")
    try:
        encoders.choose(project, name)
    except EncoderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The next training starts from {name}.")
    return redirect("encoder", slug)


@require_POST
@login_required
def encoder_stop(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    for run in project.runs.active().filter(kind__in=KINDS):
        run.stop()
    return redirect("encoder", slug)


@require_POST
@login_required
def ready_take(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    """Ask for a version of the ready model that was checked, its labels mapped."""
    project = get_project(request.user, slug, Role.MANAGER)
    name = request.POST.get("encoder", "")
    facts = encoders.checked(project, name)
    if facts is None or not facts.tags:
        messages.error(request, f"{name} has not been checked, or does not tag.")
        return redirect("encoder", slug)
    form = ReadyForm(request.POST, tags=facts.tags, project=project)
    if not form.is_valid():
        return _render(request, project, EncoderForm(), ready=form)
    run, is_new = Run.objects.take_over(project, request.user, name, form.cleaned_data)
    if is_new:
        _ring(run)
    else:
        messages.warning(request, "A model is being taken over already, so nothing new was started.")
    return redirect("encoder", slug)


def _ring(run: Run) -> None:
    with suppress(QueueDown):  # the run waits in its row; the page looks at the queue itself, and says so
        doorbell.ring_for_run(run)


def _outcome(project: Project, ready: ReadyForm | None = None) -> dict[str, Any]:
    """What the latest check, or the latest taking over, is at or has come to."""
    project.runs.all().close_stale()
    run = project.runs.filter(kind__in=KINDS).select_related("version").first()
    if run is None or (run.ended_at and run.ended_at < timezone.now() - SHOWN_FOR):
        return {"run": None}
    if run.status == Run.Status.QUEUED:
        doorbell.wait(run)  # rings again where the queue has lost it
    found = encoders.checked(project, run.settings["encoder"])
    is_found = run.kind == Run.Kind.CHECK and run.status == Run.Status.SUCCEEDED and found is not None
    if is_found and found is not None and found.tags and ready is None:
        ready = ReadyForm(tags=found.tags, project=project)
    return {
        "run": run,
        "name": run.settings["encoder"],
        "phase": telling.phase(run.progress),
        "nobody": nobody_works() if run.status == Run.Status.QUEUED else "",
        "found": found if is_found else None,
        "what": _what(found, run.scores["window"]) if is_found and found else "",
        "ready": ready if is_found else None,
        "version": Version.objects.filter(run=run).select_related("project").first(),
    }


def _what(found: Facts, window: int) -> str:
    parts = [
        encoders.in_words(found),
        filesizeformat(found.size),
        f"licence {found.licence}" if found.licence else "",
        f"for {telling.some(found.languages)}" if found.languages else "",
        f"reads {window:,} sub-words at once",
    ]
    return "; ".join(filter(None, parts)) + "."


def _render_outcome(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """What moves alone for as long as it moves; then all that stands there, buttons and forms too."""
    context = {
        **_outcome(project),
        "project": project,
        "chosen": encoders.encoder_of(project),
        "may_manage": project.role_of(request.user) == Role.MANAGER,
    }
    if context["run"] is not None and context["run"].is_active:
        return render(request, "training/encoder.html#live", context)
    return reswap(retarget(render(request, "training/encoder.html#outcome", context), "#outcome"), "innerHTML")


def _render(
    request: HtmxHttpRequest, project: Project, form: EncoderForm, ready: ReadyForm | None = None
) -> HttpResponse:
    chosen, language = encoders.chosen(project), encoders.language_of(project)
    context = {
        **_outcome(project, ready),
        "project": project,
        "form": form,
        "chosen": chosen.name,
        "rows": encoders.on_this_machine(project, request.user),
        "misfit": encoders.misfit(chosen, language),
        "capitals": encoders.capitals(chosen, language),
        "gone": encoders.gone(chosen),
        "may_manage": project.role_of(request.user) == Role.MANAGER,
    }
    return render(request, "training/encoder.html", context)
