"""The form of training by itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from annotate.models import Project
from training.engine.recipe import RECIPES, STANDARD
from training.models import Schedule

MOST = 1_000_000  # articles


class ScheduleForm(forms.Form):
    articles = forms.IntegerField(
        min_value=1,
        max_value=MOST,
        required=False,
        label="After so many finished articles",
        help_text="Counted from the last training on. Empty: not by their number.",
    )
    at = forms.TimeField(
        required=False,
        label="Each day at",
        help_text="Only where something has changed since the last training. Empty: at no time.",
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    recipe = forms.ChoiceField(
        choices=[(name, f"{recipe.title}: {recipe.meaning}") for name, recipe in RECIPES.items()],
        initial=STANDARD,
        label="Recipe",
    )

    def save(self, project: Project, by: Any) -> Schedule:
        """With neither number nor time it is off."""
        return put(project, by, **self.cleaned_data)


def put(project: Project, by: Any, articles: int | None, at: Any, recipe: str) -> Schedule:
    is_on = articles is not None or at is not None
    said = {"articles": articles, "at": at, "recipe": recipe, "is_on": is_on}
    # A time of day that has passed already today is one for tomorrow.
    anew = {"set_by": by, "set_at": timezone.now(), "looked_at": None}
    return Schedule.objects.update_or_create(project=project, defaults={**said, **anew})[0]
