"""What a machine says of a document. Predictions never touch an annotation; a person's verdict moves a span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q

from annotate.models.project import Project
from annotate.prepared import prepared


class Suggestion(NamedTuple):
    """A predicted span that nobody has judged yet: token indices, half open. `probability` is None where the source
    has not said how sure it is.
    """

    start: int
    end: int
    label: str
    probability: float | None
    source_id: int
    soft: bool = False  # an offer of a mention like a tagged one: no model says it, nobody must judge it
    said: str = ""  # what the source calls the label, where it has another name since

    def overlaps(self, start: int, end: int) -> bool:
        return self.start < end and start < self.end

    def is_unsure(self, threshold: float) -> bool:
        """Whether a person must judge it. What nobody vouches for is not taken unseen."""
        return not self.soft and (self.probability is None or self.probability < threshold)


class Source(models.Model):
    """Where predictions come from: a model version, the instant learner, a dictionary or an import."""

    class Kind(models.TextChoices):
        MODEL = "model", "Model"
        INSTANT = "instant", "Instant learner"
        DICTIONARY = "dictionary", "Dictionary"
        IMPORT = "import", "Import"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    number = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    labels = models.JSONField(default=list, help_text="What a model can say, by the names it was trained with")
    labels_at = models.BigIntegerField(default=0, help_text="The last change of labels that these names take in")
    ceiling = models.FloatField(
        null=True, help_text="Articles with more to mend than this come last in the queue; null where there is no limit"
    )
    renamed = models.JSONField(default=dict, help_text="{its name of a label: the name now, null where it is gone}")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "kind", "number"], name="source_number_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["model", "instant", "dictionary", "import"]), name="source_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display() if self.goes_on_learning else f"{self.get_kind_display()} {self.number}"

    @property
    def goes_on_learning(self) -> bool:
        """Whether what it says of an article may change, so that its number says little."""
        return self.kind in (self.Kind.INSTANT, self.Kind.DICTIONARY)

    @classmethod
    def next_of(cls, project: Project, kind: str, labels: Sequence[str] = (), labels_at: int | None = None) -> Source:
        """Make the next numbered source. Call inside a transaction that holds the project's row. `labels_at` is
        the last change of labels that its names take in; without it, all so far.
        """
        last = cls.objects.filter(project=project, kind=kind).aggregate(last=models.Max("number"))["last"]
        changes = project.label_changes
        at = changes.last_id() if labels_at is None else labels_at
        renamed = changes.names_since(at)
        return cls.objects.create(
            project=project, kind=kind, number=(last or 0) + 1, labels=list(labels), labels_at=at, renamed=renamed
        )

    def name_now(self, label: str) -> str | None:
        """What the label that this source calls so is called now. None where it was deleted."""
        now: str | None = self.renamed.get(label, label)
        return now

    def unknown_of(self, names: Sequence[str]) -> list[str]:
        """Those of the project's labels that this model has never learnt. A source without a list may know all."""
        known = {self.name_now(label) for label in self.labels}
        return [name for name in names if name not in known] if self.labels else []


class Prediction(models.Model):
    """One source's spans for one document: [[start, end, label, probability or null], ...] in token indices."""

    document = models.ForeignKey("annotate.Document", on_delete=models.CASCADE, related_name="predictions")
    # Both indexes below begin with the source.
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="predictions", db_index=False)
    spans = models.JSONField(default=list)
    uncertainty = models.FloatField(null=True, help_text="0 is sure, 1 is lost; null where the source cannot say")
    to_mend = models.FloatField(
        null=True, help_text="How much is likely to be wrong in the article, for the queue's order; null as above"
    )
    tokens_revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    reading = models.PositiveIntegerField(default=0, help_text="How often the source has said something else since")
    cleared = models.UUIDField(null=True, blank=True, help_text="The batch that took it out of sight")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "source"], name="one_prediction_per_source"),
            models.CheckConstraint(
                condition=Q(uncertainty__isnull=True) | Q(uncertainty__gte=0, uncertainty__lte=1),
                name="prediction_uncertainty_range",
            ),
        ]
        indexes = [
            models.Index(F("source"), F("uncertainty").desc(), F("document"), name="prediction_most_unsure"),
            models.Index(F("source"), F("to_mend").desc(), F("document"), name="prediction_most_to_mend"),
            models.Index(fields=["source", "document", "uncertainty", "cleared"], name="prediction_of_source"),
        ]

    def __str__(self) -> str:
        return f"{self.source} on document {self.document_id}"

    def suggestions(self) -> list[Suggestion]:
        """Under the names that labels have now; what was said of a deleted label is left out."""
        return [
            Suggestion(s, e, now, p, self.source_id, said="" if now == label else label)
            for s, e, label, p in self.spans
            if (now := self.source.name_now(label)) is not None
        ]


