"""What programs may do with training by itself."""

from datetime import time
from typing import Any, Literal

from django.conf import settings
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from annotate.api.callers import ApiRequest, get_project
from annotate.api.schemas import Body
from annotate.models import Project, Role
from training import by_itself
from training.models import Schedule
from training.schedule_forms import MOST, put

router = Router(tags=["Models"])
Recipe = Literal["quick", "standard", "thorough"]


class SchedulePut(Body):
    """With neither number nor time, trainings start only when somebody asks for one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"articles": 20, "at": "02:00"}]})
    articles: int | None = Field(default=None, ge=1, le=MOST, description="Finished since the training before")
    at: time | None = Field(default=None, description="Each day, on the server's clock, where something has changed")
    recipe: Recipe = "standard"


class ScheduleTold(BaseModel):
    on: bool
    articles: int | None
    articles_left: int | None = Field(description="To be finished before the next training")
    at: time | None
    time_zone: str = Field(description="Whose clock `at` means")
    recipe: Recipe


@router.get("/projects/{slug:slug}/schedule", response=ScheduleTold, summary="Look at when it trains by itself")
def schedule_show(request: ApiRequest, slug: str) -> dict[str, Any]:
    return _told(get_project(request.token, slug))


@router.put("/projects/{slug:slug}/schedule", response=ScheduleTold, summary="Say when it trains by itself")
def schedule_put(request: ApiRequest, slug: str, body: SchedulePut) -> dict[str, Any]:
    """In place of what was said before."""
    project = get_project(request.token, slug, Role.MANAGER)
    at = body.at.replace(tzinfo=None, second=0, microsecond=0) if body.at else None
    put(project, request.token.user, body.articles, at, body.recipe)
    return _told(project)


def _told(project: Project) -> dict[str, Any]:
    row = Schedule.objects.filter(project=project).select_related("project").first()
    return {
        "on": bool(row and row.is_on),
        "articles": row.articles if row else None,
        "articles_left": by_itself.articles_left(row) if row and row.is_on and row.articles else None,
        "at": row.at if row else None,
        "time_zone": settings.TIME_ZONE,
        "recipe": row.recipe if row else "standard",
    }
