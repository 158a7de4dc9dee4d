"""A document: one article. Its text never changes after import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Length, Replace
from django.utils import timezone

from annotate import tokens
from annotate.models.fields import OffsetsField
from annotate.models.prediction import Prediction, Source, Suggestion
from annotate.models.project import Label, Project

if TYPE_CHECKING:
    from annotate.models.annotation import Annotation


class State(models.TextChoices):
    RAW = "raw", "To do"
    IN_PROGRESS = "in_progress", "In progress"
    FINISHED = "finished", "Finished"


class Split(models.TextChoices):
    TRAIN = "train", "Training"
    VALIDATION = "validation", "Validation"
    TEST = "test", "Test"
    ASIDE = "aside", "Held aside"


HELD_OUT = (Split.VALIDATION, Split.TEST)


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def present(self) -> Self:
        return self.filter(deleted_at=None)

    def finished(self) -> Self:
        return self.present().filter(state=State.FINISHED)

    def unfinished(self) -> Self:
        return self.present().exclude(state=State.FINISHED)

    def in_split(self, *splits: str) -> Self:
        return self.filter(split__in=splits)

    def most_useful_first(self, source: Source | None) -> Self:
        """What the current model is least sure of, then what it has not seen, in order of arrival."""
        mine = Prediction.objects.filter(document=models.OuterRef("pk"), source=source)
        unsure = models.Subquery(mine.values("uncertainty")[:1])
        return self.annotate(unsure=unsure).order_by(F("unsure").desc(nulls_last=True), "pk")

    def next_in_queue(self, project: Project, after: Document | None = None) -> Document | None:
        """The article to hand out next; `after` is the one just left, whose followers in the queue go first.

        The held-out share goes first: as long as it lacks a whole article among the finished ones, one of them is
        next, so that the first retrain has a score. Who skips one is given one of the others.
        """
        waiting = self.filter(project=project).unfinished()
        if after is not None:
            waiting = waiting.exclude(pk=after.pk)
        skipped_held_out = after is not None and after.is_held_out and after.state != State.FINISHED
        held_out_first = not skipped_held_out and project.documents.finished().wants_held_out(project)
        for held_out in (held_out_first, not held_out_first):
            chosen = waiting.filter(split__in=HELD_OUT) if held_out else waiting.exclude(split__in=HELD_OUT)
            if held_out:
                ordered = chosen.annotate(unsure=Value(None, models.FloatField())).order_by("pk")
            else:
                ordered = chosen.most_useful_first(project.current_source)
            document = ordered.behind(after, project) or ordered.first()
            if document is not None:
                return document
        return None

    def behind(self, after: Document | None, project: Project) -> Document | None:
        """The first of these that follows `after` in the queue's order, so that a skipped article stays skipped."""
        if after is None:
            return None
        mine = Prediction.objects.filter(document=after, source=project.current_source)
        unsure = None if after.is_held_out else mine.values_list("uncertainty", flat=True).first()
        if unsure is None:
            return self.filter(unsure=None, pk__gt=after.pk).first()  # type: ignore[misc]
        return self.filter(Q(unsure__lt=unsure) | Q(unsure=unsure, pk__gt=after.pk) | Q(unsure=None)).first()

    def wants_held_out(self, project: Project) -> bool:
        """Whether these finished articles lack a whole held-out one of the project's share; one is wanted at once."""
        share = (project.validation_share + project.test_share) / 100
        counts = self.aggregate(all=models.Count("pk"), held_out=models.Count("pk", filter=Q(split__in=HELD_OUT)))
        return share > 0 and bool(counts["held_out"] < max(1, int(share * (counts["all"] + 1))))


class Document(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="documents")
    title = models.CharField(max_length=500, blank=True)
    text = models.TextField()
    language = models.CharField(max_length=35, blank=True)
    source = models.CharField(max_length=500, blank=True, help_text="Publication or address it came from")
    date = models.CharField(max_length=40, blank=True, help_text="As given; ISO 8601 where it was")
    metadata = models.JSONField(default=dict, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    tokens = OffsetsField()
    token_count = models.PositiveIntegerField()
    sentence_starts = models.JSONField(default=list)
    tokens_revision = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RAW)
    split = models.CharField(max_length=10, choices=Split.choices)
    group = models.CharField(max_length=32, help_text="Near-duplicate group, frozen at import")
    signature = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"], condition=~Q(external_id=""), name="external_id_once_per_project"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="document_state_known"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="document_split_known"),
            models.CheckConstraint(condition=~Q(group=""), name="document_has_a_group"),
            models.CheckConstraint(
                condition=Q(token_count__gte=1)
                & Q(token_count=(Length("tokens") - Length(Replace("tokens", Value(","), Value(""))) + 1) / 2),
                name="document_counts_its_tokens",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "state", "split", "id"], name="document_queue"),
            models.Index(fields=["project", "group"], name="document_group"),
        ]

    def __str__(self) -> str:
        return self.title or f"Article {self.pk}"

    def clean(self) -> None:
        try:
            tokens.check_offsets(self.text, self.tokens)
        except tokens.TokenError as error:
            raise ValidationError({"tokens": str(error)}) from error

    @property
    def is_held_out(self) -> bool:
        return self.split in HELD_OUT

    def words(self) -> list[str]:
        return [self.text[start:end] for start, end in self.tokens]

    def gold(self) -> Annotation | None:
        return self.annotations.filter(kind="gold").first()

    def prediction(self) -> Prediction | None:
        """What the current source says of this text; where it is silent, the newest import's suggestions."""
        said = self.predictions.filter(tokens_revision=self.tokens_revision).select_related("source")
        current = self.project.current_source_id
        mine = said.filter(source_id=current).first() if current else None
        return mine or said.filter(source__kind=Source.Kind.IMPORT).order_by("-source__number").first()

    def open_suggestions(self, spans: list[Any]) -> list[Suggestion]:
        """The predicted spans that nobody has judged and that touch none of `spans`. Held-out articles show none."""
        prediction = None if self.is_held_out else self.prediction()
        if prediction is None:
            return []
        judged = set(self.verdicts.filter(active=True).values_list("start", "end", "label"))
        return [
            s
            for s in prediction.suggestions()
            if (s.start, s.end, s.label) not in judged and not any(s.overlaps(g.start, g.end) for g in spans)
        ]

    def delete_softly(self) -> None:
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at"])

    def restore(self) -> None:
        self.deleted_at = None
        self.save(update_fields=["deleted_at"])


class DocumentLabel(models.Model):
    """How many entities of a label a document's gold holds, kept in the edit's own transaction."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="label_counts")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="document_counts")
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label", "document"], name="one_count_per_label"),
            models.CheckConstraint(condition=Q(count__gte=1), name="label_count_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.label} in {self.document}"


class NearKey(models.Model):
    """A band of a document's MinHash signature: documents that share one may be near-duplicates."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    key = models.BigIntegerField()
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="near_keys")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key", "document"], name="near_key_once")]

    def __str__(self) -> str:
        return f"{self.key} of document {self.document_id}"
