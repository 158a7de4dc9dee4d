"""Where one token of an article can be split."""

from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate.access import get_document
from annotate.models import Role, State
from annotate.tokens import places_to_split

MOST, SHOWN = 200, 20  # places of one token; code points of a half


class Place(NamedTuple):
    """`at` code points into the token; the halves as they are shown."""

    at: int
    left: str
    right: str


@require_GET
@login_required
def document_token(request: HttpRequest, pk: int, index: int) -> HttpResponse:
    document = get_document(request.user, pk, Role.ANNOTATOR)
    if index >= document.token_count:
        raise Http404
    start, end = document.tokens[index]
    word = document.text[start:end]
    places = [Place(at, _end_of(word[:at]), _beginning_of(word[at:])) for at in places_to_split(word)]
    context: dict[str, Any] = {
        "document": document,
        "index": index,
        "word": _beginning_of(word),
        "places": places[:MOST],
        "more": len(places) > MOST,
        "finished": document.state == State.FINISHED,
    }
    return render(request, "annotate/token_split.html", context)


def _end_of(half: str) -> str:
    return half if len(half) <= SHOWN else f"…{half[-SHOWN:]}"


def _beginning_of(half: str) -> str:
    return half if len(half) <= SHOWN else f"{half[:SHOWN]}…"
