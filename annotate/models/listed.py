"""What the list of articles asks of a document, in narrow rows. The database's own triggers keep them (`triggers/`),
so that no way of writing a document can forget to; nobody else writes here.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models
from django.db.models import Q

from annotate.models.document import Split, State
from annotate.models.project import Project


class Listed(models.Model):
    """One document that is present, neither deleted nor hidden by its import. The id is the document's.

    A document's own row is some pages wide, and a filter may have to look at a hundred thousand of them.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="listed"
    )
    title = models.CharField(max_length=100, help_text="In lower case, to sort by")
    source = models.CharField(max_length=500)
    date = models.CharField(max_length=40)
    token_count = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices)
    split = models.CharField(max_length=10, choices=Split.choices)
    flagged = models.BooleanField()
    tagged = models.BooleanField(help_text="Its gold holds entities")
    changed = models.BigIntegerField(
        help_text="When its tags or its state were last changed, in milliseconds since 1970; 0 where it was not begun"
    )

    class Meta:
        verbose_name_plural = "listed"
        indexes = [
            models.Index(fields=["project", "id"], name="listed_all"),
            models.Index(fields=["project", "state", "id"], name="listed_state"),
            models.Index(fields=["project", "split", "id"], name="listed_split"),
            models.Index(fields=["project", "source", "id"], name="listed_source"),
            models.Index(fields=["project", "title", "id"], name="listed_title"),
            models.Index(fields=["project", "date", "id"], name="listed_date"),
            models.Index(fields=["project", "token_count", "id"], name="listed_length"),
            models.Index(fields=["project", "changed", "id"], name="listed_changed"),
            models.Index(fields=["project", "id"], condition=Q(flagged=True), name="listed_flagged"),
            models.Index(
                fields=["project", "id"], condition=Q(state=State.FINISHED, tagged=False), name="listed_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"Document {self.pk} in the list"

    @property
    def changed_at(self) -> datetime | None:
        return datetime.fromtimestamp(self.changed / 1000, UTC) if self.changed else None


class Tally(models.Model):
    """How many listed documents have one value of one facet: state, split, flagged, source, label,
    and the split of the finished ones. On SQLite alone:
    PostgreSQL counts from its indexes, where rows that everybody counts up would be rows that everybody waits for.
    """

    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="tallies"
    )
    facet = models.CharField(max_length=10)
    value = models.CharField(max_length=500)
    count = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "facet", "value"], name="one_tally")]

    def __str__(self) -> str:
        return f"{self.facet} {self.value}: {self.count}"
