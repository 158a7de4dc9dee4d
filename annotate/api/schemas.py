"""What requests and answers look like. The page of the API, and clients made from it, are written from these."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from annotate.keys import LIMIT

MOST_DOCUMENTS = 1_000  # of one request
MOST_SPANS = 10_000  # of one article
MOST_TOKENS = 200_000
LEFT_OUT: Any = None  # the default of what may be left out and may not be null


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds a NUL character or half a character")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[Text, Field(min_length=1, max_length=50)]
Number = Annotated[int, Field(ge=0, lt=LIMIT)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Body(BaseModel):
    """What is sent: a name that is not known is a slip, and is told."""

    model_config = ConfigDict(extra="forbid")


class Label(BaseModel):
    name: str
    color: int = Field(description="Place in the palette, 1 to 12")
    key: str = Field(description="The key that chooses it on the article's page")
    guideline: str


class Model(BaseModel):
    """Whose suggestions people see."""

    kind: Literal["model", "instant", "dictionary", "import"]
    number: int


class Project(BaseModel):
    slug: str
    name: str
    guideline: str
    labels: list[Label]
    threshold: float = Field(description="Finishing takes suggestions at or above it")
    validation_share: int = Field(description="Per cent of new articles that are held out for validation")
    test_share: int
    dictionary: bool = Field(description="Whether known mentions are suggested before there is a model")
    instant: bool = Field(description="Whether a small model learns from each finished article")
    current: Model | None = None
    role: Literal["viewer", "annotator", "manager"] = Field(description="Of the token's person")
    articles: dict[str, int] = Field(description="How many are raw, in progress and finished")


class ProjectPage(BaseModel):
    items: list[Project]
    next: str | None = Field(description="The cursor of the next page; null at the end")


Guideline = Annotated[Text, Field(max_length=100_000, description="What to tag and what not, in Markdown")]
Percent = Annotated[int, Field(ge=0, le=90)]


class ProjectNew(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "City desk", "labels": ["PER", "ORG", "LOC"]}]}
    )
    name: Annotated[Text, Field(min_length=1, max_length=120)]
    labels: Annotated[list[Name], Field(min_length=1, max_length=100)]
    guideline: Guideline = ""
    threshold: Share = 0.8
    validation_share: Percent = 20
    test_share: Percent = 0
    dictionary: bool = True
    instant: bool = True


class ProjectChange(Body):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"threshold": 0.9}]})
    name: Annotated[Text, Field(min_length=1, max_length=120)] = Field(default=LEFT_OUT)
    guideline: Guideline = Field(default=LEFT_OUT)
    threshold: Share = Field(default=LEFT_OUT)
    validation_share: Percent = Field(default=LEFT_OUT)
    test_share: Percent = Field(default=LEFT_OUT)
    dictionary: bool = Field(default=LEFT_OUT)
    instant: bool = Field(default=LEFT_OUT)


class NewSpan(Body):
    start: Number = Field(description="Code points of the text, from 0")
    end: Number = Field(description="The first code point behind the entity")
    label: Name
    score: Share | None = Field(default=None, description="How sure its source is, for suggestions")


class DocumentNew(Body):
    """Text, with spans in code points; or tokens, with IOB2 tags. With neither of these it is still to be tagged."""

    text: str | None = None
    tokens: list[str] | None = Field(default=None, max_length=MOST_TOKENS)
    spans: list[NewSpan] | None = Field(default=None, max_length=MOST_SPANS)
    tags: list[str] | None = Field(default=None, max_length=MOST_TOKENS, description="IOB2, one for each token")
    finished: bool = Field(default=True, description="Whether the spans or tags are all there is to tag")
    external_id: str = Field(default="", description="An id of yours: who sends it again makes no second article")
    title: str = ""
    source: str = Field(default="", description="Publication or address")
    date: str = ""
    language: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    split: Literal["train", "validation", "test"] | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> "DocumentNew":
        if (self.text is None) == (self.tokens is None):
            raise ValueError("needs either text or tokens")
        if self.spans is not None and self.text is None:
            raise ValueError("has spans, which go with text; tags go with tokens")
        if self.tags is not None and self.tokens is None:
            raise ValueError("has tags, which go with tokens; spans go with text")
        return self


class DocumentsNew(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "documents": [
                        {
                            "text": "Ada met Bob in Paris.",
                            "title": "A meeting",
                            "external_id": "news-1",
                            "spans": [{"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 11, "label": "PER"}],
                            "finished": False,
                        }
                    ]
                }
            ]
        },
    )
    documents: Annotated[list[DocumentNew], Field(min_length=1, max_length=MOST_DOCUMENTS)]
    spans_are: Literal["annotations", "suggestions"] = Field(
        default="annotations", description="What people tagged, or what they are to judge"
    )
    on_error: Literal["refuse", "repair"] = Field(
        default="refuse", description="repair mends what needs no guess: a span inside a token splits it, for one"
    )


class Error(BaseModel):
    place: str = Field(description="Where in the request")
    detail: str


class Outcome(BaseModel):
    outcome: Literal["created", "exists", "duplicate", "deleted", "refused"] = Field(
        description="exists: by its external id; duplicate: the same text is there; deleted: was there, and was deleted"
    )
    id: int | None = None
    external_id: str = ""
    errors: list[Error] = Field(default_factory=list)


class DocumentsAdded(BaseModel):
    outcomes: list[Outcome] = Field(description="In the order of the request")
    counts: dict[str, int]


class Listed(BaseModel):
    id: int
    title: str
    external_id: str
    source: str
    date: str
    state: Literal["raw", "in_progress", "finished"]
    split: Literal["train", "validation", "test", "aside"]
    flagged: bool
    tokens: int = Field(description="How many")
    labels: dict[str, int] = Field(description="How many entities of each")
    changed: datetime | None = Field(description="When its tags or its state were last changed")


class DocumentPage(BaseModel):
    items: list[Listed]
    next: str | None = Field(description="The cursor of the next page; null at the end")


class Filters(BaseModel):
    """The filters and orders of the list of articles."""

    q: str | None = Field(default=None, max_length=200, description="Words in title or text")
    state: Literal["raw", "suggested", "in_progress", "finished", "empty"] | None = None
    split: Literal["train", "validation", "test", "aside"] | None = None
    label: str | None = Field(default=None, description="That has such an entity")
    source: str | None = Field(default=None, max_length=500)
    since: date | None = None
    until: date | None = None
    flagged: bool | None = None
    unsure: int | None = Field(default=None, ge=0, le=100, description="How unsure the model is, from per cent")
    sort: (
        Literal["arrival", "-arrival", "title", "-title", "date", "-date", "length", "-length", "changed", "unsure"]
        | None
    ) = None


class Along(BaseModel):
    """Which articles an export has, whose, and what goes along with their tags."""

    which: Literal["finished", "begun"] | None = None
    annotator: str = Field(default="", max_length=150, description="A user name: whose articles; empty for everybody's")
    suggestions: bool = Field(default=False, description="Also what is suggested, where nobody has finished")
    provenance: bool = Field(default=False, description="Also who tagged what, when and how")


class Span(BaseModel):
    start: int = Field(description="In code points of the text")
    end: int = Field(description="The first code point behind it")
    label: str
    text: str
    token_start: int
    token_end: int


class Suggestion(Span):
    probability: float | None = Field(description="Null where its source has not said how sure it is")


class Annotation(BaseModel):
    revision: int = Field(description="What to send as `base`")
    state: Literal["raw", "in_progress", "finished"]
    tags: list[str] = Field(description="IOB2, one for each token")
    spans: list[Span]
    finished_at: datetime | None = None
    finished_by: str | None = None


class SuggestedBy(Model):
    id: int = Field(description="What to send as `source`")
    reading: int = Field(description="What to send as `reading`: how often it has said something else since")


class Document(BaseModel):
    id: int
    project: str
    external_id: str
    title: str
    text: str
    language: str
    source: str
    date: str
    metadata: dict[str, Any]
    split: Literal["train", "validation", "test", "aside"]
    flagged: bool
    tokens: list[tuple[int, int]] = Field(description="Where each begins and ends, in code points")
    tokens_revision: int = Field(description="Rises where a token is split or joined")
    sentence_starts: list[int]
    left_out: list[tuple[int, int]] = Field(description="Passages, in tokens, that are neither tagged nor learnt")
    annotation: Annotation
    suggested_by: SuggestedBy | None = Field(description="Null where nobody suggests; held-out articles show nothing")
    suggestions: list[Suggestion] = Field(description="That nobody has judged")


class PutSpan(Body):
    start: Number
    end: Number
    label: Name


Unit = Literal["characters", "tokens"]


class Edit(Body):
    """What every edit says of itself, as those of the pages do."""

    client_id: UUID = Field(description="Drawn by you for each edit. Sent again it changes nothing")
    base: Number = Field(description="The revision of the annotation that you saw")
    tokens_revision: Number | None = Field(
        default=None, description="The one you saw; needed where you speak of tokens"
    )
    source: Number | None = Field(default=None, description="`suggested_by.id`, where you saw suggestions")
    reading: Number = Field(default=0, description="`suggested_by.reading`")
    unit: Unit = Field(default="characters", description="What `start` and `end` count: code points or tokens")


class AnnotationPut(Edit):
    """All the article's entities, by `spans` or by `tags`; with neither, its state alone.

    `finished` true with spans or tags says that there are no others: what is suggested beside them is rejected. Alone
    it does what the page's key does: suggestions at or above the threshold are taken, and those below must be judged.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "client_id": "0b8e4b5e-6f5c-4a53-9a4e-0f9a5b7c2d10",
                    "base": 0,
                    "spans": [{"start": 0, "end": 3, "label": "PER"}],
                    "finished": True,
                }
            ]
        },
    )
    spans: list[PutSpan] | None = Field(default=None, max_length=MOST_SPANS)
    tags: list[Annotated[Text, Field(max_length=60)]] | None = Field(default=None, max_length=MOST_TOKENS)
    finished: bool | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> "AnnotationPut":
        if self.spans is not None and self.tags is not None:
            raise ValueError("give spans or tags, not both")
        if self.spans is None and self.tags is None and self.finished is None:
            raise ValueError("says nothing: give spans, tags or finished")
        by_tokens = self.tags is not None or (self.unit == "tokens" and bool(self.spans))
        if by_tokens and self.tokens_revision is None:
            raise ValueError("speaks of tokens: say which `tokens_revision` they are of")
        return self


