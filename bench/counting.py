"""Middleware that counts the queries of each request; only the settings of the counting pass name it."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

HEADER = "X-Queries"
# What only frames the others: it costs next to nothing, and its number says nothing of the page.
FRAMES = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA")


def count_queries(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def counted(request: HttpRequest) -> HttpResponse:
        seen: list[str] = []

        def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
            if not sql.lstrip().upper().startswith(FRAMES):
                seen.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            response = answer(request)
        response[HEADER] = str(len(seen))
        return response

    return counted
