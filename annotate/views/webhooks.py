"""A project's webhooks: add, change, test, switch off; what was sent to them and what they answered."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotate import webhooks as sending
from annotate.access import get_project, get_webhook
from annotate.answers import HtmxHttpRequest, nobody_works
from annotate.models import Delivery, Project, Role, Webhook
from annotate.models.webhook import MOST_WEBHOOKS
from annotate.webhook_forms import WebhookForm

PAGE = 25  # deliveries


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    """The list; the secret of a new one is shown in the answer to the form, and never again."""
    project = get_project(request.user, slug, Role.MANAGER)
    form = WebhookForm(request.POST if request.method == "POST" else None)
    issued = None
    if request.method == "POST" and form.is_valid():
        if project.webhooks.count() >= MOST_WEBHOOKS:
            form.add_error(None, f"A project has {MOST_WEBHOOKS} webhooks at most.")
        else:
            issued = _made(project, request.user, form)
            form = WebhookForm()
    context = {"project": project, "form": form, "issued": issued, "webhooks": project.webhooks.all()}
    return render(request, "annotate/webhooks.html", context)


def _made(project: Project, by: Any, form: WebhookForm) -> Webhook:
    webhook: Webhook = form.save(commit=False)
    webhook.project, webhook.created_by = project, by
    webhook.save()
    return webhook


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def webhook(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    """One webhook and its log; while something is on its way, the log asks for itself."""
    row = get_webhook(request.user, pk)
    form = WebhookForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        form.save(commit=False).save(update_fields=form.fields)  # the rest is the sender's, which may be at work
        messages.success(request, "Saved.")
        return redirect("webhook", pk)
    if form.errors:
        row.refresh_from_db()  # the form has written into it what cannot be
    return _render(request, row, form)


@require_POST
@never_cache
@login_required
def webhook_secret(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Draw another secret, and show it this once."""
    row = get_webhook(request.user, pk)
    row.renew_secret()
    return _render(request, row, WebhookForm(instance=row), issued=row)


@require_POST
@login_required
def webhook_switch(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_webhook(request.user, pk)
    row.switch("on" in request.POST)
    if row.is_on:
        sending.ring_after(row.pk)
    return redirect("webhook", pk)


@require_POST
@login_required
def webhook_test(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_webhook(request.user, pk)
    with transaction.atomic():
        sending.test(row).send_again()
    return redirect("webhook", pk)


@require_POST
@login_required
def webhook_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_webhook(request.user, pk)
    row.delete()
    messages.success(request, f"The webhook to {row.address} is deleted, and its log with it.")
    return redirect("webhooks", row.project.slug)


@require_POST
@login_required
def delivery_again(request: HttpRequest, pk: int, delivery: int) -> HttpResponseBase:
    row = get_webhook(request.user, pk)
    sent = get_object_or_404(row.deliveries, pk=delivery)
    if sent.send_again():
        sending.ring_after(row.pk)
    else:
        messages.info(request, "It is being sent just now.")
    return redirect("webhook", pk)


def _render(request: HtmxHttpRequest, row: Webhook, form: WebhookForm, issued: Webhook | None = None) -> HttpResponse:
    page = Paginator(Delivery.objects.filter(webhook=row), PAGE).get_page(request.GET.get("page"))
    is_moving = row.is_on and any(delivery.is_moving for delivery in page)
    context = {
        "project": row.project,
        "webhook": row,
        "form": form,
        "issued": issued,
        "page": page,
        "is_moving": is_moving,
        "nobody": nobody_works() if is_moving else "",
    }
    return render(request, f"annotate/webhook.html{'#log' if request.htmx else ''}", context)
