"""A project's gazetteer: look at it, put another in its place, remove it."""

from io import BytesIO
from typing import Annotated, Any, Literal

from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, Field

from annotate.api.callers import ApiRequest, get_project
from annotate.api.problems import Error, Problem
from annotate.api.schemas import Body, Text
from annotate.exchange.gazetteer import read
from annotate.exchange.records import FormatError
from annotate.models import Gazetteer, Refused, Role

router = Router(tags=["Projects"])


class GazetteerPut(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"lines": "Barack Obama\tPER\nNew York\tLOC\n"}]}
    )
    lines: Annotated[Text, Field(max_length=20_000_000, description="A mention, a tab and a label, one a line")]
    new_labels: Literal["refuse", "make"] = Field(
        default="refuse", description="What becomes of labels that the project does not have"
    )


class GazetteerFault(BaseModel):
    line: int
    reason: str


class GazetteerTold(BaseModel):
    entries: int
    labels: dict[str, int] = Field(description="How many entries each has")
    lines: str = Field(description="All entries, under the names that labels have now")
    left_out: int = Field(description="How many lines could not be used")
    faults: list[GazetteerFault] = Field(description="The first 1,000 of these")


@router.get("/projects/{slug:slug}/gazetteer", response=GazetteerTold, summary="Look at the gazetteer")
def gazetteer_show(request: ApiRequest, slug: str) -> dict[str, Any]:
    """The mentions that are suggested before there is a model, as they can be put again. Without one it is empty."""
    row = Gazetteer.objects.select_related("project").filter(project=get_project(request.token, slug)).first()
    return told(row)


@router.put("/projects/{slug:slug}/gazetteer", response=GazetteerTold, summary="Put a gazetteer")
def gazetteer_put(request: ApiRequest, slug: str, body: GazetteerPut) -> dict[str, Any]:
    """In the place of the one there is. Lines that cannot be entries are left out, and told."""
    project = get_project(request.token, slug, Role.MANAGER)
    try:
        gazette = read(BytesIO(body.lines.encode()))
        return told(Gazetteer.put(project, gazette, request.token.user, make_labels=body.new_labels == "make"))
    except (FormatError, Refused) as error:
        raise Problem(422, str(error), [Error(place="body.lines", detail=str(error))]) from error


@router.delete("/projects/{slug:slug}/gazetteer", response={204: None}, summary="Remove the gazetteer")
def gazetteer_remove(request: ApiRequest, slug: str) -> Status[None]:
    """What people tagged with its help stays. Nothing happens where there is none."""
    row = Gazetteer.of(get_project(request.token, slug, Role.MANAGER))
    if row is not None:
        row.remove()
    return Status(204, None)


def told(row: Gazetteer | None) -> dict[str, Any]:
    if row is None:
        return {"entries": 0, "labels": {}, "lines": "", "left_out": 0, "faults": []}
    return {
        "entries": row.total(),
        "labels": row.counts_now(),
        "lines": "".join(f"{text}\t{label}\n" for text, label in row.entries()),
        "left_out": row.left_out,
        "faults": [{"line": line, "reason": reason} for line, reason in row.faults],
    }
