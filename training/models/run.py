"""Runs and versions. The row is the record: whoever holds its claim token may write to it, nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from annotate.models import Document, Project, Source
from training.trouble import gone_silent

HEARTBEAT = timedelta(seconds=10)
STALE_AFTER = timedelta(seconds=45)
WORKER = uuid4()  # drawn once a process, and inherited by what it forks: a worker knows the claims of its children


def claim_of_this_worker(pk: int) -> UUID:
    """The token under which this worker, or a child of it, holds a run. A run is claimed once, so it is fresh."""
    return uuid5(WORKER, f"run-{pk}")


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def active(self) -> Self:
        return self.filter(status__in=Run.ACTIVE)

    def queue(self, project: Project, by: Any, **settings: Any) -> tuple[Run, bool]:
        """Ask for training, from the project's encoder unless told otherwise. Where a run is active already that one
        is returned, with False: nothing new is started.
        """
        return self._ask(project, by, Run.Kind.TRAIN, {**self._encoder_of(project), **settings})

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

    def _ask(self, project: Project, by: Any, kind: str, settings: dict[str, Any]) -> tuple[Run, bool]:
        try:
            with transaction.atomic():
                return self.create(project=project, requested_by=by, kind=kind, settings=settings), True
        except IntegrityError:
            active = self.active().filter(project=project, kind=kind).first()
            return (active, False) if active else self._ask(project, by, kind, settings)  # it has ended just now

    def claim(self, pk: int) -> Run | None:
        """Mark a queued run as running, under a token of its own. None if somebody else already has."""
        now = timezone.now()
        claimed = self.filter(pk=pk, status=Run.Status.QUEUED).update(
            status=Run.Status.RUNNING, claim=claim_of_this_worker(pk), started_at=now, heartbeat_at=now
        )
        return self.select_related("project").get(pk=pk) if claimed else None

    def held(self, pk: int, claim: UUID | None) -> Self:
        """The row, as long as this claim still holds it."""
        return self.filter(pk=pk, claim=claim, status=Run.Status.RUNNING)

    def left_by_child(self, pk: int) -> Self:
        """The row, where a child of this worker held it or nobody has begun. Not where another worker holds it."""
        ours = Q(status=Run.Status.RUNNING, claim=claim_of_this_worker(pk))
        return self.filter(ours | Q(status=Run.Status.QUEUED), pk=pk)

    def stale(self) -> Self:
        return self.filter(status=Run.Status.RUNNING, heartbeat_at__lt=timezone.now() - STALE_AFTER)

    def end(self, status: str, **fields: Any) -> bool:
        """Close the runs that are left of these. False where none was: somebody else has closed it."""
        return bool(self.active().update(status=status, ended_at=timezone.now(), **fields))

    def fail(self, error: str) -> bool:
        return self.end(Run.Status.FAILED, error=error)

    def close_stale(self) -> None:
        """Fail the runs whose worker has gone silent. Their claims are void: one that wakes up writes nothing."""
        for run in self.stale():
            Run.objects.held(run.pk, run.claim).stale().fail(gone_silent(run.heartbeat_at, run.kind))


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
        # A curve that steps aside sends itself again: under an id of its own, for the job under way is not to be lost.
        return f"run-{self.pk}-{self.scores.get('sent', 1)}" if self.kind == self.Kind.CURVE else f"run-{self.pk}"

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

    def stop(self) -> None:
        """End a run that waits at once; ask one that works to stop at its next step."""
        mine = Run.objects.filter(pk=self.pk)
        waiting = mine.filter(status=self.Status.QUEUED)
        if not waiting.end(self.Status.STOPPED, stop_requested=True):
            mine.active().update(stop_requested=True)
        self.refresh_from_db()


class Learner(models.Model):
    """The instant learner of a project: one row, which says what it knows now. Each fit replaces what was there."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="learner")
    source = models.ForeignKey(Source, null=True, on_delete=models.SET_NULL, related_name="+")
    fits = models.PositiveIntegerField(default=0)
    fitted_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0)
    learnt = models.CharField(max_length=100, blank=True, help_text="Which gold: see `instant.state_of`")
    articles = models.JSONField(default=dict, help_text="training, validation")
    scores = models.JSONField(default=dict, help_text="On the finished validation articles; empty without any")
    held_out = models.JSONField(
        default=dict, help_text="{document: [[start, end, label], ...]}: what it says of these, to compare models by"
    )
    trouble = models.TextField(blank=True, help_text="Why it cannot learn, in words; empty while all is well")

    def __str__(self) -> str:
        return f"Instant learner of {self.project}"

    @property
    def is_current(self) -> bool:
        return self.source_id is not None and self.project.current_source_id == self.source_id


class Deleted(Exception):
    """The version's model was deleted, so nothing can be done with it any more. The message is for people."""


