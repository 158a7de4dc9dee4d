"""Answers that several views give: to a poll, why nothing moves, a file as it is written, and a picture."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django_htmx.http import reswap, retarget
from django_htmx.middleware import HtmxDetails

from annotate import queue
from annotate.exchange.formats import WRITERS

A_DAY = 60 * 60 * 24

# Inside a picture nothing runs and nothing is fetched; it has a style sheet of its own.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


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


def picture(drawn: bytes, is_final: bool = True) -> HttpResponse:
    """A plot. A final one is of figures that stay as they are under its address."""
    response = HttpResponse(drawn, content_type="image/svg+xml", headers={"Content-Security-Policy": POLICY})
    patch_cache_control(response, private=True, **{"max_age": A_DAY} if is_final else {"no_store": True})
    return response
