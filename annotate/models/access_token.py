"""Tokens by which programs come in: each of one person, for one project or all, and never for more than they may."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotate.models.project import Project, Role

PREFIX = "tagdesk_"  # so that whoever finds one in a file knows what it opens
SHOWN = 8  # characters behind the prefix by which people tell their tokens apart
USE_NOTED = timedelta(minutes=1)  # a row written at each request would have people's edits wait
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Read and tag"
    MANAGE = "manage", "Read, tag and manage"

    @property
    def role(self) -> Role:
        """The highest role that such a token may make use of."""
        return {Scope.READ: Role.VIEWER, Scope.WRITE: Role.ANNOTATOR, Scope.MANAGE: Role.MANAGER}[self]


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def issue(self, user: Any, **fields: Any) -> tuple[AccessToken, str]:
        """The row, and the token itself: it is not stored, so this is the only time to see it."""
        token = PREFIX + secrets.token_urlsafe(32)
        start = token[len(PREFIX) :][:SHOWN]
        return self.create(user=user, start=start, token_hash=_hash(token), **fields), token

    def valid(self) -> Self:
        lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(lasting, revoked_at=None, user__is_active=True)

    def find(self, given: str) -> AccessToken | None:
        """The valid token that is given."""
        if not _FORM.fullmatch(given):
            return None
        hashed = _hash(given)
        alike = self.valid().filter(start=given[len(PREFIX) :][:SHOWN]).select_related("user")
        return next((token for token in alike if compare_digest(token.token_hash, hashed)), None)


class AccessToken(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens")
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="access_tokens", help_text="Null: all"
    )
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=6, choices=Scope.choices, default=Scope.READ)
    start = models.CharField(max_length=SHOWN, db_index=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.CheckConstraint(condition=Q(scope__in=Scope.values), name="access_token_scope_known")]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def shown(self) -> str:
        return f"{PREFIX}{self.start}…"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def allows(self, role: Role) -> bool:
        return Scope(self.scope).role.rank >= role.rank

    def revoke(self) -> None:
        AccessToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())

    def note_use(self) -> None:
        now = timezone.now()
        if self.last_used_at is None or self.last_used_at < now - USE_NOTED:
            AccessToken.objects.filter(pk=self.pk, last_used_at=self.last_used_at).update(last_used_at=now)


class RepeatableRequest(models.Model):
    """A request that came with an idempotency key, and its answer: who sends it again is given that once more."""

    token = models.ForeignKey(AccessToken, on_delete=models.CASCADE, related_name="repeatable", db_index=False)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="Of method, address and body")
    begun_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True, help_text="Null while it is being worked on")
    content_type = models.CharField(max_length=100, blank=True)
    body = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="repeatable_key_once")]

    def __str__(self) -> str:
        return f"{self.key} of token {self.token_id}"


def _hash(token: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
