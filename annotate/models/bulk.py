"""A bulk action: one verb, done to a frozen choice of articles, a few at a time, and what it changed of each."""

from __future__ import annotations

from typing import Any, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotate.models.document import Document
from annotate.models.exchange import hold
from annotate.models.project import Project


class BulkActionQuerySet(models.QuerySet["BulkAction"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def claim(self, pk: int) -> BulkAction | None:
        """Take an action that waits for this process. None if somebody else already has."""
        claimed = self.filter(pk=pk, status=BulkAction.Status.WAITING).update(**hold(BulkAction.Status.WORKING))
        return self.select_related("project", "created_by", "undoes").get(pk=pk) if claimed else None

    def held(self, row: BulkAction) -> Self:
        """The row, as long as this claim still holds it."""
        return self.filter(pk=row.pk, claim=row.claim, status=BulkAction.Status.WORKING)

    def stop(self, row: BulkAction) -> bool:
        """End it where it stands. What it has changed stays, and can be undone."""
        busy = self.filter(pk=row.pk, status__in=(BulkAction.Status.WAITING, BulkAction.Status.WORKING))
        return bool(busy.update(status=BulkAction.Status.STOPPED, claim=None))


class BulkAction(models.Model):
    class Verb(models.TextChoices):
        DELETE = "delete", "Delete"
        MOVE = "move", "Move to another split"
        CLEAR = "clear", "Clear suggestions"
        REOPEN = "reopen", "Reopen"
        FLAG = "flag", "Flag for discussion"
        UNFLAG = "unflag", "Take the flag away"
        UNDO = "undo", "Undo"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        WORKING = "working", "At work"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="bulk_actions")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    verb = models.CharField(max_length=10, choices=Verb.choices)
    split = models.CharField(max_length=10, blank=True, help_text="Where articles are moved to")
    undoes = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="undoings")
    batch = models.UUIDField(default=uuid4, unique=True, help_text="Of all its lines in the log")
    chosen = models.JSONField(default=list, help_text="Ids of the articles, as confirmed")
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0, help_text="How many of these have had their turn")
    changed = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=dict, help_text="{reason: how many articles}")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    claim = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    objects = BulkActionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(verb__in=["delete", "move", "clear", "reopen", "flag", "unflag", "undo"]),
                name="bulk_verb_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "working", "done", "stopped", "failed"]), name="bulk_status_known"
            ),
            models.CheckConstraint(condition=Q(done__lte=F("total")), name="bulk_done_of_total"),
            models.UniqueConstraint(
                fields=["undoes"], condition=~Q(status__in=["stopped", "failed"]), name="bulk_undone_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} ({self.total})"

    @property
    def is_working(self) -> bool:
        return self.status in {self.Status.WAITING, self.Status.WORKING}

    @property
    def spared_some(self) -> bool:
        """Whether articles that had their turn were as wanted already."""
        refused: int = sum(self.refused.values())
        return self.changed + refused < self.done

    @property
    def can_be_undone(self) -> bool:
        return self.verb != self.Verb.UNDO and not self.is_working and self.changed > 0


class BulkChange(models.Model):
    """One article that an action changed, with what undoing it has to know."""

    action = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="changes", db_index=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    was = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["action", "document"], name="bulk_change_once")]

    def __str__(self) -> str:
        return f"Document {self.document_id} by action {self.action_id}"
