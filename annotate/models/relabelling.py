"""A change of a project's labels: what was asked, how far it is, and which articles it changed.

A row is in effect from the moment it is stored, in the order of the ids: names resolve through it at once, while the
spans in the articles follow a few articles at a time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.models.document import Document
from annotate.models.exchange import hold
from annotate.models.prediction import Offer, Source
from annotate.models.project import Project

Names = dict[str, str | None]  # a label's name then: its name now, None where it is gone


class LabelChangeQuerySet(models.QuerySet["LabelChange"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def unfinished(self) -> Self:
        return self.filter(status__in=LabelChange.UNFINISHED)

    def claim(self, pk: int) -> LabelChange | None:
        """Take a change that waits for this process. None if somebody else already has."""
        claimed = self.filter(pk=pk, status=LabelChange.Status.WAITING).update(**hold(LabelChange.Status.RUNNING))
        return self.select_related("project", "undoes", "created_by").get(pk=pk) if claimed else None

    def held(self, row: LabelChange) -> Self:
        """The row, as long as this claim still holds it."""
        return self.filter(pk=row.pk, claim=row.claim, status=LabelChange.Status.RUNNING)

    def last_id(self) -> int:
        """The id of the latest change; 0 where there is none. What follows it has a higher one."""
        return self.order_by("-pk").values_list("pk", flat=True).first() or 0

    def names_since(self, last_id: int) -> Names:
        """What names of labels became through the changes after that one."""
        return names_after(list(self.filter(pk__gt=last_id).order_by("pk")))

    def names_since_moment(self, moment: datetime) -> Names:
        """What names of labels in a line of the log, written then, became."""
        later = self.filter(Q(ended_at=None) | Q(ended_at__gt=moment))
        return names_after(list(later.order_by("pk")))

    def what_became_of(self, name: str) -> str:
        """Why people cannot tag with this name any more, in words. Empty where no change took it away."""
        took = self.filter(label=name, kind__in=LabelChange.TAKES_AWAY).order_by("-pk").first()
        return took.what_to_do if took else ""


def names_after(changes: list[LabelChange]) -> Names:
    """The effect of these changes, in order, on names given before them. A change and its undo leave no trace."""
    here = {change.pk for change in changes}
    undone = {change.undoes_id for change in changes if change.undoes_id in here}
    names: Names = {}
    for change in changes:
        if change.pk in undone or change.undoes_id in undone or change.kind not in LabelChange.TAKES_AWAY:
            continue
        into = change.into or None if change.kind != LabelChange.Kind.DELETED else None
        names = {then: into if now == change.label else now for then, now in names.items()}
        names.setdefault(change.label, into)
    return {then: now for then, now in names.items() if then != now}


class LabelChange(models.Model):
    class Kind(models.TextChoices):
        ADDED = "added", "Added"
        EDITED = "edited", "Changed"
        RENAMED = "renamed", "Renamed"
        MERGED = "merged", "Merged"
        DELETED = "deleted", "Deleted"
        RESTORED = "restored", "Restored"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        RUNNING = "running", "Being done"
        DONE = "done", "Done"
        FAILED = "failed", "Broken off"

    UNFINISHED = (Status.WAITING, Status.RUNNING, Status.FAILED)
    TAKES_AWAY = (Kind.RENAMED, Kind.MERGED, Kind.DELETED)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="label_changes")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    label = models.CharField(max_length=50, help_text="The label's name before; of a restored one, after")
    into = models.CharField(max_length=50, blank=True, help_text="What its spans became; empty where they were removed")
    before = models.JSONField(default=dict, help_text="The label's key, colour, guideline and position before")
    batch = models.UUIDField(default=uuid4, unique=True, help_text="Of all its lines in the log")
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="undoing", help_text="What it takes back"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    claim = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0, help_text="Articles to go through")
    done = models.PositiveIntegerField(default=0, help_text="Of these, those that have had their turn")
    last_document = models.BigIntegerField(default=0, help_text="Up to which an undo has come")
    spans = models.PositiveIntegerField(default=0, help_text="Spans changed")
    kept = models.PositiveIntegerField(default=0, help_text="Spans left as they are, touched by somebody since")
    error = models.TextField(blank=True)
    offers = models.ManyToManyField(
        Offer, related_name="+", help_text="Soft marks that it gave another label or, where there is none, took away"
    )

    objects = LabelChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(status__in=["waiting", "running", "failed"]),
                name="one_label_change_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["added", "edited", "renamed", "merged", "deleted", "restored"]),
                name="label_change_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "running", "done", "failed"]), name="label_change_status_known"
            ),
        ]

    def __str__(self) -> str:
        if self.kind == self.Kind.RENAMED:
            return f"{self.label} renamed to {self.into}"
        if self.kind == self.Kind.MERGED:
            return f"{self.label} merged into {self.into}"
        if self.kind == self.Kind.DELETED:
            return f"{self.label} deleted, its spans {f'became {self.into}' if self.into else 'removed'}"
        return f"{self.label} {self.get_kind_display().lower()}"

    @property
    def is_working(self) -> bool:
        return self.status in (self.Status.WAITING, self.Status.RUNNING)

    @property
    def is_over(self) -> bool:
        return self.status == self.Status.DONE

    @property
    def what_to_do(self) -> str:
        """For somebody whose page still shows the name that this change took away."""
        if self.kind == self.Kind.RENAMED:
            return f"“{self.label}” is called “{self.into}” now. Choose that."
        if self.kind == self.Kind.MERGED:
            return f"“{self.label}” has been merged into “{self.into}”. Choose that."
        return f"The label “{self.label}” has been deleted. Choose another."


class RelabelledDocument(models.Model):
    """One article that a change went through: what an undo has to look at, and where it left spans as they were."""

    change = models.ForeignKey(LabelChange, on_delete=models.CASCADE, related_name="documents", db_index=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    kept = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "document"], name="relabelled_once")]

    def __str__(self) -> str:
        return f"Document {self.document_id} by change {self.change_id}"


def rename_for_sources(project: Project) -> None:
    """Tell each source of predictions what the labels that it speaks of are called now."""
    changes = list(project.label_changes.order_by("pk"))
    sources = list(project.sources.all())
    for source in sources:
        source.renamed = names_after([change for change in changes if change.pk > source.labels_at])
    Source.objects.bulk_update(sources, ["renamed"])
