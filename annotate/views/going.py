"""From article to article: along the list that somebody follows, else in the order of the queue."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect, push_url

from annotate.access import get_project
from annotate.answers import HtmxHttpRequest
from annotate.keys import read_key
from annotate.models import Document, Project, Role
from annotate.trail import Course, NotUnderstood, Trail
from annotate.views.article import render_desk


@require_GET
@login_required
def document_next(request: HtmxHttpRequest, slug: str) -> HttpResponseBase:
    """The next article of the list that somebody follows, with `back` the one before; else of the queue, where `after`
    names the one just left.
    """
    project = get_project(request.user, slug)
    key = read_key(request.GET.get("after", ""))
    if answer := along(request, project, key, back="back" in request.GET):
        return answer
    left = project.documents.present().filter(pk=key).first() if key else None
    following = Document.objects.next_in_queue(project, after=left)
    if following is None and left is not None and left.state != "finished":
        told = "This is the only article left."
        if request.htmx:
            return _open(request, project, left, warning=told)
        messages.info(request, told)
        following = left
    if following is None:
        return _all_done(request, project)
    return _open(request, project, following) if request.htmx else redirect("document", following.pk)


def go_on(request: HtmxHttpRequest, finished: Document, role: Role) -> HttpResponseBase:
    """The next article in place of the finished one, in the same answer."""
    if answer := along(request, finished.project, finished.pk, finished=finished, role=role):
        return answer
    following = Document.objects.next_in_queue(finished.project, after=finished)
    if following is None:
        return _all_done(request, finished.project)
    return _open(request, finished.project, following, finished=finished, role=role)


def along(
    request: HtmxHttpRequest, project: Project, left: int | None, back: bool = False, **more: Any
) -> HttpResponseBase | None:
    """The list's next article in the place of the one left; at its end, or where it is not understood, the list. None
    where the one left was on no list.
    """
    trail = Trail.of(request)
    try:
        course = trail.course(project, left) if trail else None
    except NotUnderstood as lost:
        messages.warning(request, str(lost))
        return _to(request, lost.list_address)
    return _step(request, course, back, **more) if course else None


def _step(request: HtmxHttpRequest, course: Course, back: bool, **more: Any) -> HttpResponseBase:
    step, project = course.step(back), course.listing.project
    if step is None:
        messages.info(request, f"That was the {'first' if back else 'last'} article of this list.")
        return _to(request, course.list_address)
    if "finished" in more:
        more["back_to"] = course.trail.address(more["finished"].pk)
    following = get_object_or_404(project.documents.present().defer("signature"), pk=step.at.pk)
    if not request.htmx:
        return redirect(step.trail.address(following.pk))
    return _open(request, project, following, course=step, **more)


def _open(
    request: HttpRequest, project: Project, following: Document, course: Course | None = None, **more: Any
) -> HttpResponse:
    """Another article of the project in the place of the one on the page."""
    following.project = project  # with the current model, known by now
    response = render_desk(request, following, course=course, **more)
    address = course.trail.address(following.pk) if course else reverse("document", args=[following.pk])
    return push_url(response, address)


def _all_done(request: HtmxHttpRequest, project: Project) -> HttpResponseBase:
    if project.documents.present().exists():
        messages.success(request, "Every article of this project is finished.")
    else:
        messages.info(request, "There is no article yet. Import some first.")
    return _to(request, reverse("project", args=[project.slug]))


def _to(request: HtmxHttpRequest, address: str) -> HttpResponseBase:
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)
