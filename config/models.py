import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils.timezone import now

LIFETIME = timedelta(hours=24)


def _hash(token: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()


class SignInLinkQuerySet(models.QuerySet["SignInLink"]):
    def issue(self, user: User) -> str:
        """Make a link's token for the user. It is not stored, so this is the only time to see it."""
        self.filter(expires_at__lt=now() - timedelta(days=7)).delete()
        token = secrets.token_urlsafe(32)
        self.create(user=user, token_hash=_hash(token), expires_at=now() + LIFETIME)
        return token

    def claim(self, token: str) -> "SignInLink | None":
        """Use the link up. None if it is unknown, used or too old; of two who claim at once, one gets it."""
        links = self.filter(token_hash=_hash(token), used_at=None, expires_at__gt=now(), user__is_active=True)
        if links.update(used_at=now()) == 0:
            return None
        return self.select_related("user").get(token_hash=_hash(token))

    def was_used(self, token: str) -> bool:
        return self.filter(token_hash=_hash(token), used_at__isnull=False).exists()


class SignInLink(models.Model):
    """A link that signs one person in, once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = SignInLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"sign-in link {self.pk} of {self.user}"
