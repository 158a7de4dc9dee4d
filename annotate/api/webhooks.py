"""Webhooks: list, make, change, test; what was sent to them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status
from pydantic import BaseModel, ConfigDict, Field

from annotate import webhooks
from annotate.address_fields import checked_address
from annotate.api import paging
from annotate.api.callers import ApiRequest, get_project
from annotate.api.problems import Error, Problem
from annotate.api.schemas import LEFT_OUT, Body, Text
from annotate.models import Delivery, Event, Role, Webhook
from annotate.models.webhook import MOST_WEBHOOKS

router = Router(tags=["Webhooks"])

EventName = Literal["article.finished", "run.ended", "version.promoted", "import.ended"]
Address = Annotated[
    Text, Field(min_length=1, max_length=2_000, description="https:// or http://, of the open internet")
]
Events = Annotated[list[EventName], Field(min_length=1, max_length=len(Event))]
EXAMPLE: Any = {"address": "https://example.org/tagdesk", "events": ["article.finished", "run.ended"]}


class WebhookNew(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})
    address: Address
    events: Events


class WebhookChange(Body):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"on": False}]})
    address: Address = Field(default=LEFT_OUT)
    events: Events = Field(default=LEFT_OUT)
    on: bool = Field(default=LEFT_OUT, description="On again, what waits is sent; what happened meanwhile is not")


class WebhookTold(BaseModel):
    id: int
    address: str
    events: list[str]
    on: bool
    off_because: str = Field(description="Why Tagdesk has switched it off; empty where it has not")
    failing_since: datetime | None = Field(description="Since when every try has failed")
    created_at: datetime


class WebhookMade(WebhookTold):
    secret: str = Field(description="What its messages are signed with; told this once")


class WebhookPage(BaseModel):
    items: list[WebhookTold]
    next: str | None


class DeliveryTold(BaseModel):
    id: int
    message: UUID = Field(description="`webhook-id`, the same at every try")
    event: str
    status: Literal["waiting", "sending", "delivered", "failed"]
    created_at: datetime
    tried_at: datetime | None
    next_try_at: datetime | None
    tries: int
    code: int | None = Field(description="The status of the last answer")
    took_ms: int | None
    response: str = Field(description="The beginning of the last answer")
    error: str = Field(description="Why the last try failed, in words")


class DeliveryPage(BaseModel):
    items: list[DeliveryTold]
    next: str | None


@router.get("/projects/{slug:slug}/webhooks", response=WebhookPage, summary="List the webhooks")
def webhooks_list(request: ApiRequest, slug: str, page: Query[paging.Where]) -> dict[str, Any]:
    project = get_project(request.token, slug, Role.MANAGER)
    return _page(project.webhooks.order_by("pk"), page, _told)


@router.post("/projects/{slug:slug}/webhooks", response={201: WebhookMade}, summary="Make a webhook")
def webhook_new(request: ApiRequest, slug: str, body: WebhookNew) -> Status[dict[str, Any]]:
    """Its secret is told this once."""
    project = get_project(request.token, slug, Role.MANAGER)
    if project.webhooks.count() >= MOST_WEBHOOKS:
        raise Problem(409, f"A project has {MOST_WEBHOOKS} webhooks at most.")
    given = {"address": _checked(body.address), "events": list(dict.fromkeys(body.events))}
    row = Webhook.objects.create(project=project, created_by=request.token.user, **given)
    return Status(201, {**_told(row), "secret": row.secret})


@router.get("/projects/{slug:slug}/webhooks/{key:pk}", response=WebhookTold, summary="Look at a webhook")
def webhook_show(request: ApiRequest, slug: str, pk: int) -> dict[str, Any]:
    return _told(_get(request, slug, pk))


@router.patch("/projects/{slug:slug}/webhooks/{key:pk}", response=WebhookTold, summary="Change a webhook")
def webhook_change(request: ApiRequest, slug: str, pk: int, body: WebhookChange) -> dict[str, Any]:
    row = _get(request, slug, pk)
    given = body.model_dump(exclude_unset=True)
    if "address" in given:
        row.address = _checked(given["address"])
    if "events" in given:
        row.events = list(dict.fromkeys(given["events"]))
    row.save(update_fields=given.keys() & {"address", "events"})  # the rest may have been changed meanwhile
    if "on" in given:
        row.switch(given["on"])
        webhooks.ring_after(row.pk)
    return _told(row)


@router.delete("/projects/{slug:slug}/webhooks/{key:pk}", response={204: None}, summary="Delete a webhook")
def webhook_delete(request: ApiRequest, slug: str, pk: int) -> HttpResponse:
    """With its log; what waits is not sent."""
    _get(request, slug, pk).delete()
    return HttpResponse(status=204)


@router.post("/projects/{slug:slug}/webhooks/{key:pk}/secret", response=WebhookMade, summary="Draw another secret")
def webhook_secret(request: ApiRequest, slug: str, pk: int) -> dict[str, Any]:
    """Every message from now on is signed with it."""
    row = _get(request, slug, pk)
    row.renew_secret()
    return {**_told(row), "secret": row.secret}


@router.post("/projects/{slug:slug}/webhooks/{key:pk}/test", response={202: DeliveryTold}, summary="Send a test")
def webhook_test(request: ApiRequest, slug: str, pk: int) -> Status[dict[str, Any]]:
    row = _get_on(request, slug, pk)
    with transaction.atomic():
        sent = webhooks.test(row)
        sent.send_again()
    return Status(202, _told_delivery(sent))


@router.get(
    "/projects/{slug:slug}/webhooks/{key:pk}/deliveries",
    response=DeliveryPage,
    summary="List what was sent to a webhook",
)
def deliveries_list(request: ApiRequest, slug: str, pk: int, page: Query[paging.Where]) -> dict[str, Any]:
    """The oldest first; they are kept for 30 days."""
    return _page(_get(request, slug, pk).deliveries.order_by("pk"), page, _told_delivery)


@router.post(
    "/projects/{slug:slug}/webhooks/{key:pk}/deliveries/{key:delivery}/again",
    response={202: DeliveryTold},
    summary="Send something again",
)
def delivery_again(request: ApiRequest, slug: str, pk: int, delivery: int) -> Status[dict[str, Any]]:
    row = _get_on(request, slug, pk)
    sent = get_object_or_404(row.deliveries, pk=delivery)
    if not sent.send_again():
        raise Problem(409, "It is being sent just now.")
    webhooks.ring_after(row.pk)
    sent.refresh_from_db()
    return Status(202, _told_delivery(sent))


def _get(request: ApiRequest, slug: str, pk: int) -> Webhook:
    project = get_project(request.token, slug, Role.MANAGER)
    return get_object_or_404(project.webhooks.select_related("project"), pk=pk)


def _get_on(request: ApiRequest, slug: str, pk: int) -> Webhook:
    row = _get(request, slug, pk)
    if not row.is_on:
        raise Problem(409, "This webhook is off. Switch it on first.")
    return row


def _checked(address: str) -> str:
    try:
        return checked_address(address)
    except ValidationError as error:
        told = " ".join(error.messages)
        raise Problem(422, told, [Error(place="body.address", detail=told)]) from error


def _page(rows: Any, page: paging.Where, told: Any) -> dict[str, Any]:
    found = list(rows.filter(pk__gt=paging.after(page))[: page.limit + 1])
    shown = found[: page.limit]
    following = paging.cursor(shown[-1].pk) if len(found) > page.limit else None
    return {"items": [told(row) for row in shown], "next": following}


def _told(row: Webhook) -> dict[str, Any]:
    plain = ("address", "events", "off_because", "failing_since", "created_at")
    return {"id": row.pk, "on": row.is_on, **{name: getattr(row, name) for name in plain}}


def _told_delivery(row: Delivery) -> dict[str, Any]:
    plain = (
        "event",
        "status",
        "created_at",
        "tried_at",
        "next_try_at",
        "tries",
        "code",
        "took_ms",
        "response",
        "error",
    )
    return {"id": row.pk, "message": row.key, **{name: getattr(row, name) for name in plain}}