class OneVerdict(Body):
    verdict: Literal["accepted", "rejected", "corrected"]
    start: Number
    end: Number
    label: Name
    correction: PutSpan | None = Field(default=None, description="What stands there instead, of a corrected one")

    @model_validator(mode="after")
    def _has_its_correction(self) -> "OneVerdict":
        if (self.verdict == "corrected") != (self.correction is not None):
            raise ValueError("a corrected suggestion has a correction, and no other has one")
        return self


class Verdicts(Edit):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "client_id": "5c9a1d0e-3f3b-4d57-8b3a-1c2d3e4f5a6b",
                    "base": 0,
                    "source": 7,
                    "reading": 0,
                    "verdicts": [
                        {"verdict": "accepted", "start": 0, "end": 3, "label": "PER"},
                        {"verdict": "rejected", "start": 15, "end": 20, "label": "ORG"},
                    ],
                }
            ]
        },
    )
    verdicts: Annotated[list[OneVerdict], Field(min_length=1, max_length=1_000)]

    @model_validator(mode="after")
    def _says_which_tokens(self) -> "Verdicts":
        if self.unit == "tokens" and self.tokens_revision is None:
            raise ValueError("speaks of tokens: say which `tokens_revision` they are of")
        return self


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str = Field(description="A sentence for people")
    errors: list[Error]
