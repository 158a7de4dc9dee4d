"""Versions: what runs leave. And the instant learner, which has none."""

from __future__ import annotations

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from annotate import webhooks
from annotate.models import Event, Project, Source
from training.models.run import Run


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
            told = {"number": self.number, "run": self.run_id, "address": f"{webhooks.API}/runs/{self.run_id}"}
            webhooks.tell(self.project, Event.VERSION_PROMOTED, version=told)
        self.project.current_source = self.source


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