class Kept(NamedTuple):
    """What became of suggestions: those that people looked at one by one, and those that finishing an article took."""

    label: str
    accepted: int
    corrected: int
    rejected: int
    at_finish: int

    @property
    def looked_at(self) -> int:
        return self.accepted + self.corrected + self.rejected


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def standing(self) -> Self:
        """The last word on each suggestion: an acceptance that was taken back since does not count, nor does what was
        undone.
        """
        same = {name: OuterRef(name) for name in ("document", "source", "start", "end", "label")}
        later = Verdict.objects.filter(active=True, pk__gt=OuterRef("pk"), **same)
        return self.filter(~Exists(later), active=True, document__deleted_at=None)

    def kept_by_label(self, source: int) -> list[Kept]:
        return [Kept(*row) for row in self.filter(source=source)._counted("label")]

    def kept_by_source(self, sources: Sequence[int]) -> dict[int, Kept]:
        return {source: Kept("", *counts) for source, *counts in self.filter(source__in=sources)._counted("source")}

    def kept_in_all(self, sources: Sequence[int]) -> Kept:
        """Of all these sources together."""
        return Kept("", *self.filter(source__in=sources).standing().aggregate(**_KEPT).values())

    def _counted(self, by: str) -> Iterable[Any]:
        """(by, accepted, corrected, rejected, at finish)"""
        return self.standing().order_by(by).values_list(by).annotate(**_KEPT)


_ACCEPTED = Q(kind="accepted")
_KEPT = {
    "accepted": Count("pk", filter=_ACCEPTED & Q(at_finish=False)),
    "corrected": Count("pk", filter=Q(kind="corrected")),
    "rejected": Count("pk", filter=Q(kind="rejected")),
    "at_finish": Count("pk", filter=_ACCEPTED & Q(at_finish=True)),
}


class Verdict(models.Model):
    """What a person said of one suggested span. Undo makes it inactive; the row stays."""

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        CORRECTED = "corrected", "Corrected"
        REJECTED = "rejected", "Rejected"

    document = models.ForeignKey("annotate.Document", on_delete=models.CASCADE, related_name="verdicts")
    source = models.ForeignKey(Source, null=True, on_delete=models.SET_NULL, related_name="verdicts")
    batch = models.UUIDField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    label = models.CharField(max_length=50, help_text="By its name now")
    said = models.CharField(max_length=50, blank=True, help_text="What the source calls the label")
    probability = models.FloatField(null=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at_finish = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["document", "source", "batch", "start", "end", "label"], name="verdict_once_a_batch"
            ),
            # A soft mark has no source, and to a unique constraint no null is like another.
            models.UniqueConstraint(
                fields=["document", "batch", "start", "end", "label"],
                condition=Q(source=None),
                name="soft_verdict_once_a_batch",
            ),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="verdict_range"),
            models.CheckConstraint(
                condition=Q(kind__in=["accepted", "corrected", "rejected"]), name="verdict_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.start}-{self.end} {self.kind}"


class Offer(models.Model):
    """A mention like one that a person tagged, marked softly for them to take or leave: finishing takes none and waits
    for none. A batch is one offering; where it is taken back, its rows become inactive.
    """

    document = models.ForeignKey("annotate.Document", on_delete=models.CASCADE, related_name="offers")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="offers")
    at = models.DateTimeField(auto_now_add=True)
    batch = models.UUIDField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    label = models.CharField(max_length=50)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["start", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["document", "batch", "start", "end"], name="offer_once_a_batch"),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="offer_range"),
        ]
        indexes = [models.Index(fields=["batch"], name="offer_batch")]

    def __str__(self) -> str:
        return f"{self.label} {self.start}-{self.end} offered"


# What every edit and every page of an article asks: what was said of it, and what people made of that.


@prepared
def prediction_of(document: Any, tokens_revision: Any, source: Any) -> models.QuerySet[Prediction]:
    said = Prediction.objects.filter(document=document, tokens_revision=tokens_revision, cleared=None)
    return said.filter(source=source).select_related("source")


@prepared
def imported_of(document: Any, tokens_revision: Any) -> models.QuerySet[Prediction]:
    """The newest import's."""
    said = Prediction.objects.filter(document=document, tokens_revision=tokens_revision, cleared=None)
    return said.filter(source__kind=Source.Kind.IMPORT).select_related("source").order_by("-source__number")[:1]


@prepared
def verdicts_of(document: Any) -> models.QuerySet[Verdict, tuple[int, int, str, str, int | None]]:
    """What was rejected or corrected: start, end, label, what the source calls it, source."""
    standing = Verdict.objects.filter(document=document, active=True).exclude(kind=Verdict.Kind.ACCEPTED)
    return standing.values_list("start", "end", "label", "said", "source_id")


@prepared
def soft_marks_of(document: Any) -> models.QuerySet[Offer, tuple[int, int, str, UUID, bool]]:
    return Offer.objects.filter(document=document).values_list("start", "end", "label", "batch", "active")
