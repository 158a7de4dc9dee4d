"""An import: a stored upload, what was understood of it, and what became of it."""

from __future__ import annotations

from typing import Any, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotate.models.project import Project

ON_ERROR = ("repair", "skip", "fail")
RELEASING = "releasing"  # in the report of an import that is showing its articles: it cannot be called off any more


def hold(working: str) -> dict[str, Any]:
    """What makes a row belong to one process: a claim of its own, and a first sign of life."""
    return {"status": working, "claim": uuid4(), "heartbeat_at": timezone.now()}


class ImportQuerySet(models.QuerySet["Import"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def claim(self, pk: int, status: str, working: str) -> Import | None:
        """Take an import that waits in `status` for this process. None if somebody else already has, or while labels
        of the project change under what it would store.
        """
        waiting = self.filter(pk=pk, status=status)
        if working == Import.Status.IMPORTING:
            waiting = waiting.exclude(project__label_changes__status__in=["waiting", "running", "failed"])
        claimed = waiting.update(**hold(working))
        return self.select_related("project").get(pk=pk) if claimed else None

    def confirm(self, row: Import, on_error: str, choices: dict[str, Any] | None = None) -> bool:
        """Let a checked import go ahead, with what is to become of its errors ("" for what was said when it was handed
        in) and what else was chosen. False if it is not waiting for that; raises ValueError for what nobody can do with
        errors.
        """
        chosen = on_error or row.options.get("on_error", "fail")
        if chosen not in ON_ERROR:
            raise ValueError(f"Errors can be met with {', '.join(ON_ERROR)}, not with {chosen!r}.")
        options = {**row.options, **(choices or {}), "on_error": chosen}
        waiting = self.filter(pk=row.pk, status=Import.Status.CHECKED)
        return bool(waiting.update(status=Import.Status.CONFIRMED, options=options))

    def check_again(self, row: Import, choices: dict[str, Any]) -> bool:
        """Let a checked import be read once more, to see what comes of these choices. False if it is not waiting."""
        waiting = self.filter(pk=row.pk, status=Import.Status.CHECKED)
        options = {**row.options, **choices}
        return bool(waiting.update(status=Import.Status.UPLOADED, options=options, done_bytes=0))

    def cancel(self, row: Import) -> bool:
        """Call off an import that is neither over nor showing its articles. A worker at it sees its claim gone and
        takes back what it wrote.
        """
        over = Q(status__in=(Import.Status.DONE, Import.Status.FAILED, Import.Status.CANCELLED))
        waiting = self.filter(pk=row.pk).exclude(over | Q(report__has_key=RELEASING))
        return bool(waiting.update(status=Import.Status.CANCELLED, claim=None))

    def held(self, row: Import) -> Self:
        """The row, as long as this claim still holds it."""
        return self.filter(pk=row.pk, claim=row.claim)


class Import(models.Model):
    class Status(models.TextChoices):
        UPLOADED = "uploaded", "Waiting to be read"
        CHECKING = "checking", "Being read"
        CHECKED = "checked", "Ready to import"
        CONFIRMED = "confirmed", "Waiting to be imported"
        IMPORTING = "importing", "Being imported"
        DONE = "done", "Imported"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="imports")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    files = models.JSONField(default=list, help_text="[[stored path below the data folder, name as given], ...]")
    size = models.BigIntegerField(default=0, help_text="Bytes of all files")
    options = models.JSONField(default=dict, help_text="Format, scheme, on_error, split, as_, columns, label list")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.UPLOADED)
    claim = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    done_bytes = models.BigIntegerField(default=0)
    preview = models.JSONField(default=dict, help_text="What the check understood: counts, first records, problems")
    report = models.JSONField(default=dict, help_text="What the import did: counts, problems by kind")
    problems_path = models.CharField(
        max_length=500, blank=True, help_text="JSONL of every problem, below the data folder"
    )
    error = models.TextField(blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "uploaded", "checking", "checked", "confirmed", "importing", "done", "failed", "cancelled",
                    ]
                ),
                name="import_status_known",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Import {self.pk} into {self.project}"

    @property
    def told(self) -> str:
        """What it is an import of: the files by their names, or the dataset of the hub."""
        if "hub" in self.options:
            chosen = ", ".join(filter(None, (self.options["hub"][name] for name in ("config", "split"))))
            return f"{self.options['hub']['name']} ({chosen})" if chosen else str(self.options["hub"]["name"])
        names = [name for _, name in self.files]
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        return ", ".join(names[:3]) + more

    @property
    def is_to_be_fetched(self) -> bool:
        """Whether what it is of lies still on the hub."""
        return "hub" in self.options and not self.options["hub"]["commit"]

    @property
    def is_over(self) -> bool:
        return self.status in {self.Status.DONE, self.Status.FAILED, self.Status.CANCELLED}

    @property
    def is_showing(self) -> bool:
        return RELEASING in self.report

    @property
    def is_working(self) -> bool:
        return self.status not in {self.Status.CHECKED} and not self.is_over
