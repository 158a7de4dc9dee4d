"""How often each label stands in a document: what the filters and the pages count by."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models
from django.db.models import F, Q

from annotate.models.document import Document
from annotate.models.project import Label


class DocumentLabelQuerySet(models.QuerySet["DocumentLabel"]):
    def move(self, document: Document, moved: Mapping[str, int]) -> None:
        """Move the document's counts by so many entities more, or fewer, of each label's name."""
        labels = {label.name: label.pk for label in document.project.label_list}
        for name, by in moved.items():
            rows = self.filter(document=document, label_id=labels.get(name, 0))
            if by < 0:
                rows.filter(count__lte=-by).delete()
                rows.update(count=F("count") + by)
            elif by > 0 and not rows.update(count=F("count") + by):
                self.create(document=document, label_id=labels[name], count=by)


class DocumentLabel(models.Model):
    """How many entities of a label a document's gold holds, kept in the edit's own transaction."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="label_counts")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="document_counts")
    count = models.PositiveIntegerField()

    objects = DocumentLabelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label", "document"], name="one_count_per_label"),
            models.CheckConstraint(condition=Q(count__gte=1), name="label_count_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.label} in {self.document}"
