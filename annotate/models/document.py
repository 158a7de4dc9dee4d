"""A document: one article. Its text never changes after import."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Length, Replace, Substr
from django.utils import timezone

from annotate import passages, tokens
from annotate.models.fields import OffsetsField, PassagesField
from annotate.models.prediction import (
    Prediction,
    Source,
    Suggestion,
    imported_of,
    prediction_of,
    soft_marks_of,
    verdicts_of,
)
from annotate.models.project import Project

if TYPE_CHECKING:
    from annotate.models.annotation import Annotation


EXCERPT = 90  # characters that stand for a title


def excerpt(article: str = "") -> Case:
    """The beginning of an article without a title, else nothing: a text lies far behind its title, and is read only
    where it has to stand for one. `article` leads there from what is asked: `document__`.
    """
    return Case(When(**{f"{article}title": ""}, then=Substr(f"{article}text", 1, EXCERPT)), default=Value(""))


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


# An import hides what it has not finished as deleted at moments long before this one.
FIRST_DELETION = datetime(2000, 1, 1, tzinfo=UTC)


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def present(self) -> Self:
        return self.filter(deleted_at=None)

    def deleted(self) -> Self:
        """What people have deleted."""
        return self.filter(deleted_at__gte=FIRST_DELETION)

    def finished(self) -> Self:
        return self.present().filter(state=State.FINISHED)

    def unfinished(self) -> Self:
        return self.present().filter(state__in=(State.RAW, State.IN_PROGRESS))

    def with_ids(self, external_ids: Iterable[str]) -> Self:
        # In the words of the constraint: an index of some rows is used where it is plain that no others are wanted.
        has_id = RawSQL("NOT (external_id = '')", [], models.BooleanField())
        return self.filter(has_id, external_id__in=external_ids).order_by()

    def in_split(self, *splits: str) -> Self:
        return self.filter(split__in=splits)

    def ranked(self, source: Source | None) -> tuple[Self, Self]:
        """Those that the source has spoken of, in the queue's order: up to its ceiling, where most is to be mended
        first; then what lies above the ceiling, from there upwards.
        """
        # A range, which is in the index, and not `isnull`: that leaves SQLite to begin with all articles to be tagged.
        spoken_of = self.filter(predictions__source=source, predictions__to_mend__gte=0)
        spoken_of = spoken_of.annotate(to_mend=F("predictions__to_mend"))
        most_first = spoken_of.order_by("-to_mend", "predictions__document_id")
        if source is None or source.ceiling is None:
            return most_first, self.none()
        least_first = spoken_of.order_by("to_mend", "-predictions__document_id")
        return most_first.filter(to_mend__lte=source.ceiling), least_first.filter(to_mend__gt=source.ceiling)

    def next_in_queue(self, project: Project, after: Document | None = None) -> Document | None:
        """The article to hand out next. `after` is the one just left; if it was skipped, its followers go first.

        The held-out share goes first: as long as it lacks a whole article among the finished ones, one of them is
        next, so that the first retrain has a score. Who skips one is given one of the others.
        """
        waiting = self.filter(project=project).unfinished().defer("signature")
        if after is not None:
            waiting = waiting.exclude(pk=after.pk)
        skipped = after if after is not None and after.state != State.FINISHED else None
        train = waiting.in_split(Split.TRAIN)
        if skipped is not None and skipped.is_held_out:
            following = waiting.filter(pk__gt=skipped.pk)
            return train.first_ranked(project) or following.first_in(*HELD_OUT) or waiting.first_in(*HELD_OUT)
        train_next = train.behind(skipped, project) if skipped is not None else None
        if project.wants_held_out():
            return waiting.first_in(*HELD_OUT) or train_next or train.first_ranked(project)
        return train_next or train.first_ranked(project) or waiting.first_in(*HELD_OUT)

    def first_in(self, *splits: str) -> Document | None:
        """Of the unfinished ones of these splits the first that arrived: for each state and split one step in an
        index, where all of them at once would be sorted.
        """
        places = [{"state": state, "split": split} for state in (State.RAW, State.IN_PROGRESS) for split in splits]
        found = (self.filter(**place).order_by("pk").first() for place in places)
        return min(filter(None, found), key=lambda document: document.pk, default=None)

    def first_ranked(self, project: Project) -> Document | None:
        """Of the unfinished training articles the first in the order of the current model; where it has spoken of none,
        the first that arrived.
        """
        below, above = self.ranked(project.current_source)
        return below.first() or above.first() or self.first_in(Split.TRAIN)

    def behind(self, skipped: Document, project: Project) -> Document | None:
        """The first of these that follows a skipped one in the queue's order, so that it stays skipped."""
        source = project.current_source
        said = Prediction.objects.filter(source=source, to_mend__isnull=False)
        to_mend = said.filter(document=skipped).values_list("to_mend", flat=True).first()
        silent = self.filter(~models.Exists(said.filter(document=models.OuterRef("pk")))).order_by("pk")
        if to_mend is None:
            return silent.filter(pk__gt=skipped.pk).first()
        below, above = self.ranked(source)
        # The first condition says to the database where in the index to begin; the second alone would not.
        if source is None or source.ceiling is None or to_mend <= source.ceiling:
            below = below.filter(Q(to_mend__lte=to_mend) & (Q(to_mend__lt=to_mend) | Q(pk__gt=skipped.pk)))
            return below.first() or above.first() or silent.first()
        above = above.filter(Q(to_mend__gte=to_mend) & (Q(to_mend__gt=to_mend) | Q(pk__lt=skipped.pk)))
        return above.first() or silent.first()


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
    left_out = PassagesField(
        default=list, blank=True, help_text="[[start, end], ...] in tokens, ascending, apart: not learnt, not predicted"
    )
    flagged = models.BooleanField(default=False, help_text="To be discussed")
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

    @property
    def is_left_out_whole(self) -> bool:
        return not passages.rest(self.token_count, self.left_out)

    def gold(self) -> Annotation | None:
        from annotate.models.annotation import gold_of

        for gold in gold_of(self.pk):
            gold.document = self
            return gold
        return None

    def prediction(self) -> Prediction | None:
        """What the current source says of this text; where it is silent, the newest import's suggestions. Asked of the
        database once while this row is in hand.
        """
        asked = (self.tokens_revision, self.project.current_source_id)
        if self.__dict__.get("_asked") != asked:
            self.__dict__.update(_asked=asked, _prediction=self._find_prediction())
        found: Prediction | None = self.__dict__["_prediction"]
        return found

    def _find_prediction(self) -> Prediction | None:
        current = self.project.current_source_id
        mine = prediction_of(self.pk, self.tokens_revision, current) if current else []
        return next(iter(mine or imported_of(self.pk, self.tokens_revision)), None)

    def open_suggestions(self, spans: list[Any]) -> list[Suggestion]:
        """The predicted spans that nobody has judged and that touch none of `spans`, then the soft marks that touch
        neither; none in a passage that is left out. Held-out articles show no predicted one.
        """
        prediction = None if self.is_held_out else self.prediction()
        offered = self._offered()
        if prediction is None and not offered:
            return []
        judged = self._judged()
        closed = [*self.left_out, *((span.start, span.end) for span in spans)]
        tagged = {token for start, end in closed for token in range(start, end)}
        said = prediction.suggestions() if prediction else []
        said = [s for s in said if (s.start, s.end, s.said or s.label, s.source_id) not in judged]
        left = [s for s in said if s[:3] not in judged and tagged.isdisjoint(range(s.start, s.end))]
        tagged.update(token for s in left for token in range(s.start, s.end))
        for offer in offered:
            if offer[:3] not in judged and tagged.isdisjoint(range(offer.start, offer.end)):
                tagged.update(range(offer.start, offer.end))
                left.append(offer)
        return left

    def _judged(self) -> set[tuple[Any, ...]]:
        """What was rejected or corrected: (start, end, label), and (start, end, what the source calls it, source),
        since verdicts follow a label's new name a little later than suggestions do. What was accepted is hidden by its
        span; where that went with its passage, the suggestion is open again with the passage.
        """
        if "_verdicts" not in self.__dict__:
            self.__dict__["_verdicts"] = {
                key
                for start, end, label, said, by in verdicts_of(self.pk)
                for key in ((start, end, label), (start, end, said, by))
            }
        judged: set[tuple[Any, ...]] = self.__dict__["_verdicts"]
        return judged

    def _offered(self) -> list[Suggestion]:
        """The soft marks, judged ones too; none where the article is finished. A held-out article has only what
        somebody looked for in it: marks from other articles would nudge.
        """
        if self.state == State.FINISHED:
            return []
        rows = [row for row in self.offer_rows() if row[4]]
        if rows and self.is_held_out:
            here = set(self.edits.filter(batch__in={row[3] for row in rows}).values_list("batch", flat=True))
            rows = [row for row in rows if row[3] in here]
        return [Suggestion(start, end, label, None, 0, soft=True) for start, end, label, *_ in rows]

    def offer_rows(self) -> list[tuple[int, int, str, UUID, bool]]:
        """(start, end, label, batch, active) of all soft marks. As the verdicts, they are asked of the database once
        while this row is in hand; `judge_anew` forgets them.
        """
        if "_offers" not in self.__dict__:
            self.__dict__["_offers"] = soft_marks_of(self.pk)
        rows: list[tuple[int, int, str, UUID, bool]] = self.__dict__["_offers"]
        return rows

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self.__dict__.pop("_asked", None)
        self.judge_anew()

    def judge_anew(self) -> None:
        for name in ("_offers", "_verdicts"):
            self.__dict__.pop(name, None)

    def delete_softly(self, by: Any) -> None:
        """Take the article out of the project, with all it has; `restore` brings it back."""
        self._log_whole(by, "deleted")
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at"])

    def restore(self, by: Any) -> None:
        self._log_whole(by, "restored")
        self.deleted_at = None
        self.save(update_fields=["deleted_at"])

    def flag(self, by: Any, flagged: bool = True) -> None:
        """Mark the article as one to discuss, or take the mark away. Where it is so already nothing happens."""
        self.flagged = flagged
        if Document.objects.filter(pk=self.pk, flagged=not flagged).update(flagged=flagged):
            self._log_whole(by, "flagged" if flagged else "unflagged")

    def _log_whole(self, by: Any, how: str) -> None:
        """A line of the log that speaks of no token."""
        nowhere = {"start": 0, "end": 0, "char_start": 0, "char_end": 0, "before": [], "after": []}
        states = {"status_before": self.state, "status_after": self.state}
        self.edits.create(author=by, batch=uuid4(), revision=0, how=how, **nowhere, **states)


class NearKey(models.Model):
    """A band of a document's MinHash signature: documents that share one may be near-duplicates."""

    # The constraint's index begins with the project.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_index=False)
    key = models.BigIntegerField()
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="near_keys")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key", "document"], name="near_key_once")]

    def __str__(self) -> str:
        return f"{self.key} of document {self.document_id}"
