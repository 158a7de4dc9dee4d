"""The list of a project's articles."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate.access import get_project
from annotate.models import Prediction, Role, Split, State

PAGE = 50


@require_GET
@login_required
def documents(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    chosen = {key: request.GET.get(key, "").strip() for key in ("state", "split", "label", "q")}
    found = project.documents.present().defer("text", "tokens", "signature").prefetch_related("label_counts__label")
    if chosen["state"] in State.values:
        found = found.filter(state=chosen["state"])
    elif chosen["state"] == "empty":
        found = found.filter(state=State.FINISHED, label_counts=None)
    if chosen["split"] in Split.values:
        found = found.filter(split=chosen["split"])
    if chosen["label"]:
        found = found.filter(label_counts__label__name=chosen["label"])
    if chosen["q"]:
        found = found.filter(Q(title__icontains=chosen["q"]) | Q(text__icontains=chosen["q"]))
    said = Prediction.objects.filter(document=OuterRef("pk"), source=project.current_source)
    page = Paginator(found.annotate(suggested=Exists(said)), PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "project": project,
        "page": page,
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "query": query.urlencode(),
        "states": [*State.choices, ("empty", "Finished, no entities")],
        "splits": Split.choices,
        "labels": project.label_names(),
        "may_manage": project.role_of(request.user) == Role.MANAGER,
    }
    return render(request, "annotate/documents.html", context)
