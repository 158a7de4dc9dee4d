"""A run: one attempt at training, or at what belongs to it. Whoever holds its claim token may write to it alone."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, Self
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from annotate import webhooks
from annotate.models import Event, Project
from training.models.encoder import EncoderChoice
from training.trouble import gone_silent

HEARTBEAT = timedelta(seconds=10)
STALE_AFTER = timedelta(seconds=45)
WORKER = uuid4()  # drawn once a process, and inherited by what it forks: a worker knows the claims of its children


def claim_of_this_worker(job_id: str) -> UUID:
    """The token under which this worker, or a child of it, holds a run. A run is claimed once each time it is sent."""
    return uuid5(WORKER, job_id)


def job_id_of(pk: int, sent: int) -> str:
    """The job's name in the queue. Sent again it has another: the job before may be under way still."""
    return f"run-{pk}-{sent}"


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def active(self) -> Self:
        return self.filter(status__in=Run.ACTIVE)

    def queue(self, project: Project, by: Any, because: str = "", **settings: Any) -> tuple[Run, bool]:
        """Ask for training, from the project's encoder unless told otherwise. Where a run is active already that one
        is returned, with False: nothing new is started. `because` says why where nobody has asked for it.
        """
        return self._ask(project, by, Run.Kind.TRAIN, {**self._encoder_of(project), **settings}, because)

    def take_over(self, project: Project, by: Any, encoder: str, labels: dict[str, str]) -> tuple[Run, bool]:
        """Ask for a version of a ready model, its labels mapped to the project's; as `queue`, one at a time."""
        return self._ask(project, by, Run.Kind.READY, {"encoder": encoder, "labels": labels})

    def draw_curve(self, project: Project, by: Any) -> tuple[Run, bool]:
        """Ask for a learning curve, with the project's encoder; as `queue`, one at a time."""
        return self._ask(project, by, Run.Kind.CURVE, self._encoder_of(project))

    def check_encoder(self, project: Project, by: Any, encoder: str) -> Run:
        """Ask for a look at an encoder. It ends those before: the person has thought of another one."""
        for before in self.active().filter(project=project, kind=Run.Kind.CHECK):
            before.stop()
        return self.create(project=project, requested_by=by, kind=Run.Kind.CHECK, settings={"encoder": encoder})

    def _encoder_of(self, project: Project) -> dict[str, Any]:
        chosen = EncoderChoice.objects.filter(project=project).first()
        return {"encoder": chosen.encoder} if chosen else {}

    def _ask(
        self, project: Project, by: Any, kind: str, settings: dict[str, Any], because: str = ""
    ) -> tuple[Run, bool]:
        asked = {"requested_by": by, "because": because, "settings": settings}
        try:
            with transaction.atomic():
                return self.create(project=project, kind=kind, **asked), True
        except IntegrityError:
            active = self.active().filter(project=project, kind=kind).first()
            # Where there is none, it has ended just now.
            return (active, False) if active else self._ask(project, by, kind, settings, because)

    def claim(self, pk: int) -> Run | None:
        """Mark a queued run as running, under a token of its own. None if somebody else already has."""
        now = timezone.now()
        waiting = self.filter(pk=pk, status=Run.Status.QUEUED)
        run = waiting.only("sent").first()
        claimed = run and waiting.filter(sent=run.sent).update(
            status=Run.Status.RUNNING, claim=claim_of_this_worker(run.job_id), started_at=now, heartbeat_at=now
        )
        return self.select_related("project").get(pk=pk) if claimed else None

    def held(self, pk: int, claim: UUID | None) -> Self:
        """The row, as long as this claim still holds it."""
        return self.filter(pk=pk, claim=claim, status=Run.Status.RUNNING)

    def left_by_child(self, pk: int, sent: int) -> Self:
        """The row, where a child of this worker held it or nobody has begun. Not where another worker holds it, nor
        where it has been sent again since.
        """
        ours = Q(status=Run.Status.RUNNING, claim=claim_of_this_worker(job_id_of(pk, sent)))
        return self.filter(ours | Q(status=Run.Status.QUEUED), pk=pk, sent=sent)

    def stale(self) -> Self:
        return self.filter(status=Run.Status.RUNNING, heartbeat_at__lt=timezone.now() - STALE_AFTER)

    def end(self, status: str, **fields: Any) -> bool:
        """Close the runs that are left of these. False where none was: somebody else has closed it."""
        with transaction.atomic():
            ending = list(self.active().select_for_update().order_by("pk").values_list("pk", flat=True))
            if ending:
                self.filter(pk__in=ending).update(status=status, ended_at=timezone.now(), **fields)
                Run.objects.tell_ended(ending)
        return bool(ending)

    def tell_ended(self, pks: list[int]) -> None:
        """Tell webhooks of those runs that people wait for. Call in the transaction that has ended them."""
        for run in self.filter(pk__in=pks, kind__in=(Run.Kind.TRAIN, Run.Kind.READY)).select_related("project"):
            told = {"id": run.pk, "kind": run.kind, "status": run.status, "address": f"{webhooks.API}/runs/{run.pk}"}
            webhooks.tell(run.project, Event.RUN_ENDED, run=told)

    def fail(self, error: str) -> bool:
        return self.end(Run.Status.FAILED, error=error)

    def close_stale(self) -> None:
        """Fail the runs whose worker has gone silent. Their claims are void: one that wakes up writes nothing."""
        for run in self.stale():
            Run.objects.held(run.pk, run.claim).stale().fail(gone_silent(run.heartbeat_at, run.kind, run.kept_step))


