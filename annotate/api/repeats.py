"""Idempotency keys: who sends a write again under the same key is given the first answer, and nothing is done twice."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from annotate.api.problems import Problem
from annotate.models import AccessToken, RepeatableRequest

KEPT = timedelta(days=1)
ABANDONED = timedelta(minutes=10)  # longer than any request takes: whoever worked on it has died
LONGEST_KEY = 200
SAFE = ("GET", "HEAD", "OPTIONS")


def once(request: HttpRequest, token: AccessToken, work: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer of `work`, or the one that a request of the same key was given before."""
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method in SAFE:
        return work()
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Problem(400, f"An idempotency key is 1 to {LONGEST_KEY} printable ASCII characters.")
    row = _claim(token, key, _digest(request))
    if row.status is not None:
        return _again(row)
    try:
        response = work()
    except BaseException:
        row.delete()
        raise
    if response.status_code >= 500 or not isinstance(response, HttpResponse):
        row.delete()  # what failed here may be tried again
    else:
        row.status, row.body = response.status_code, response.content.decode()
        row.content_type = response.headers.get("Content-Type", "")
        row.save(update_fields=["status", "body", "content_type"])
    return response


def _claim(token: AccessToken, key: str, digest: str) -> RepeatableRequest:
    """A new row, to be worked on, or that of a request which was answered."""
    now = timezone.now()
    mine = RepeatableRequest.objects.filter(token=token)
    if mine.filter(begun_at__lt=now - KEPT).exists():
        mine.filter(begun_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            return mine.create(token=token, key=key, digest=digest)
    except IntegrityError:
        row = mine.filter(key=key).first()
    if row is not None and row.digest != digest:
        raise Problem(422, "This idempotency key was used for another request. Take a new one for each.")
    if row is not None and row.status is not None:
        return row
    # Gone just now, because it failed; or left behind by a process that died: one of those who find it takes it over.
    left = row is not None and row.begun_at < now - ABANDONED
    if row is not None and left and mine.filter(pk=row.pk, begun_at=row.begun_at).update(begun_at=now):
        return row
    raise Problem(409, "The request of this idempotency key is being worked on.", headers={"Retry-After": "1"})


def _again(row: RepeatableRequest) -> HttpResponse:
    response = HttpResponse(row.body, status=row.status, content_type=row.content_type or None)
    response["Idempotent-Replayed"] = "true"
    return response


def _digest(request: HttpRequest) -> str:
    parts = (request.method or "", request.get_full_path())
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + request.body).hexdigest()
