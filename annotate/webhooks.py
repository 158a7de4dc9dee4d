"""Webhooks: what happens in a project, told to addresses that its managers name.

What is to be told is written in the transaction in which it happens. The queue is a doorbell: what it loses is found by
the next `reconcile`. Signed as Standard Webhooks has it, so that receivers can take the library of their language. A
message has ids and addresses of the API, never what an article says.
"""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotate import queue
from annotate.models import Delivery, Document, Event, Import, Project, Webhook
from annotate.models.webhook import PAUSES, SECRET_PREFIX
from annotate.prepared import prepared
from annotate.queue import QueueDown

TURN = 30.0  # seconds; then others of the queue have theirs
KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 500
API = "/api/v1"


def tell(project: Project, event: str, **about: Any) -> None:
    """Write down what is to be sent, for each webhook that listens. Call inside the transaction of what happened."""
    for webhook in _of_project(project.pk):
        if event in webhook.events:
            put(webhook, event, project=project.slug, **about)


def put(webhook: Webhook, event: str, **about: Any) -> Delivery:
    """Have this sent to one webhook, once the transaction is committed."""
    said = {"type": event, "timestamp": timezone.now().isoformat(), "data": about}
    row = Delivery.objects.create(webhook=webhook, event=event, body=json.dumps(said, ensure_ascii=False))
    ring_after(webhook.pk)
    return row


def article_finished(document: Document) -> None:
    article = {"id": document.pk, "external_id": document.external_id, "address": f"{API}/documents/{document.pk}"}
    tell(document.project, Event.ARTICLE_FINISHED, article=article)


def import_ended(row: Import) -> None:
    told = {"id": row.pk, "status": row.status, "articles": row.report.get("articles", 0)}
    tell(row.project, Event.IMPORT_ENDED, **{"import": told})


def test(webhook: Webhook) -> Delivery:
    project = webhook.project
    return put(webhook, Event.TEST, project=project.slug, address=f"{API}/projects/{project.slug}")


def ring_after(pk: int) -> None:
    """Ring once what was written is committed. Robust: whoever finished an article is told that it is, in any case."""
    transaction.on_commit(partial(_ring_or_wait, pk), robust=True)


def send(pk: int) -> None:
    """Send what is due to this webhook, one after the other, for a turn. Raises QueueDown where more is left."""
    ends = time.monotonic() + TURN
    while (row := Delivery.objects.claim_next(pk)) is not None:
        try_once(row)
        if time.monotonic() > ends:
            break
    if Delivery.objects.due().filter(webhook=pk).exists():
        _ring(pk)


def try_once(row: Delivery) -> None:
    """Send a claimed delivery, and write down what came of it."""
    from annotate import outbound

    began = time.monotonic()
    answer, error = None, ""
    try:
        answer = outbound.post(row.webhook.address, row.body.encode(), headers(row, int(time.time())))
        error = "" if _is_good(answer.status) else f"It answered {outbound.in_words(answer.status)}."
    except outbound.NoAnswer as none:
        error = str(none)
    _settle(row, answer, error, round(1000 * (time.monotonic() - began)))


def headers(row: Delivery, now: int) -> dict[str, str]:
    """What goes with it. The time is signed, too: what somebody has overheard cannot be sent again later."""
    signed = f"{row.key}.{now}.{row.body}".encode()
    key = b64decode(row.webhook.secret.removeprefix(SECRET_PREFIX))
    signature = b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": str(row.key),
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{signature}",
    }


def revive() -> None:
    """Take up again what a dead process was sending, ring for what is due, forget what is old. Raises QueueDown."""
    stale = Delivery.objects.stale()
    if stale.exists():  # a look that finds nothing waits for no writer
        stale.update(status=Delivery.Status.WAITING, next_try_at=timezone.now(), claim=None)
    _forget()
    due = Delivery.objects.due().order_by().values_list("webhook_id", flat=True).distinct()
    if pks := list(due):
        if queue.length("io"):
            return
        for pk in pks:
            _ring(pk)


@prepared
def _of_project(project: Any) -> QuerySet[Webhook]:
    return Webhook.objects.filter(project=project, is_on=True)


def _is_good(status: int) -> bool:
    return 200 <= status < 300


@transaction.atomic
def _settle(row: Delivery, answer: Any, error: str, took_ms: int) -> None:
    if not error:
        fate: dict[str, Any] = {"status": Delivery.Status.DELIVERED, "next_try_at": None}
    elif row.tries <= len(PAUSES):
        fate = {"status": Delivery.Status.WAITING, "next_try_at": timezone.now() + PAUSES[row.tries - 1]}
    else:
        fate = {"status": Delivery.Status.FAILED, "next_try_at": None}
    seen = {"code": answer.status, "response": answer.beginning} if answer else {"code": None, "response": ""}
    if not Delivery.objects.held(row).update(**fate, **seen, error=error, took_ms=took_ms, claim=None):
        return  # taken for dead, and taken up by another process
    if error:
        row.webhook.note_failure(error, was_answered=answer is not None)
    else:
        row.webhook.note_success()


def _forget() -> None:
    old = Delivery.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(status=Delivery.Status.SENDING)
    if pks := list(old.order_by().values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        Delivery.objects.filter(pk__in=pks).delete()


def _ring_or_wait(pk: int) -> None:
    with suppress(QueueDown):  # the row waits for the next `reconcile`
        _ring(pk)


def _ring(pk: int) -> None:
    # An id of its own for each: a job that rings for its own continuation must not write over itself.
    queue.enqueue("io", "annotate.jobs.send_webhook", pk, job_id=f"webhook-{pk}-{uuid4().hex[:12]}")
