"""Answers that several views give: to a poll, why nothing moves, and a file as it is written."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django_htmx.http import reswap, retarget
from django_htmx.middleware import HtmxDetails

from annotate import queue
from annotate.exchange.formats import WRITERS


class HtmxHttpRequest(HttpRequest):
    htmx: HtmxDetails


def answer_poll(request: HtmxHttpRequest, template: str, place: str, context: dict[str, Any]) -> HttpResponse:
    """The page; to a poll what moves alone, for as long as the row works: its buttons are on the page already. The last
    poll is answered with all that stands in `place`.
    """
    if context["row"].is_working and request.GET.get("shown") == "working":
        return render(request, f"{template}#live", context)
    if not request.htmx:
        return render(request, template, context)
    return reswap(retarget(render(request, f"{template}#progress", context), place), "innerHTML")


def nobody_works() -> str:
    """Why nothing moves, where nobody listens to the io queue; empty where somebody does."""
    try:
        seen = queue.workers_seen("io")
    except queue.QueueDown as down:
        return str(down)
    if seen.starting:
        return "The worker for this is just being started."
    return "" if seen.listening else "No worker for this has been seen. Start one with: python manage.py worker io"


def attached(pieces: Iterator[bytes], kind: str, name: str) -> StreamingHttpResponse:
    """A file of this format, under this name without its ending, to be kept and never shown."""
    writer = WRITERS[kind]
    response = StreamingHttpResponse(pieces, content_type=writer.content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{writer.ending}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
