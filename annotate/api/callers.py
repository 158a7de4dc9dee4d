"""Who a request comes from, what they may do, and how often they may ask."""

import time

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from annotate import access, queue
from annotate.api.problems import Problem
from annotate.models import AccessToken, Document, Project, Role, Scope

MOST_A_MINUTE = 600  # requests of one token
WINDOW = 60  # seconds


class ApiRequest(HttpRequest):
    """A request that the gate has let in."""

    token: AccessToken


def token_of(request: HttpRequest) -> AccessToken:
    """The token that the request carries. A session's cookie is no way in: so no page of others can use one."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    token = AccessToken.objects.find(given.strip()) if kind.lower() == "bearer" else None
    if token is None:
        why = "This token is not known, has expired or was revoked." if given else "This needs an access token."
        told = f"{why} Send one as “Authorization: Bearer tagdesk_…”; people make them on the page Access tokens."
        raise Problem(401, told, headers={"WWW-Authenticate": "Bearer"})
    token.note_use()
    return token


def count(token: AccessToken) -> None:
    """Refuse a token that asks too often. Where the queue's server is away nobody counts: articles are tagged without
    it, and so does the API go on.
    """
    now = int(time.time())
    try:
        asked = queue.counted(f"api:{token.pk}:{now // WINDOW}", WINDOW)
    except queue.QueueDown:
        return
    if asked > MOST_A_MINUTE:
        told = f"This token has asked {MOST_A_MINUTE:,} times within a minute. Wait, then go on."
        raise Problem(429, told, headers={"Retry-After": str(WINDOW - now % WINDOW)})


def get_project(token: AccessToken, slug: str, role: Role = Role.VIEWER) -> Project:
    """The project, where token and person may do this with it. A foreign one does not exist."""
    project = access.get_project(token.user, slug)
    allow(token, project, role)
    return project


def get_document(token: AccessToken, pk: int, role: Role = Role.VIEWER) -> Document:
    document = access.get_document(token.user, pk)
    allow(token, document.project, role)
    return document


def allow(token: AccessToken, project: Project, role: Role) -> None:
    """Raise Http404 where the token is for another project, PermissionDenied where token or person may not."""
    if token.project_id not in (None, project.pk):
        raise Http404
    need(token, role)
    held = project.role_of(token.user)
    if held is None or Role(held).rank < role.rank:
        raise PermissionDenied(f"This needs the role {role.label.lower()} in “{project}”.")


def need(token: AccessToken, role: Role) -> None:
    """Raise PermissionDenied where the token's scope is too narrow."""
    if not token.allows(role):
        wanted = next(scope for scope in Scope if scope.role == role)
        raise PermissionDenied(f"This needs a token of scope “{wanted}”; this one's is “{token.scope}”.")
