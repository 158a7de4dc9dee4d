"""Where a project stands, and its settings."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from annotate.access import get_project
from annotate.forms import ProjectForm, SettingsForm
from annotate.models import Project, Role, State
from annotate.signals import suggestions_wanted
from annotate.views.labels import render_settings

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
        "labels": project.labels.with_counts(),
        "unknown_labels": project.unknown_labels(),
        "enough": ENOUGH_ENTITIES,
        "silenced": project.webhooks.filter(is_on=False).exclude(off_because="") if role == Role.MANAGER else [],
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
        form.save().heed_switches()
        suggestions_wanted.send(Project, project=project)
        messages.success(request, "Saved.")
        return redirect("project_settings", slug)
    return render_settings(request, project, form)
