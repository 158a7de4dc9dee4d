"""Where a project stands, and its settings."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate.access import get_project
from annotate.forms import LabelForm, ProjectForm, SettingsForm
from annotate.models import Label, Project, Role, State

ENOUGH_ENTITIES = 300


@require_GET
@login_required
def projects(request: HttpRequest) -> HttpResponse:
    present = Q(documents__deleted_at=None)
    found = Project.objects.visible_to(request.user).annotate(
        articles=Count("documents", filter=present, distinct=True),
        finished=Count("documents", filter=present & Q(documents__state=State.FINISHED), distinct=True),
    )
    return render(request, "annotate/projects.html", {"projects": found})


@require_http_methods(["GET", "POST"])
@login_required
def project_new(request: HttpRequest) -> HttpResponseBase:
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        assert request.user.is_authenticated
        with transaction.atomic():
            project = Project.begin(form.cleaned_data["name"], form.cleaned_data["labels"], request.user)
        return redirect("import_new", project.slug)
    return render(request, "annotate/project_new.html", {"form": form})


@require_GET
@login_required
def project(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    role = project.role_of(request.user)
    documents = project.documents.present()
    states = dict(documents.order_by().values_list("state").annotate(Count("pk")))
    splits = dict(documents.order_by().values_list("split").annotate(Count("pk")))
    held_out = Q(split="validation", state=State.FINISHED)
    context = {
        "project": project,
        "articles": sum(states.values()),
        "finished": states.get(State.FINISHED, 0),
        "in_progress": states.get(State.IN_PROGRESS, 0),
        "raw": states.get(State.RAW, 0),
        "empty": documents.finished().filter(label_counts=None).count(),
        "validation_finished": documents.filter(held_out).count(),
        "splits": splits,
        "labels": labels_with_counts(project),
        "enough": ENOUGH_ENTITIES,
        "may_manage": role == Role.MANAGER,
        "may_edit": role in (Role.MANAGER, Role.ANNOTATOR),
    }
    return render(request, "annotate/project.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def project_settings(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    form = SettingsForm(request.POST if request.method == "POST" else None, instance=project)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("project_settings", slug)
    return render(
        request, "annotate/settings.html", {"project": project, "form": form, "labels": _label_forms(project)}
    )


@require_POST
@login_required
def label_save(request: HttpRequest, slug: str, pk: int | None = None) -> HttpResponseBase:
    """Add a label, or change one's key, colour and guideline."""
    project = get_project(request.user, slug, Role.MANAGER)
    label = get_object_or_404(project.labels, pk=pk) if pk else Label(project=project, position=project.labels.count())
    form = LabelForm(request.POST, instance=label, prefix=f"label{pk or ''}")
    if form.is_valid():
        form.save()
        messages.success(request, f"Label {label.name} saved.")
        return redirect("project_settings", slug)
    forms = [form if bound.instance.pk == pk else bound for bound in _label_forms(project)]
    context = {"project": project, "form": SettingsForm(instance=project), "labels": forms}
    return render(request, "annotate/settings.html", context)


def labels_with_counts(project: Project) -> list[dict[str, Any]]:
    counts = Sum("document_counts__count", filter=Q(document_counts__document__deleted_at=None), default=0)
    finished = Q(document_counts__document__state=State.FINISHED, document_counts__document__deleted_at=None)
    rows = project.labels.annotate(entities=counts, finished=Sum("document_counts__count", filter=finished, default=0))
    return [{"label": row, "entities": row.entities, "finished": row.finished} for row in rows]


def _label_forms(project: Project) -> list[LabelForm]:
    """One form a label, and an empty one for the next."""
    labels = list(project.labels.all())
    taken = {label.color for label in labels}
    free = next((n for n in range(1, 13) if n not in taken), 1)
    forms = [LabelForm(instance=label, prefix=f"label{label.pk}") for label in labels]
    return [*forms, LabelForm(instance=Label(project=project), prefix="label", initial={"color": free})]
