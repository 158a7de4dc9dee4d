"""A project: a set of documents, one label set, one line of models, its members."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import connection, models
from django.db.models import Count, F, Q, Sum
from django.utils.functional import cached_property
from django.utils.text import slugify

from annotate.prepared import prepared

COLORS = 12
LABEL_PATTERN = r"^[^\s\-][^\s]*$"
RESERVED_KEYS = "AXHaxh?"
DIGITS = "1234567890"


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: Any) -> Self:
        return self if user.is_superuser else self.filter(memberships__user_id=user.pk)


class Project(models.Model):
    LEARNERS = ("dictionary", "instant")  # the kinds of source that learn by themselves; each has a switch of its name

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140, unique=True)
    guideline = models.TextField(blank=True)
    threshold = models.FloatField(default=0.8, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    validation_share = models.PositiveSmallIntegerField(default=20, validators=[MaxValueValidator(90)])
    test_share = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(90)])
    dictionary = models.BooleanField(default=True, help_text="Suggest known mentions before any model")
    instant = models.BooleanField(default=True, help_text="Learn from each finish before a trained model is better")
    current_source = models.ForeignKey(
        "annotate.Source", null=True, blank=True, on_delete=models.SET_NULL, related_name="current_for"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(threshold__gte=0, threshold__lte=1), name="project_threshold_range"),
            models.CheckConstraint(
                condition=Q(validation_share__lte=95 - F("test_share")),
                name="project_shares_leave_training",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="project_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def begin(cls, name: str, labels: list[str], manager: User | None = None, **fields: Any) -> Project:
        """Create a project with its labels and, where there is one, its first manager. Call inside a transaction."""
        refuse_twins(labels)
        project = cls(name=name.strip(), slug=free_slug(name), **fields)
        project.full_clean(exclude=["current_source"])
        project.save()
        project.add_labels(labels)
        if manager is not None:
            Membership.objects.create(project=project, user=manager, role=Role.MANAGER)
        return project

    def add_label(self, name: str, **fields: Any) -> Label:
        return self.add_labels([name], **fields)[0]

    def add_labels(self, names: Iterable[str], **fields: Any) -> list[Label]:
        """New labels behind those there are; unsaid, each has the next free digit as key and the next colour."""
        there = list(self.labels.values_list("name", "position", "key"))
        taken, keys = {name for name, _, _ in there}, {key for _, _, key in there}
        free = (digit for digit in DIGITS if digit not in keys)
        first = max((position for _, position, _ in there), default=-1) + 1
        labels = []
        for position, name in enumerate(map(str.strip, names), first):
            if name in taken:
                raise ValidationError(f"There is a label of this name already: “{name}”.")
            taken.add(name)
            own = {"color": position % COLORS + 1, **fields}
            if "key" not in own:
                own["key"] = next(free, "")
            labels.append(Label(project=self, name=name, position=position, **own))
            labels[-1].clean_fields(exclude=["project"])
        return Label.objects.bulk_create(labels)

    @cached_property
    def label_list(self) -> list[Label]:
        """All labels, asked of the database once while this row is in hand."""
        labels = _labels(self.pk)
        for label in labels:
            label.project = self
        return labels

    def label_names(self) -> list[str]:
        return list(self.labels.values_list("name", flat=True))

    def finished_by_split(self) -> dict[str, int]:
        """How many articles of each split are finished: counted as they go on SQLite, from an index elsewhere."""
        if connection.vendor == "sqlite":
            return dict(self.tallies.filter(facet="finished").values_list("value", "count"))
        finished = self.listed.filter(state="finished").order_by()
        return dict(finished.values_list("split").annotate(models.Count("pk")))

    def wants_held_out(self) -> bool:
        """Whether its finished articles lack a whole held-out one of its share; one is wanted at once."""
        share = (self.validation_share + self.test_share) / 100
        finished = self.finished_by_split()
        held_out = finished.get("validation", 0) + finished.get("test", 0)
        return share > 0 and held_out < max(1, int(share * (sum(finished.values()) + 1)))

    def heed_switches(self) -> None:
        """Have nobody suggest who is switched off."""
        off = [kind for kind in self.LEARNERS if not getattr(self, kind)]
        mine = Project.objects.filter(pk=self.pk)
        if mine.filter(current_source__kind__in=off).update(current_source=None):
            self.current_source = None

    def unknown_labels(self) -> list[str]:
        """The labels that the current model has never learnt, so that it cannot suggest them before it is retrained."""
        return self.current_source.unknown_of(self.label_names()) if self.current_source else []

    def role_of(self, user: Any) -> str | None:
        """Asked of the database once for each person while this row is in hand."""
        if user.is_superuser:
            return Role.MANAGER
        held: dict[int | None, str | None] = self.__dict__.setdefault("_held", {})
        if user.pk not in held:
            held[user.pk] = next(iter(_role(self.pk, user.pk)), None)
        return held[user.pk]


def twins(names: Iterable[str]) -> dict[str, str]:
    """{name: the first of these names, where it differs from that one by its case alone}: labels that people would mix
    up. A file may bring tens of thousands, so each is looked at once.
    """
    first: dict[str, str] = {}
    return {name: twin for name in names if (twin := first.setdefault(name.casefold(), name)) != name}


def twin_of(name: str, names: Iterable[str]) -> str | None:
    return twins([*names, name]).get(name)


def refuse_twins(names: list[str]) -> None:
    for name, twin in twins(names).items():
        raise ValidationError(f"“{twin}” and “{name}” differ by their case alone.")


@prepared
def _labels(project: Any) -> models.QuerySet[Label]:
    return Label.objects.filter(project=project)


@prepared
def _role(project: Any, user: Any) -> models.QuerySet[Membership, str]:
    return Membership.objects.filter(project=project, user=user).values_list("role", flat=True)


def free_slug(name: str) -> str:
    base = slugify(name) or "project"
    taken = set(Project.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(s for s in [base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))] if s not in taken)


class Role(models.TextChoices):
    MANAGER = "manager", "Manager"
    ANNOTATOR = "annotator", "Annotator"
    VIEWER = "viewer", "Viewer"

    @property
    def rank(self) -> int:
        return [Role.VIEWER, Role.ANNOTATOR, Role.MANAGER].index(self)


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role}) in {self.project}"


def no_reserved_key(key: str) -> None:
    if key in RESERVED_KEYS:
        raise ValidationError(f"The key “{key}” is taken: A accepts, X rejects, H and ? show help.")


class LabelQuerySet(models.QuerySet["Label"]):
    def with_counts(self) -> Any:
        """With how many entities and articles each has, and how many of them in finished articles."""
        present = Q(document_counts__document__deleted_at=None)
        finished = present & Q(document_counts__document__state="finished")
        total, articles = (
            Sum("document_counts__count", filter=present, default=0),
            Count("document_counts", filter=present),
        )
        # Said again: where rows are grouped, Django leaves out the order of the class.
        return self.order_by("position", "pk").annotate(
            entities=total,
            articles=articles,
            finished=Sum("document_counts__count", filter=finished, default=0),
            finished_articles=Count("document_counts", filter=finished),
        )


class Label(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels")
    name = models.CharField(
        max_length=50,
        validators=[RegexValidator(LABEL_PATTERN, "A label's name holds no blank and does not begin with a hyphen.")],
    )
    color = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(COLORS)], help_text="Place in the palette"
    )
    key = models.CharField(max_length=1, blank=True, validators=[no_reserved_key])
    guideline = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    leaving = models.BooleanField(
        default=False,
        help_text="Renamed, merged or deleted just now: its spans are on their way, nobody may tag with it",
    )

    objects = LabelQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"],
                name="label_name_once_per_project",
                violation_error_message="There is a label of this name already.",
            ),
            models.UniqueConstraint(
                fields=["project", "key"],
                condition=~Q(key=""),
                name="label_key_once_per_project",
                violation_error_message="Another label has this key.",
            ),
            models.CheckConstraint(condition=Q(color__gte=1, color__lte=COLORS), name="label_color_in_palette"),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(name__contains=" "),
                name="label_name_without_blank",
                violation_error_message="A label's name holds no blank.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
