"""What a run's model got wrong."""

from django.db import models
from django.db.models import F, Q

from annotate.models import Document
from training.models.run import Run


class Mistake(models.Model):
    """What a run's model got wrong in a held-out article. In code points of the text, which never changes: tokens may
    be split later. Labels are by the names with which the model was trained.
    """

    class Kind(models.TextChoices):
        MISSED = "missed", "Missed"
        SPURIOUS = "spurious", "Made up"
        LABEL = "label", "Wrong label"
        EXTENT = "extent", "Wrong extent"
        BOTH = "both", "Wrong label and extent"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="mistakes")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    start = models.PositiveIntegerField(null=True, help_text="Of what people tagged; null where they tagged nothing")
    end = models.PositiveIntegerField(null=True)
    label = models.CharField(max_length=50, blank=True)
    said_start = models.PositiveIntegerField(null=True, help_text="Of what the model said; null where it said nothing")
    said_end = models.PositiveIntegerField(null=True)
    said = models.CharField(max_length=50, blank=True)
    probability = models.FloatField(null=True)
    opened_at = models.DateTimeField(
        null=True, help_text="When somebody first went from it to the article: tags changed since are not blind"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["missed", "spurious", "label", "extent", "both"]), name="mistake_kind_known"
            ),
            models.CheckConstraint(
                condition=(Q(kind="spurious") | Q(start__isnull=False, end__gt=F("start")))
                & (Q(kind="missed") | Q(said_start__isnull=False, said_end__gt=F("said_start"))),
                name="mistake_has_its_ranges",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} in document {self.document_id}"

    @property
    def first(self) -> int:
        return min(place for place in (self.start, self.said_start) if place is not None)

    @property
    def last(self) -> int:
        return max(place for place in (self.end, self.said_end) if place is not None)
