"""What programs may do with trainings and the models they leave. As `annotate/api/`, loaded at the first request."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status
from pydantic import BaseModel, ConfigDict, Field

from annotate.api import paging
from annotate.api.callers import ApiRequest, allow, get_project
from annotate.api.problems import Error, Problem
from annotate.api.schemas import Body
from annotate.models import Role
from annotate.queue import QueueDown
from training import doorbell, telling
from training.forms import RunForm
from training.models import Run, Version
from training.promoting import NotUsable, make_current
from training.starting import start

router = Router(tags=["Models"])


class RunNew(Body):
    """What is left out the recipe chooses."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"recipe": "standard", "seed": 1}]})
    recipe: Literal["quick", "standard", "thorough"] = "standard"
    epochs: int | None = Field(default=None, ge=1, le=500)
    learning_rate: float | None = Field(default=None, ge=1e-7, le=0.1)
    token_budget: int | None = Field(default=None, ge=16, le=262_144, description="Sub-words of a batch")
    window: int | None = Field(default=None, ge=16, le=8192, description="Sub-words")
    weight_decay: float | None = Field(default=None, ge=0, le=1)
    warmup: float | None = Field(default=None, ge=0, le=1, description="Share of the steps")
    frozen_share: float | None = Field(default=None, ge=0, le=1, description="Share of the layers")
    frozen_at_last: float | None = Field(default=None, ge=0, le=1, description="Share of the layers")
    all_subwords: Literal["first", "all"] | None = None
    start: Literal["encoder", "current"] | None = None
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)


class RunTold(BaseModel):
    id: int
    project: str
    kind: str
    status: Literal["queued", "running", "succeeded", "failed", "stopped"]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    because: str = Field(description="Why it started by itself, in words; empty where somebody asked for it")
    stop_requested: bool
    settings: dict[str, Any]
    waiting: str = Field(description="What a queued run waits for, in words")
    phase: str = Field(description="What a running one is at, in words")
    progress: dict[str, Any] = Field(description="step, steps, epoch, epochs, loss, seconds_left")
    scores: dict[str, Any] | None = Field(description="Of the new model on the held-out articles")
    promoted: bool
    reason: str = Field(description="Why it ended as it did, in words")
    version: int | None = Field(description="The number of the model that it left")


class VersionTold(BaseModel):
    number: int
    run: int
    current: bool
    labels: list[str]
    scores: dict[str, Any]
    created_at: datetime
    promoted_at: datetime | None
    deleted_at: datetime | None
    trouble: str = Field(description="Why its suggestions cannot be made, in words")


class VersionPage(BaseModel):
    items: list[VersionTold]
    next: str | None


@router.post("/projects/{slug:slug}/runs", response={202: RunTold}, summary="Train")
def run_new(request: ApiRequest, slug: str, body: RunNew) -> Status[dict[str, Any]]:
    """Asks for a training on the finished articles; a worker takes it. 409 where one waits or works already, with that
    one under `current`.
    """
    project = get_project(request.token, slug, Role.ANNOTATOR)
    form = RunForm(body.model_dump(exclude_none=True), has_current=project.current_source_id is not None)
    if not form.is_valid():
        errors = [
            Error(place=f"body.{name}", detail=str(message)) for name, found in form.errors.items() for message in found
        ]
        raise Problem(422, "These settings cannot be: see the places.", errors)
    run, told = start(project, request.token.user, form.chosen())
    if run is None or told:
        raise Problem(409, told, current=told_run(run)) if run else Problem(409, told)
    return Status(202, told_run(run))


@router.get("/runs/{key:pk}", response=RunTold, summary="Look at a training")
def run_show(request: ApiRequest, pk: int) -> dict[str, Any]:
    return told_run(_get_run(request, pk))


@router.post("/runs/{key:pk}/stop", response=RunTold, summary="Stop a training")
def run_stop(request: ApiRequest, pk: int) -> dict[str, Any]:
    """One that waits ends at once, one that works at its next step; one that is over stays as it is."""
    run = _get_run(request, pk, Role.ANNOTATOR)
    run.stop()
    return told_run(run)


@router.get("/projects/{slug:slug}/versions", response=VersionPage, summary="List the models")
def versions_list(request: ApiRequest, slug: str, page: Query[paging.Where]) -> dict[str, Any]:
    """In the order of their numbers."""
    project = get_project(request.token, slug)
    behind = project.versions.filter(number__gt=min(paging.after(page), 2**31 - 1)).order_by("number")
    found = list(behind[: page.limit + 1])
    shown = found[: page.limit]
    following = paging.cursor(shown[-1].number) if len(found) > page.limit else None
    return {"items": [_told_version(version, project.current_source_id) for version in shown], "next": following}


@router.post(
    "/projects/{slug:slug}/versions/{key:number}/promote", response=VersionTold, summary="Make a model current"
)
def version_promote(request: ApiRequest, slug: str, number: int) -> dict[str, Any]:
    """Its suggestions follow. Nothing happens where it is current already."""
    project = get_project(request.token, slug, Role.MANAGER)
    versions = project.versions.select_related("project", "source", "deleted_by")
    version = get_object_or_404(versions, number=min(number, 2**31 - 1))
    if not version.is_current:
        try:
            make_current(version)
        except NotUsable as gone:
            raise Problem(409, str(gone)) from gone
        with suppress(QueueDown):  # the suggestions are made as soon as it answers
            doorbell.ring_for_predictions(version.source_id)
    return _told_version(version, version.source_id)


def _get_run(request: ApiRequest, pk: int, role: Role = Role.VIEWER) -> Run:
    runs = Run.objects.visible_to(request.token.user).select_related("project", "version")
    run = get_object_or_404(runs, pk=pk)
    allow(request.token, run.project, role)
    Run.objects.filter(pk=pk).close_stale()
    run.refresh_from_db()
    return run


def told_run(run: Run) -> dict[str, Any]:
    version = Version.objects.filter(run=run).first()
    plain = (
        "kind",
        "status",
        "because",
        "created_at",
        "started_at",
        "ended_at",
        "stop_requested",
        "settings",
        "progress",
    )
    return {
        "id": run.pk,
        "project": run.project.slug,
        **{name: getattr(run, name) for name in (*plain, "promoted")},
        "waiting": _waiting(run) if run.status == Run.Status.QUEUED else "",
        "phase": telling.phase(run.progress) if run.status == Run.Status.RUNNING else "",
        "scores": run.scores.get("candidate"),
        "reason": run.reason or run.scores.get("decision", {}).get("reason", ""),
        "version": version.number if version else None,
    }


def _waiting(run: Run) -> str:
    waiting = doorbell.wait(run)
    if waiting.queue_down:
        return waiting.queue_down
    if not waiting.workers:
        return "The workers are being started." if waiting.starting else "No training worker is running."
    return f"It is number {waiting.place} in the queue." if waiting.place else "A worker is just taking it."


def _told_version(version: Version, current: int | None) -> dict[str, Any]:
    plain = ("number", "labels", "scores", "created_at", "promoted_at", "deleted_at", "trouble")
    told = {name: getattr(version, name) for name in plain}
    return {**told, "run": version.run_id, "current": version.source_id == current}
