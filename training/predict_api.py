"""Texts that a program sends to be tagged by a project's current model. Loaded at the first request, as `api.py`."""

from typing import Annotated, Any

from ninja import Router
from pydantic import BaseModel, ConfigDict, Field, model_validator

from annotate import tokens
from annotate.api import schemas
from annotate.api.callers import ApiRequest, get_project
from annotate.api.problems import Error, Problem
from annotate.api.schemas import Body
from annotate.queue import QueueDown
from training import asking
from training.asking import MOST_CHARACTERS, MOST_TEXTS, Text
from training.line import NoAnswer

router = Router(tags=["Models"])


class PredictNew(Body):
    """Texts, or tokens where you have them; any of them may be empty."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"texts": ["Ada met Bob in Paris."], "tags": True}]}
    )
    texts: Annotated[list[schemas.Text], Field(min_length=1, max_length=MOST_TEXTS)] | None = None
    tokens: Annotated[list[list[schemas.Text]], Field(min_length=1, max_length=MOST_TEXTS)] | None = None
    tags: bool = Field(default=False, description="Whether to tell each text's tokens, and their tags")

    @model_validator(mode="after")
    def _has_one_form(self) -> "PredictNew":
        if (self.texts is None) == (self.tokens is None):
            raise ValueError("needs either texts or tokens")
        return self


class Entity(schemas.Span):
    probability: float = Field(description="Calibrated, where there was enough to calibrate the model by")


class PredictedText(BaseModel):
    spans: list[Entity]
    text: str | None = Field(description="The tokens put together, in which start and end count; null for a text")
    tokens: list[tuple[int, int]] | None = Field(description="Where each begins and ends, in code points; with `tags`")
    tags: list[str] | None = Field(description="IOB2, one for each token, where they were asked for")


class Predicted(BaseModel):
    version: int = Field(description="The number of the model that answers")
    texts: list[PredictedText] = Field(description="In the order of the request")


@router.post(
    "/projects/{slug:slug}/predict",
    response=Predicted,
    summary="Tag texts with the current model",
    url_name="predict",
    openapi_extra={
        "responses": {
            503: {"description": "Nobody can read them now: no worker, no queue, or the model is gone"},
            504: {"description": "There was no answer in time"},
        }
    },
)
def predict(request: ApiRequest, slug: str, body: PredictNew) -> dict[str, Any]:
    """Nothing is stored, neither texts nor answer. Up to 1,000 texts of any length, 100,000 words in all. 429 where
    too much waits already; Retry-After says when to come again.
    """
    project = get_project(request.token, slug)
    try:
        version = asking.version_of(project)
        with asking.a_place():  # first: to cut long texts into words takes seconds
            texts = _texts(body)
            found = list(asking.mentions(version, texts, asking.by_worker))
    except NoAnswer as reason:
        after = {} if reason.retry_after is None else {"Retry-After": str(reason.retry_after)}
        raise Problem(reason.status, str(reason), headers=after) from reason
    except QueueDown as down:
        raise Problem(503, str(down)) from down
    told = zip(texts, found, strict=True)
    return {"version": version.number, "texts": [_told(text, some, body) for text, some in told]}


def _texts(body: PredictNew) -> list[Text]:
    characters = sum(map(len, body.texts or ())) + sum(len(word) for words in body.tokens or () for word in words)
    if characters > MOST_CHARACTERS:
        raise Problem(413, f"A request may have {MOST_CHARACTERS:,} characters. Send fewer texts at once.")
    if body.tokens is None:
        texts = [Text.of(text) for text in body.texts or ()]
    else:
        _refuse_faults(body.tokens)
        texts = [Text.of_words(words) for words in body.tokens]
    try:
        asking.check(texts)
    except asking.TooMuch as much:
        raise Problem(413, str(much)) from much
    return texts


def _refuse_faults(given: list[list[str]]) -> None:
    errors = [
        Error(place=f"body.tokens.{place}.{index}", detail=f"The token {fault}.")
        for place, words in enumerate(given)
        for index, fault in tokens.word_faults(words)
    ]
    if errors:
        raise Problem(422, "Some of the tokens cannot be: see the places.", errors[:100])


def _told(text: Text, found: list[asking.Mention], body: PredictNew) -> dict[str, Any]:
    return {
        "spans": [one._asdict() for one in found],
        "text": text.text if body.tokens is not None else None,
        "tokens": text.offsets if body.tags else None,
        "tags": asking.tags(text, found) if body.tags else None,
    }
