"""Requests to the API, as a program sends them."""

import json
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client

from annotate.models import AccessToken, Project


class Program:
    """A program with a token of this person's."""

    def __init__(self, user: User, scope: str = "manage", project: Project | None = None, **fields: Any) -> None:
        self.row, self.token = AccessToken.objects.issue(user, name="A program", scope=scope, project=project, **fields)
        self.client = Client(raise_request_exception=False)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer; `.json()` is what it says. Names of headers are given with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        return self.client.generic(
            method,
            f"/api/v1{path}",
            data,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}", **sent},
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.ask("PATCH", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.ask("PUT", path, body, **headers)

    def tag(self, document: Any, **body: Any) -> Any:
        """Put an annotation on the article as it is now, under an id of its own."""
        gold = document.gold()
        seen = {"client_id": str(uuid4()), "base": gold.revision if gold else 0}
        return self.put(f"/documents/{document.pk}/annotation", {**seen, **body})


def is_problem(response: Any, status: int) -> dict[str, Any]:
    """What the problem tells, having looked that it is one."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert {"type", "title", "status", "detail", "errors"} <= set(told)
    assert told["detail"].endswith(".")
    return told
