"""Projects: list, make, look at, change."""

from typing import Any

from django.db import transaction
from django.db.models import Count
from ninja import Query, Router, Status

from annotate.api import paging
from annotate.api.callers import ApiRequest, get_project, need
from annotate.api.problems import Error, Problem
from annotate.api.schemas import Project as ProjectTold
from annotate.api.schemas import ProjectChange, ProjectNew, ProjectPage
from annotate.models import Document, Project, Role
from annotate.signals import suggestions_wanted

SETTINGS = tuple(ProjectChange.model_fields)

router = Router(tags=["Projects"])


@router.get("/projects", response=ProjectPage, summary="List the projects")
def projects_list(request: ApiRequest, page: Query[paging.Where]) -> dict[str, Any]:
    """Those that the token's person is a member of, in the order in which they were made."""
    visible = Project.objects.visible_to(request.token.user).select_related("current_source").order_by("pk")
    if request.token.project_id is not None:
        visible = visible.filter(pk=request.token.project_id)
    found = list(visible.filter(pk__gt=paging.after(page))[: page.limit + 1])
    shown = found[: page.limit]
    states = states_of(shown)
    items = [told(project, request.token.user, states.get(project.pk, {})) for project in shown]
    return {"items": items, "next": paging.cursor(shown[-1].pk) if len(found) > page.limit else None}


@router.post("/projects", response={201: ProjectTold}, summary="Make a project")
def project_new(request: ApiRequest, body: ProjectNew) -> Status[dict[str, Any]]:
    """Its manager is the token's person. Needs a token of scope manage for all of their projects."""
    need(request.token, Role.MANAGER)
    if request.token.project_id is not None:
        raise Problem(403, "This token is for one project alone; making another takes one for all.")
    given = body.model_dump()
    _leave_some_to_learn_from(body.validation_share, body.test_share)
    with transaction.atomic():
        project = Project.begin(given.pop("name"), given.pop("labels"), request.token.user, **given)
    return Status(201, told(project, request.token.user, {}))


@router.get("/projects/{slug:slug}", response=ProjectTold, summary="Look at a project")
def project_show(request: ApiRequest, slug: str) -> dict[str, Any]:
    project = get_project(request.token, slug)
    return told(project, request.token.user, states_of([project]).get(project.pk, {}))


@router.patch("/projects/{slug:slug}", response=ProjectTold, summary="Change a project's settings")
def project_change(request: ApiRequest, slug: str, body: ProjectChange) -> dict[str, Any]:
    """What is left out stays as it is. The address stays, too, where the name changes."""
    project = get_project(request.token, slug, Role.MANAGER)
    given = body.model_dump(exclude_unset=True)
    for name, value in given.items():
        setattr(project, name, value.strip() if name == "name" else value)
    _leave_some_to_learn_from(project.validation_share, project.test_share)
    project.full_clean(exclude=["current_source"])
    project.save(update_fields=list(given))
    project.heed_switches()
    suggestions_wanted.send(Project, project=project)
    return told(project, request.token.user, states_of([project]).get(project.pk, {}))


def told(project: Project, user: Any, states: dict[str, int]) -> dict[str, Any]:
    return {**plain(project, states), "role": project.role_of(user)}


def plain(project: Project, states: dict[str, int]) -> dict[str, Any]:
    """What anybody is told of it."""
    source = project.current_source
    return {
        **{
            name: getattr(project, name) for name in ("slug", "name", "guideline", "threshold", "dictionary", "instant")
        },
        "validation_share": project.validation_share,
        "test_share": project.test_share,
        "labels": [
            {"name": label.name, "color": label.color, "key": label.key, "guideline": label.guideline}
            for label in project.label_list
            if not label.leaving
        ],
        "current": {"kind": source.kind, "number": source.number} if source else None,
        "articles": {state: states.get(state, 0) for state in ("raw", "in_progress", "finished")},
    }


def states_of(projects: list[Project]) -> dict[int, dict[str, int]]:
    """How many articles of each state the projects have."""
    counted = Document.objects.filter(project__in=projects).present().order_by()
    states: dict[int, dict[str, int]] = {}
    for project, state, count in counted.values_list("project", "state").annotate(Count("pk")):
        states.setdefault(project, {})[state] = count
    return states


def _leave_some_to_learn_from(validation: int, test: int) -> None:
    if validation + test > 95:
        told = "Leave at least 5 per cent of the articles for training."
        raise Problem(422, told, [Error(place="body.validation_share", detail=told)])
