"""What stands behind a score: the mistakes one by one, and plots."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from annotate.access import get_document, get_project
from annotate.answers import picture
from training import mistakes, plots
from training.models import Mistake, Run, Version
from training.views import get_run

PAGE = 50
VERSIONS = 50  # the newest, in the plot of F1


class MistakeFilter(forms.Form):
    """Which of a run's mistakes to show."""

    kind = forms.ChoiceField(required=False)
    label = forms.ChoiceField(required=False)

    def __init__(self, given: Any, version: Version | None, counts: dict[str, int]) -> None:
        super().__init__(given)
        of_all = sum(counts.values())
        kinds = [(kind.value, f"{kind.label} ({counts.get(kind, 0):,})") for kind in Mistake.Kind]
        self.fields["kind"] = forms.ChoiceField(required=False, choices=[("", f"All ({of_all:,})"), *kinds])
        labels = [(label, version.source.name_now(label) or label) for label in version.labels] if version else []
        self.fields["label"] = forms.ChoiceField(required=False, choices=[("", "Any label"), *labels])

    def chosen(self) -> dict[str, str]:
        """What was chosen; of what nobody offers, nothing."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


@require_GET
@login_required
def run_mistakes(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_run(request.user, pk)
    version = Version.objects.filter(run=run).select_related("source").first()
    label = request.GET.get("label", "")
    of_label = mistakes.of(run, label=label if version and label in version.labels else "")
    form = MistakeFilter(request.GET, version, mistakes.counted(of_label))
    chosen = form.chosen()
    page = Paginator(mistakes.of(run, **chosen), PAGE).get_page(request.GET.get("page"))
    context = {
        "project": run.project,
        "run": run,
        "version": version,
        "form": form,
        "chosen": {name: value for name, value in chosen.items() if value},
        "page": page,
        "shown": list(mistakes.shown(list(page), version.source if version else None)),
        "made": run.scores.get("mistakes"),
        "most": mistakes.MOST,
        "held_out": run.scores.get("articles", {}).get("validation", 0),
    }
    return render(request, "training/mistakes.html", context)


@require_GET
@login_required
def mistake(request: HttpRequest, pk: int) -> HttpResponseBase:
    """To its words in the article. Who goes there knows what the model said: tags changed from now on are not blind."""
    visible = Mistake.objects.filter(run__in=Run.objects.visible_to(request.user))
    row = get_object_or_404(visible, pk=pk)
    document = get_document(request.user, row.document_id)
    Mistake.objects.filter(pk=pk, opened_at=None).update(opened_at=timezone.now())
    return redirect(f"{reverse('document', args=[document.pk])}#t{mistakes.token_at(document, row.first)}")


@require_GET
@login_required
def run_loss(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_run(request.user, pk)
    return picture(plots.loss(run.losses), is_final=not run.is_active)


@require_GET
@login_required
def run_reliability(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_run(request.user, pk).scores.get("calibration", {})
    if "after" not in found:
        raise Http404
    return picture(plots.reliability(found["before"]["bins"], found["after"]["bins"]))


@require_GET
@login_required
def models_f1(request: HttpRequest, slug: str) -> HttpResponse:
    scored = get_project(request.user, slug).versions.filter(scores__f1__isnull=False)
    newest = scored.values_list("number", "scores__f1", "scores__f1_interval").order_by("-number")[:VERSIONS]
    versions = list(newest)[::-1]
    if not versions:
        raise Http404
    return picture(plots.f1(versions))
