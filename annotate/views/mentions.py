"""The same mention in all articles of a project: a preview, soft marks as one batch, and these taken back."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotate import propagating
from annotate.access import get_project
from annotate.answers import HtmxHttpRequest
from annotate.keys import LIMIT
from annotate.models import Project, Role
from annotate.propagating import Step, Wanted
from annotate.tokens import tokenize

SHOWN = 50  # articles of the preview


class MentionForm(forms.Form):
    text = forms.CharField(max_length=200, label="Words")
    label = forms.ChoiceField()
    fold_case = forms.BooleanField(required=False, label="in any case")
    inflect = forms.BooleanField(required=False, label="other endings too")

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["label"].choices = [(label.name, label.name) for label in project.label_list if not label.leaving]  # type: ignore[attr-defined]

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"])
        if not tokenize(text):
            raise forms.ValidationError("Give a word to look for.")
        return text

    def wanted(self) -> Wanted:
        return Wanted(*(self.cleaned_data[name] for name in Wanted._fields))


class MarkForm(MentionForm):
    """One step of marking: into which batch, and behind which article it goes on."""

    batch = forms.UUIDField()
    after = forms.IntegerField(min_value=0, max_value=LIMIT - 1)


@require_GET
@login_required
def mentions(request: HtmxHttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug, Role.ANNOTATOR)
    form = MentionForm(request.GET if "text" in request.GET else None, project=project)
    if not form.is_valid():
        return _render(request, project, form)
    step = propagating.look(project, form.wanted())
    return _render(request, project, form, step=step, shown=step.found[:SHOWN], batch=uuid4())


@require_POST
@login_required
def mentions_mark(request: HtmxHttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug, Role.ANNOTATOR)
    form = MarkForm(request.POST, project=project)
    if not form.is_valid():
        return _render(request, project, form)
    wanted, batch = form.wanted(), form.cleaned_data["batch"]
    step = propagating.look(project, wanted, form.cleaned_data["after"])
    propagating.mark(step, wanted, request.user, batch)
    return _render(request, project, form, step=step, batch=batch, marked=_marked(project, batch, step))


@require_POST
@login_required
def mentions_undo(request: HttpRequest, slug: str, batch: UUID) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.ANNOTATOR)
    count = propagating.switch(project, batch, active=False)
    if count:
        back = reverse("mentions_redo", args=[slug, batch])
        told = f"{_soft_marks(count)} taken back. What somebody took from them stays tagged."
        messages.success(request, told, extra_tags=f"undo:{back}")
    else:
        messages.info(request, "There is nothing of this to take back any more.")
    return redirect("mentions", slug)


@require_POST
@login_required
def mentions_redo(request: HttpRequest, slug: str, batch: UUID) -> HttpResponseBase:
    project = get_project(request.user, slug, Role.ANNOTATOR)
    count = propagating.switch(project, batch, active=True)
    messages.success(request, f"{_soft_marks(count)} there again." if count else "These soft marks are there already.")
    return redirect("mentions", slug)


def _soft_marks(count: int) -> str:
    return "One soft mark is" if count == 1 else f"{count:,} soft marks are"


def _marked(project: Project, batch: UUID, step: Step) -> dict[str, Any]:
    """What a batch has so far."""
    count = propagating.counted(project, batch)
    return {
        "mentions": count.mentions if count else 0,
        "articles": count.articles if count else 0,
        "percent": propagating.percent(project, step.last),
    }


def _render(request: HtmxHttpRequest, project: Project, form: MentionForm, **more: Any) -> HttpResponse:
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    context = {
        "project": project,
        "form": form,
        "asked": asked,
        "address": urlencode({name: asked[name] for name in Wanted._fields if asked.get(name)}),
        "recent": propagating.recent(project),
        **more,
    }
    fragment = "#found" if request.htmx else ""
    return render(request, f"annotate/mentions.html{fragment}", context)
