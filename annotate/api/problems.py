"""What went wrong, as `application/problem+json` (RFC 9457): a sentence for people, and the places in what was sent."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypedDict

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, JsonResponse

CONTENT_TYPE = "application/problem+json"
NOT_FOUND = "There is nothing here, or it belongs to a project that is not yours."


class Error(TypedDict):
    place: str
    detail: str


class Problem(Exception):
    """An answer that is none. `members` are told beside the sentence, such as the `current` state after a conflict."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Error] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.members = members

    def answer(self) -> JsonResponse:
        told = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "errors": self.errors,
            **self.members,
        }
        return JsonResponse(told, status=self.status, content_type=CONTENT_TYPE, headers=self.headers)


def problem_of(error: Exception) -> Problem | None:
    """What an error of ours or of Django's says to people; None for one that nobody expected."""
    match error:
        case Problem():
            return error
        case Http404():
            return Problem(404, NOT_FOUND)
        case PermissionDenied():
            return Problem(403, str(error) or "You may not do this.")
        case ValidationError():
            return Problem(422, " ".join(error.messages), places_of(error))
    return None


def places_of(error: ValidationError) -> list[Error]:
    if not hasattr(error, "error_dict"):
        return []
    named = error.message_dict.items()
    return [Error(place=f"body.{name}", detail=told) for name, messages in named for told in messages]