class Run(models.Model):
    """One attempt at training."""

    class Kind(models.TextChoices):
        TRAIN = "train", "Training"
        INSTANT = "instant", "Instant learning"
        CURVE = "curve", "Learning curve"
        CHECK = "check", "Encoder check"
        READY = "ready", "Ready model"

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        STOPPED = "stopped", "Stopped"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TRAIN)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    claim = models.UUIDField(null=True, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    because = models.CharField(
        max_length=200, blank=True, help_text="Why it started by itself, in words; empty where somebody asked for it"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    stop_requested = models.BooleanField(default=False)
    settings = models.JSONField(default=dict)
    seed = models.PositiveIntegerField(default=1)
    snapshot_hash = models.CharField(max_length=64, blank=True)
    progress = models.JSONField(
        default=dict, help_text="phase, step, steps, epoch, epochs, loss, words_per_second, ..."
    )
    losses = models.JSONField(default=list, help_text="[[step, loss], ...]")
    scores = models.JSONField(default=dict, help_text="candidate, current, decision, articles and how many were blind")
    held_out = models.JSONField(
        default=dict, help_text="{document: digest of its words and tags} of the articles it was scored on"
    )
    error = models.TextField(blank=True)
    sent = models.PositiveSmallIntegerField(default=1, help_text="How many times it has been sent to a worker")
    kept_step = models.PositiveIntegerField(default=0, help_text="The step of its last checkpoint; 0 without one")

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(kind="train", status__in=["queued", "running"]),
                name="one_active_training_per_project",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(kind="ready", status__in=["queued", "running"]),
                name="one_ready_model_taken_over_at_once",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(kind="curve", status__in=["queued", "running"]),
                name="one_active_curve_per_project",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "succeeded", "failed", "stopped"]), name="run_status_known"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["train", "instant", "curve", "check", "ready"]), name="run_kind_known"
            ),
            models.CheckConstraint(condition=~Q(status="running") | Q(claim__isnull=False), name="running_is_claimed"),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk} of {self.project}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def job_id(self) -> str:
        return job_id_of(self.pk, self.sent)

    @property
    def promoted(self) -> bool:
        return bool(self.scores.get("decision", {}).get("promote"))

    @property
    def duration(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.ended_at and self.started_at else None

    @property
    def reason(self) -> str:
        """The error in words, without the technical line below it."""
        return self.error.partition("\n")[0]

    @property
    def technical(self) -> str:
        return self.error.partition("\n")[2]

    @property
    def can_go_on(self) -> bool:
        """Whether it was cut off behind a checkpoint, and no other training has taken its place."""
        later = Run.objects.filter(project=self.project_id, kind=self.Kind.TRAIN, pk__gt=self.pk)
        return self.status == self.Status.FAILED and self.kept_step > 0 and not later.exists()

    def go_on(self) -> bool:
        """Have a training that was cut off wait for a worker again. False where it cannot go on."""
        if not self.can_go_on:
            return False
        cut_off = Run.objects.filter(pk=self.pk, status=self.Status.FAILED, sent=self.sent)
        again = {"status": self.Status.QUEUED, "sent": self.sent + 1, "claim": None, "ended_at": None, "error": ""}
        with suppress(IntegrityError), transaction.atomic():  # another one has been asked for just now
            changed = cut_off.update(**again, progress={}, stop_requested=False)
            self.sent += bool(changed)
            return bool(changed)
        return False

    def stop(self) -> None:
        """End a run that waits at once; ask one that works to stop at its next step."""
        mine = Run.objects.filter(pk=self.pk)
        waiting = mine.filter(status=self.Status.QUEUED)
        if not waiting.end(self.Status.STOPPED, stop_requested=True):
            mine.active().update(stop_requested=True)
        self.refresh_from_db()
