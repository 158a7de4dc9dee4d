"""Webhooks, and what is sent to them. A delivery is a row before anybody is told to send it."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from secrets import token_bytes
from typing import Any, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotate.models.project import Project

SECRET_PREFIX = "whsec_"  # noqa: S105 - as Standard Webhooks has it
MOST_WEBHOOKS = 20  # of a project: each costs a row and a request at every event
# How long a try that failed is followed by none: eight tries in two days.
PAUSES = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440)]
STALE = timedelta(seconds=60)  # no try takes that long: whoever was at it has died
# One that has failed this long without a break, and this often, is switched off.
FAILING_FOR, FAILING_TRIES = timedelta(days=1), 6


class Event(models.TextChoices):
    ARTICLE_FINISHED = "article.finished", "an article is finished"
    RUN_ENDED = "run.ended", "a training has ended"
    VERSION_PROMOTED = "version.promoted", "a model is made current"
    IMPORT_ENDED = "import.ended", "an import has ended"
    TEST = "test", "a test"

    @classmethod
    def chosen_from(cls) -> list[tuple[str, str]]:
        """Those that a webhook is told of by choice; a test goes to any."""
        return [(value, label) for value, label in cls.choices if value != cls.TEST]


def new_secret() -> str:
    return SECRET_PREFIX + b64encode(token_bytes(32)).decode()


class Webhook(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    address = models.CharField(max_length=2000)
    events = models.JSONField(default=list)
    # As it is: what is signed with must be read again, and a key to lock it with would lie in the same folder.
    secret = models.CharField(max_length=80, default=new_secret)
    is_on = models.BooleanField(default=True)
    off_because = models.TextField(blank=True, help_text="In words; empty where a person has switched it off")
    failures = models.PositiveIntegerField(default=0, help_text="Tries in a row that have failed")
    failing_since = models.DateTimeField(null=True, blank=True)
    rests_until = models.DateTimeField(null=True, blank=True, help_text="Where nobody answered: no try before then")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.address} of {self.project}"

    @property
    def told_when(self) -> str:
        """“an article is finished, a training has ended”."""
        return ", ".join(label for value, label in Event.chosen_from() if value in self.events)

    def switch(self, is_on: bool) -> None:
        """On again, it begins afresh with what waits."""
        fresh = {"failures": 0, "failing_since": None, "rests_until": None, "off_because": ""}
        self._write(is_on=is_on, **(fresh if is_on else {}))

    def renew_secret(self) -> None:
        self._write(secret=new_secret())

    def note_success(self) -> None:
        if self.failures:
            self._write(failures=0, failing_since=None, rests_until=None)

    def note_failure(self, why: str, was_answered: bool) -> None:
        """Count it; rest where nobody answered; switch it off where it goes on and on."""
        now = timezone.now()
        self._write(failures=F("failures") + 1, failing_since=Coalesce(F("failing_since"), now))
        if not was_answered:
            self._write(rests_until=now + PAUSES[min(self.failures, len(PAUSES)) - 1])
        assert self.failing_since is not None
        if self.failures >= FAILING_TRIES and self.failing_since <= now - FAILING_FOR:
            told = f"Nothing was delivered for more than a day, in {self.failures} tries. The last one: {why}"
            self._write(is_on=False, off_because=told)

    def _write(self, **fields: Any) -> None:
        Webhook.objects.filter(pk=self.pk).update(**fields)
        self.refresh_from_db(fields=[*fields])


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self) -> Self:
        now = timezone.now()
        rested = Q(webhook__rests_until=None) | Q(webhook__rests_until__lte=now)
        return self.filter(rested, status=Delivery.Status.WAITING, next_try_at__lte=now, webhook__is_on=True)

    def claim_next(self, webhook: int) -> Delivery | None:
        """Take the oldest that is due for this process. None where there is none."""
        for pk in self.due().filter(webhook=webhook).order_by("pk").values_list("pk", flat=True)[:10]:
            hold = {"status": Delivery.Status.SENDING, "claim": uuid4(), "tried_at": timezone.now()}
            if self.filter(pk=pk, status=Delivery.Status.WAITING).update(**hold, tries=F("tries") + 1):
                return self.select_related("webhook").get(pk=pk)
        return None

    def held(self, row: Delivery) -> Self:
        return self.filter(pk=row.pk, claim=row.claim, status=Delivery.Status.SENDING)

    def stale(self) -> Self:
        return self.filter(status=Delivery.Status.SENDING, tried_at__lt=timezone.now() - STALE)


class Delivery(models.Model):
    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    key = models.UUIDField(default=uuid4, unique=True, help_text="The same at every try, so that receivers know it")
    event = models.CharField(max_length=20, choices=Event.choices)
    body = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    next_try_at = models.DateTimeField(null=True, default=timezone.now)
    claim = models.UUIDField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    took_ms = models.PositiveIntegerField(null=True, blank=True)
    response = models.TextField(blank=True, help_text="Its beginning")
    error = models.TextField(blank=True, help_text="Why there was no answer, in words")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status="waiting"), name="delivery_due"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "sending", "delivered", "failed"]), name="delivery_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status="waiting") | Q(next_try_at__isnull=False), name="waiting_delivery_has_its_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"

    @property
    def is_moving(self) -> bool:
        """Whether something is to be seen of it within seconds."""
        soon = timezone.now() + timedelta(seconds=10)
        waits = self.status == self.Status.WAITING and self.next_try_at is not None and self.next_try_at <= soon
        return waits or self.status == self.Status.SENDING

    def send_again(self) -> bool:
        """Have it wait for a try at once, whatever became of it. False where it is being tried just now."""
        resting = Delivery.objects.filter(pk=self.pk).exclude(status=self.Status.SENDING)
        changed = resting.update(status=self.Status.WAITING, next_try_at=timezone.now())
        if changed:
            Webhook.objects.filter(pk=self.webhook_id).update(rests_until=None)
        return bool(changed)
