"""A project's gazetteer: mentions that somebody brought along, with their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.utils.functional import cached_property

from annotate.models.annotation import Refused
from annotate.models.project import Project
from annotate.signals import suggestions_wanted

if TYPE_CHECKING:
    from annotate.exchange.gazetteer import Gazette


class Gazetteer(models.Model):
    """All entries in one row: they come, go and are looked up together. A new file is a new row."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="gazetteer")
    lines = models.TextField(help_text="text, tab, label; one a line, under the names of labels_at")
    counts = models.JSONField(help_text="{label: entries}")
    labels_at = models.BigIntegerField(help_text="The last change of labels that these names take in")
    faults = models.JSONField(default=list, help_text="[[line, reason], ...]: the first that were left out of the file")
    left_out = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=200, blank=True, help_text="Of the file")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    def __str__(self) -> str:
        return f"Gazetteer of {self.project}"

    @classmethod
    def of(cls, project: Project) -> Gazetteer | None:
        """Without its lines, which few want."""
        return cls.objects.filter(project=project).select_related("project", "created_by").defer("lines").first()

    @classmethod
    def put(
        cls, project: Project, gazette: Gazette, by: Any = None, name: str = "", make_labels: bool = False
    ) -> Gazetteer:
        """Make this the project's gazetteer, in the place of the one there is. Raises Refused, and ValidationError for
        a label that cannot be.
        """
        counts = Counter(gazette.entries.values())
        with transaction.atomic():
            Project.objects.select_for_update().get(pk=project.pk)
            if project.label_changes.unfinished().exists():
                raise Refused("The labels of this project are being changed. Try again when that is done.")
            known = set(project.label_names())
            if (new := [label for label in gazette.labels() if label not in known]) and not make_labels:
                raise Refused(f"The project has no label {_listed(new)}. Make such labels, or have them made.")
            project.add_labels(new)
            cls.objects.filter(project=project).delete()
            row = cls.objects.create(
                project=project,
                lines="".join(f"{text}\t{label}\n" for text, label in gazette.entries.items()),
                counts=counts,
                labels_at=project.label_changes.last_id(),
                faults=gazette.faults,
                left_out=gazette.left_out,
                name=name[:200],
                created_by=by,
            )
            transaction.on_commit(lambda: suggestions_wanted.send(Project, project=project), robust=True)
        return row

    def remove(self) -> None:
        with transaction.atomic():
            self.delete()
            transaction.on_commit(lambda: suggestions_wanted.send(Project, project=self.project), robust=True)

    def entries(self) -> Iterator[tuple[str, str]]:
        """Each mention with the name that its label has now; those of deleted labels are left out."""
        for line in self.lines.split("\n")[:-1]:
            text, _, label = line.partition("\t")
            if now := self._names.get(label, label):
                yield text, now

    def counts_now(self) -> dict[str, int]:
        """How many entries each label has, by its name now."""
        counts: Counter[str] = Counter()
        for label, count in self.counts.items():
            if now := self._names.get(label, label):
                counts[now] += count
        return dict(counts)

    def total(self) -> int:
        return sum(self.counts_now().values())

    @cached_property
    def _names(self) -> dict[str, str | None]:
        return self.project.label_changes.names_since(self.labels_at)


def _listed(labels: list[str]) -> str:
    shown = ", ".join(f"“{label}”" for label in labels[:5])
    return f"{shown} and {len(labels) - 5:,} more" if len(labels) > 5 else shown
