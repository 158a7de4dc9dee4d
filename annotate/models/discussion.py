"""What people say about an article to one another."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from annotate.models.document import Document


class NoteQuerySet(models.QuerySet["Note"]):
    def present(self) -> Self:
        return self.filter(deleted_at=None)

    def add(self, document: Document, by: Any, text: str, start: int | None = None, end: int | None = None) -> Note:
        """Write a note, once: a second click finds the first, as long as it is open. Call inside a transaction."""
        Document.objects.select_for_update().only("pk").get(pk=document.pk)
        same = {"document": document, "author": by, "text": text, "start": start, "end": end}
        return self.present().filter(**same, settled_at=None).first() or self.create(**same)


class Note(models.Model):
    """A remark on an article or on a passage of it (token indices, half open). Settled and deleted ones stay."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField(auto_now_add=True)
    text = models.TextField()
    start = models.PositiveIntegerField(null=True, blank=True)
    end = models.PositiveIntegerField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="settled_notes"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="deleted_notes"
    )

    objects = NoteQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="note_says_something"),
            models.CheckConstraint(
                condition=Q(start=None, end=None) | Q(start__isnull=False, end__gt=F("start")), name="note_range"
            ),
        ]

    def __str__(self) -> str:
        return f"Note {self.pk} on document {self.document_id}"

    def settle(self, by: Any) -> None:
        """Mark as settled. Who did it first is who did it."""
        Note.objects.filter(pk=self.pk, settled_at=None).update(settled_at=timezone.now(), settled_by=by)

    def reopen(self) -> None:
        Note.objects.filter(pk=self.pk).update(settled_at=None, settled_by=None)

    def delete_softly(self, by: Any) -> None:
        """Take the note out of sight; its author and managers can bring it back. Who did it first is who did it."""
        Note.objects.present().filter(pk=self.pk).update(deleted_at=timezone.now(), deleted_by=by)

    def restore(self) -> None:
        Note.objects.filter(pk=self.pk).update(deleted_at=None, deleted_by=None)

    def quote(self, document: Document) -> str:
        """The words that the note is about; empty where it is about the whole article."""
        if self.start is None or self.end is None:
            return ""
        about = document.tokens[self.start : self.end]
        return document.text[about[0][0] : about[-1][1]] if about else ""
