"""The way into the API: whose token it is, how often they ask, whether they were answered before; then the endpoint.

The API itself is loaded at the first request to it, so that pages do not pay for what they do not use.
"""

from collections.abc import Callable
from functools import cache, partial

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, URLResolver
from django.urls.resolvers import RoutePattern
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from annotate.api import callers, repeats
from annotate.api.callers import ApiRequest
from annotate.api.problems import CONTENT_TYPE, Problem

# Addresses that write nothing, by their names: no answer of theirs is kept to be given again, and their own line says
# when it is too much.
KEEPS_NOTHING = {"predict"}


@csrf_exempt  # a session is no way in, so no other site can use one
@never_cache
def api(request: ApiRequest, rest: str) -> HttpResponseBase:
    from config.api import answer

    try:
        return _understood(_answered(request, _found(rest)))
    except Exception as error:
        return answer(request, error)


def _found(rest: str) -> ResolverMatch:
    try:
        return _resolver().resolve(rest)
    except Resolver404 as missing:
        raise Http404 from missing


@cache
def _resolver() -> URLResolver:
    from config.api import api

    return URLResolver(RoutePattern(""), api.urls[0])


def _answered(request: ApiRequest, match: ResolverMatch) -> HttpResponseBase:
    token = callers.token_of(request)
    request.token = token
    work: Callable[[], HttpResponseBase] = partial(match.func, request, *match.args, **match.kwargs)
    if match.url_name in KEEPS_NOTHING:
        _refuse_too_large(request)
        return work()
    callers.count(token)
    _refuse_too_large(request)
    return repeats.once(request, token, work)


def _refuse_too_large(request: HttpRequest) -> None:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if most is not None and int(request.headers.get("Content-Length") or 0) > most:
        raise Problem(413, f"A request may have {most / 2**20:.0f} MB. Send fewer articles at once.")


def _understood(response: HttpResponseBase) -> HttpResponseBase:
    """The same, and a refused method as a problem as well."""
    if response.status_code == 405 and not response.headers.get("Content-Type", "").startswith(CONTENT_TYPE):
        allowed = response.headers.get("Allow", "")
        told = f"This address takes {allowed}." if allowed else "This address does not take that method."
        return Problem(405, told, headers={"Allow": allowed} if allowed else {}).answer()
    return response
