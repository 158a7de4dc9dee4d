"""Who a request comes from, as Django finds it out, by queries that are built once: every request asks both."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from annotate.prepared import prepared


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        """The row, where there is one and it has not run out."""
        found = _session(self.session_key, timezone.now()) if self.session_key else []
        if not found:
            self._session_key = None
        return next(iter(found), None)


class People(ModelBackend):
    def get_user(self, user_id: Any) -> User | None:
        found = _person(int(user_id))
        return found[0] if found and self.user_can_authenticate(found[0]) else None


@prepared
def _session(key: Any, now: Any) -> QuerySet[Session]:
    return Session.objects.filter(session_key=key, expire_date__gt=now)


@prepared
def _person(key: Any) -> QuerySet[User]:
    return User.objects.filter(pk=key)