class Version(models.Model):
    """What a run that succeeded left: an immutable, self-contained model folder, numbered per project. Where the
    folder was deleted the row stays, for all that refers to it.
    """

    class Path(models.TextChoices):
        TORCH = "torch", "PyTorch"
        HALF = "half", "PyTorch in half precision"
        ONNX = "onnx", "ONNX Runtime"
        INT8 = "int8", "ONNX Runtime with 8 bits"

    run = models.OneToOneField(Run, on_delete=models.RESTRICT, related_name="version")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="versions")
    source = models.OneToOneField(Source, on_delete=models.RESTRICT, related_name="version")
    number = models.PositiveIntegerField()
    folder = models.CharField(max_length=300, help_text="Below the data folder")
    labels = models.JSONField(help_text="Entity types in the order that the model knows them")
    scores = models.JSONField(default=dict)
    taken_from = models.CharField(
        max_length=300, blank=True, help_text="The ready model that it is; empty where it was trained here"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True, blank=True)
    path = models.CharField(
        max_length=10, choices=Path.choices, blank=True, help_text="How it predicts; empty until all were tried"
    )
    filling = models.JSONField(
        default=dict, help_text="How far its suggestions are: articles left, articles_per_s, at (seconds since 1970)"
    )
    paths = models.JSONField(default=dict, help_text="What trying each path came to: words_per_s, agreement, f1")
    trouble = models.TextField(
        blank=True, help_text="Why its suggestions cannot be made, in words; empty while all is well"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="version_number_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_numbers_begin_at_one"),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} of {self.project}"

    @classmethod
    def current_of(cls, project: Project) -> Version | None:
        return cls.objects.filter(project=project, source__current_for=project).select_related("source").first()

    @property
    def is_current(self) -> bool:
        return self.project.current_source_id == self.source_id

    @property
    def why_gone(self) -> str:
        """That its model was deleted, in words; empty where it was not."""
        if self.deleted_at is None:
            return ""
        on = timezone.localtime(self.deleted_at).strftime("%-d %B %Y")
        by = f" by {self.deleted_by}" if self.deleted_by else ""
        return f"The model of version {self.number} was deleted on {on}{by}."

    def promote(self) -> None:
        """Make this the version whose predictions people see. Raises Deleted."""
        with transaction.atomic():
            Project.objects.select_for_update().get(pk=self.project_id)  # whoever deletes a version waits for it, too
            self.refresh_from_db(fields=["deleted_at", "deleted_by"])
            if self.why_gone:
                raise Deleted(self.why_gone)
            Project.objects.filter(pk=self.project_id).update(current_source=self.source)
            self.promoted_at = timezone.now()
            self.save(update_fields=["promoted_at"])
        self.project.current_source = self.source


class Mistake(models.Model):
    """What a run's model got wrong in a held-out article. In code points of the text, which never changes: tokens may
    be split later. Labels are by the names with which the model was trained.
    """

    class Kind(models.TextChoices):
        MISSED = "missed", "Missed"
        SPURIOUS = "spurious", "Made up"
        LABEL = "label", "Wrong label"
        EXTENT = "extent", "Wrong extent"
        BOTH = "both", "Wrong label and extent"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="mistakes")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    start = models.PositiveIntegerField(null=True, help_text="Of what people tagged; null where they tagged nothing")
    end = models.PositiveIntegerField(null=True)
    label = models.CharField(max_length=50, blank=True)
    said_start = models.PositiveIntegerField(null=True, help_text="Of what the model said; null where it said nothing")
    said_end = models.PositiveIntegerField(null=True)
    said = models.CharField(max_length=50, blank=True)
    probability = models.FloatField(null=True)
    opened_at = models.DateTimeField(
        null=True, help_text="When somebody first went from it to the article: tags changed since are not blind"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["missed", "spurious", "label", "extent", "both"]), name="mistake_kind_known"
            ),
            models.CheckConstraint(
                condition=(Q(kind="spurious") | Q(start__isnull=False, end__gt=F("start")))
                & (Q(kind="missed") | Q(said_start__isnull=False, said_end__gt=F("said_start"))),
                name="mistake_has_its_ranges",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} in document {self.document_id}"

    @property
    def first(self) -> int:
        return min(place for place in (self.start, self.said_start) if place is not None)

    @property
    def last(self) -> int:
        return max(place for place in (self.end, self.said_end) if place is not None)


class EncoderChoice(models.Model):
    """The encoder that a project's trainings start from, where it is not the default, as it was found when checked."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="encoder_choice")
    encoder = models.CharField(max_length=300, help_text="A Hugging Face id, or the path of a folder")
    facts = models.JSONField(default=dict, help_text="family, layers, size, lower_case, licence, languages, ...")
    chosen_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.encoder} for {self.project}"


class Speed(models.Model):
    """How fast an encoder was trained on a device last, in words a second as if no layer had been frozen."""

    encoder = models.CharField(max_length=300)
    device = models.CharField(max_length=200)
    words_per_second = models.FloatField()
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encoder", "device"], name="speed_once_a_device"),
            models.CheckConstraint(condition=Q(words_per_second__gt=0), name="speed_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.encoder} on {self.device}: {self.words_per_second:.0f} words a second"


from training.tagging import Mention as Mention  # noqa: E402 - it speaks of a Version
from training.tagging import Tagging as Tagging  # noqa: E402
