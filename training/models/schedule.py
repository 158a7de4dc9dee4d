"""When a project trains without a click."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotate.models import Project


class Schedule(models.Model):
    """After so many finished articles, at a time of day, or both. Off, or without a row, trainings start by a click."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="schedule")
    is_on = models.BooleanField(default=True)
    articles = models.PositiveIntegerField(null=True, blank=True, help_text="Finished since the training before")
    at = models.TimeField(null=True, blank=True, help_text="On the server's clock")
    recipe = models.CharField(max_length=20)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(default=timezone.now)
    looked_at = models.DateTimeField(null=True, blank=True, help_text="The last time of day that was seen to come")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_on=False) | Q(articles__gte=1) | Q(at__isnull=False), name="schedule_on_has_an_occasion"
            )
        ]

    def __str__(self) -> str:
        return f"Schedule of {self.project}"
