"""The page on which a project is told to train by itself, and the switch of it."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from annotate.access import get_project
from annotate.answers import HtmxHttpRequest
from annotate.models import Role
from training import by_itself
from training.models import Schedule
from training.schedule_forms import ScheduleForm
from training.views import render_panel


@require_http_methods(["GET", "POST"])
@login_required
def schedule(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.MANAGER)
    if request.method == "POST":
        form = ScheduleForm(request.POST)
        if form.is_valid():
            form.save(project, request.user)
            messages.success(request, by_itself.told(project) or "Trainings start by a click alone.")
            return redirect("schedule", slug)
    else:
        row = Schedule.objects.filter(project=project).first()
        form = ScheduleForm(initial={"articles": row.articles, "at": row.at, "recipe": row.recipe} if row else None)
    context = {"project": project, "form": form, "told": by_itself.told(project), "zone": settings.TIME_ZONE}
    return render(request, "training/schedule.html", context)


@require_POST
@login_required
def schedule_off(request: HtmxHttpRequest, slug: str) -> HttpResponse:
    """What was chosen stays, to be switched on again."""
    project = get_project(request.user, slug, Role.MANAGER)
    Schedule.objects.filter(project=project).update(is_on=False)
    return render_panel(request, project) if request.htmx else redirect("schedule", slug)
