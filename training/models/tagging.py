"""What a model found in an archive: the job that reads it, a turn at a time, and the mentions as rows.

A result, and no suggestion: it is shown on pages of its own, never on the desk.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from annotate.models import Document, Project
from annotate.models.exchange import hold

STALE = timedelta(minutes=10)  # one article of 50,000 words, on a busy machine


class TaggingQuerySet(models.QuerySet["Tagging"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def claim(self, pk: int) -> Tagging | None:
        """Take one that waits for this process. None if somebody else already has, or it is over."""
        claimed = self.filter(pk=pk, status=Tagging.Status.WAITING).update(**hold(Tagging.Status.WORKING))
        return self.select_related("project", "version__source", "version__project").get(pk=pk) if claimed else None

    def held(self, row: Tagging) -> Self:
        """The row, as long as this claim still holds it."""
        return self.filter(pk=row.pk, claim=row.claim, status=Tagging.Status.WORKING)

    def stop(self, row: Tagging) -> bool:
        """End it where it stands. What it has found stays, and it can go on."""
        busy = self.filter(pk=row.pk, status__in=Tagging.ACTIVE)
        return bool(busy.update(status=Tagging.Status.STOPPED, claim=None))

    def go_on(self, row: Tagging) -> bool:
        ended = self.filter(pk=row.pk, status__in=(Tagging.Status.STOPPED, Tagging.Status.FAILED))
        return bool(ended.update(status=Tagging.Status.WAITING, error=""))

    def revive(self) -> None:
        """Let those wait again whose process has gone silent. A look that finds none waits for no writer."""
        silent = self.filter(status=Tagging.Status.WORKING, heartbeat_at__lt=timezone.now() - STALE)
        if silent.exists():
            silent.update(status=Tagging.Status.WAITING, claim=None)


class Tagging(models.Model):
    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for its turn"
        WORKING = "working", "At work"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    ACTIVE = (Status.WAITING, Status.WORKING)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="taggings")
    version = models.ForeignKey("training.Version", on_delete=models.CASCADE, related_name="taggings")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    chosen = models.JSONField(default=dict, help_text="The filter, as annotate.chosen.Chosen has it")
    words_of_filter = models.CharField(max_length=500, blank=True, help_text="The filter as people would say it")
    up_to = models.BigIntegerField(help_text="The newest article when it was asked for")
    after = models.BigIntegerField(default=0, help_text="The last article that has had its turn")
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    words = models.PositiveBigIntegerField()
    words_done = models.PositiveBigIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0, help_text="At work")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    claim = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    parquet = models.CharField(max_length=200, blank=True, help_text="Below the data folder, once it is written")

    objects = TaggingQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "working", "done", "stopped", "failed"]), name="tagging_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"Archive tagging {self.pk} of {self.project}"

    @property
    def is_working(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def articles_per_s(self) -> float | None:
        return self.done / self.seconds if self.seconds else None

    @property
    def seconds_left(self) -> float | None:
        left = max(self.words - self.words_done, 0)
        return left * self.seconds / self.words_done if self.words_done else None


class Mention(models.Model):
    """One entity that was found: code points of the article's text, half open."""

    tagging = models.ForeignKey(Tagging, on_delete=models.CASCADE, related_name="mentions")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    text = models.TextField()
    label = models.CharField(max_length=50)
    probability = models.FloatField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("start")), name="mention_range")]
        indexes = [models.Index(fields=["tagging", "label", "id"], name="mention_by_label")]

    def __str__(self) -> str:
        return f"{self.text} ({self.label})"
