"""How often each label stands in a document: what the filters and the pages count by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models import Q

from annotate.models.document import Document
from annotate.models.project import Label
from annotate.prepared import prepared_update


class DocumentLabelQuerySet(models.QuerySet["DocumentLabel"]):
    def say(self, document: Document, counts: Mapping[str, int]) -> None:
        """Store how many entities of each label, by its name, the document holds now."""
        labels = {label.name: label.pk for label in document.project.label_list}
        for name, count in counts.items():
            if not count:
                self.filter(document=document, label_id=labels.get(name, 0)).delete()
            elif not _say(document.pk, labels[name], count=count):
                self.create(document=document, label_id=labels[name], count=count)


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


@prepared_update("count")
def _say(document: Any, label: Any) -> models.QuerySet[DocumentLabel]:
    return DocumentLabel.objects.filter(document=document, label=label)
