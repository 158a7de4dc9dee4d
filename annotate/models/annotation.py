"""What a person says of a document, and the log of every change to it.

All writing goes through `Desk`: it holds the rows, checks that the edit is new and that its tokens are untouched
since the base the person saw, and appends to the log in the same transaction.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Length, Replace
from django.utils import timezone

from annotate import iob2
from annotate.models.document import Document, State
from annotate.models.fields import TagsField
from annotate.models.prediction import Source
from annotate.prepared import prepared, prepared_update


class Annotation(models.Model):
    class Kind(models.TextChoices):
        GOLD = "gold", "Gold"
        PERSONAL = "personal", "Personal"

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="annotations")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.GOLD)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="annotations"
    )
    tags = TagsField()
    token_count = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=State.choices, default=State.IN_PROGRESS)
    revision = models.PositiveIntegerField(default=0)
    blind = models.BooleanField(
        null=True, default=True, help_text="Made without suggestions in sight; null where nobody knows (imported)"
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    finished_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="finished_annotations"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document"], condition=Q(kind="gold"), name="one_gold_per_document"),
            models.UniqueConstraint(
                fields=["document", "author"], condition=Q(kind="personal"), name="one_personal_per_author"
            ),
            models.CheckConstraint(
                condition=Q(kind="gold") | Q(kind="personal", author__isnull=False), name="personal_has_an_author"
            ),
            models.CheckConstraint(
                condition=Q(token_count=Length("tags") - Length(Replace("tags", Value(" "), Value(""))) + 1)
                & ~Q(tags=""),
                name="one_tag_per_token",
            ),
            models.CheckConstraint(condition=Q(status__in=["in_progress", "finished"]), name="annotation_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of document {self.document_id}"

    @classmethod
    def blank_gold(cls, document: Document) -> Annotation:
        """A gold annotation of nothing but O, not stored yet."""
        return cls(document=document, tags=["O"] * document.token_count, token_count=document.token_count)

    @property
    def is_finished(self) -> bool:
        return self.status == State.FINISHED

    def store(self) -> None:
        """Write what an edit may have changed."""
        if self.pk is None:
            self.save()
            return
        self.updated_at = timezone.now()
        _store(self.pk, **{name: getattr(self, name) for name in STORED})

    def spans(self) -> list[iob2.Span]:
        return iob2.spans_of(self.tags)


@prepared
def gold_of(document: Any) -> models.QuerySet[Annotation]:
    return Annotation.objects.filter(document=document, kind=Annotation.Kind.GOLD)


STORED = ("tags", "token_count", "status", "revision", "blind", "finished_at", "finished_by_id", "updated_at")


@prepared_update(*STORED)
def _store(annotation: Any) -> models.QuerySet[Annotation]:
    return Annotation.objects.filter(pk=annotation)


class How(models.TextChoices):
    HAND = "hand", "By hand"
    ACCEPTED = "accepted", "Accepted"
    ACCEPTED_AT_FINISH = "accepted_at_finish", "Accepted at finish"
    CORRECTED = "corrected", "Corrected"
    REJECTED = "rejected", "Rejected"
    PROPAGATED = "propagated", "Propagated"
    IMPORTED = "imported", "Imported"
    SPLIT = "split", "Token split"
    FINISHED = "finished", "Finished"
    REOPENED = "reopened", "Reopened"
    DELETED = "deleted", "Article deleted"
    RESTORED = "restored", "Article restored"
    LEFT_OUT = "left_out", "Passage left out"
    TAKEN_IN = "taken_in", "Passage taken in again"
    FLAGGED = "flagged", "Flagged for discussion"
    UNFLAGGED = "unflagged", "Flag taken away"
    RELABELLED = "relabelled", "Label changed"
    MOVED = "moved", "Moved to another split"
    CLEARED = "cleared", "Suggestions cleared"
    UNDONE = "undone", "Undone"
    REDONE = "redone", "Redone"


class Edit(models.Model):
    """One line of the log, never changed after. A batch is what one request did; undo takes back a whole batch."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="edits")
    annotation = models.ForeignKey(
        Annotation,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="edits",
        help_text="Null: the whole article",
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="edits")
    at = models.DateTimeField(auto_now_add=True)
    batch = models.UUIDField(help_text="The id that the client gave the request")
    undoes = models.UUIDField(null=True, blank=True, help_text="The batch that this one takes back")
    revision = models.PositiveIntegerField(help_text="Of the annotation, after this batch")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    before = TagsField(blank=True)
    after = TagsField(blank=True)
    status_before = models.CharField(max_length=12, choices=State.choices)
    status_after = models.CharField(max_length=12, choices=State.choices)
    how = models.CharField(max_length=20, choices=How.choices)
    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.SET_NULL, related_name="edits")
    probability = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["revision", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gte=F("start")), name="edit_range"),
            models.CheckConstraint(condition=Q(char_end__gte=F("char_start")), name="edit_char_range"),
            models.CheckConstraint(condition=Q(how__in=How.values), name="edit_how_known"),
        ]
        indexes = [
            models.Index(fields=["annotation", "batch"], name="edit_batch"),
            models.Index(fields=["annotation", "revision"], name="edit_revision"),
        ]

    def __str__(self) -> str:
        return f"{self.how} {self.start}-{self.end}"


class Ask(NamedTuple):
    """Who asks for an edit, under which client id, and on what base: the revision and suggestions on their screen."""

    by: Any
    batch: UUID
    base: int
    source: int | None = None
    reading: int = 0

    @classmethod
    def anew(cls, by: Any, annotation: Annotation | None = None, source: int | None = None) -> Ask:
        return cls(by, uuid4(), annotation.revision if annotation else 0, source)


class Conflict(Exception):
    """Somebody touched these tokens since the person's page was made. Nothing was changed."""


class Refused(Exception):
    """The edit cannot be done, with the reason in words. Nothing was changed."""

    def __init__(self, message: str, span: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.span = span


class Needless(Refused):
    """Nothing is left to do, in words: no failure, and what the person did right after it goes on."""
