"""The API put together: its routers, its errors, its schema. Imported at the first request to it, and not before."""

import json
import logging
import math
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

import annotate.keys  # noqa: F401 - `key` in the addresses
from annotate.api import documents, gazetteers, projects, webhooks
from annotate.api.problems import CONTENT_TYPE, Error, Problem, problem_of
from annotate.api.schemas import Problem as ProblemShape
from config.gate import KEEPS_NOTHING
from training import api as models
from training import predict_api, schedule_api

PREFIX = "/api/v1"
SCHEMA = "#/components/schemas/"
BROKEN = (
    "Something broke in Tagdesk. What was saved before is safe; what went wrong stands in the terminal where it runs."
)
# What any of the addresses may answer instead, and why.
PROBLEMS = {
    400: "The request cannot be read",
    401: "No valid token",
    403: "Token or person may not do this",
    404: "Not there, or a foreign project's",
    409: "It is not any more as you saw it, or it is being worked on",
    413: "The request is too large",
    422: "Something in the request cannot be",
    429: "Too many requests; Retry-After says when to go on",
    500: "A fault of the program",
}

log = logging.getLogger(__name__)


class Json(Parser):
    """JSON as the standard has it: Python's own reader also takes numbers that no database can store."""

    def parse_body(self, request: HttpRequest) -> Any:
        return json.loads(request.body, parse_constant=_refused, parse_float=_finite)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number


api = NinjaAPI(
    title="Tagdesk",
    version="1",
    description="Articles, their tags and the models that learn from them.",
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
    parser=Json(),
)
api.add_router("", projects.router)
api.add_router("", gazetteers.router)
api.add_router("", documents.router)
api.add_router("", models.router)
api.add_router("", schedule_api.router)
api.add_router("", webhooks.router)
api.add_router("", predict_api.router)


def answer(request: HttpRequest, error: Exception) -> HttpResponse:
    """Whatever went wrong, as a problem that people can read."""
    problem = problem_of(error)
    if isinstance(error, HttpError):
        told = "The body is not JSON that can be read." if error.status_code == 400 else str(error)
        problem = Problem(error.status_code, told)
    elif isinstance(error, ValidationError):
        errors = [Error(place=_place(one["loc"]), detail=_sentence(one["msg"])) for one in error.errors]
        problem = Problem(422, "Something in the request cannot be: see the places.", errors)
    if problem is None:
        log.error("The API broke at %s %s", request.method, request.path, exc_info=error)
        problem = Problem(500, BROKEN)
    return problem.answer()


for kind in (Exception, Http404, HttpError, ValidationError):
    api.add_exception_handler(kind, answer)  # type: ignore[arg-type]  # it is never handed a class


def _place(parts: tuple[Any, ...]) -> str:
    """Where in the request: `body.documents.3.text`."""
    source, *names = map(str, parts)
    return ".".join([source, *names[source == "body" and names[:1] == ["body"] :]])


def _sentence(message: str) -> str:
    told = message.removeprefix("Value error, ")
    return f"{told[:1].upper()}{told[1:]}."


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI description, with what every address shares: the token, the key of writes, and the problems."""
    told: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix=f"{PREFIX}/"), default=str))
    components = told.setdefault("components", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    shape = ProblemShape.model_json_schema(ref_template=SCHEMA + "{model}")
    components["schemas"] |= {**shape.pop("$defs", {}), "Problem": shape}
    told["security"] = [{"token": []}]
    for path, address in told["paths"].items():
        for method, operation in address.items():
            _complete(operation, is_write=method != "get" and path.rpartition("/")[2] not in KEEPS_NOTHING)
    return told


def _complete(operation: dict[str, Any], is_write: bool) -> None:
    content = {CONTENT_TYPE: {"schema": {"$ref": SCHEMA + "Problem"}}}
    for status, why in PROBLEMS.items():
        operation["responses"][str(status)] = {"description": why, "content": content}
    if is_write:
        key = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"}
        about = "Sent again within a day, the same request under the same key is given the same answer."
        header = {"in": "header", "name": "Idempotency-Key", "required": False, "schema": key, "description": about}
        operation.setdefault("parameters", []).append(header)
