"""The forms of training: what a run is to be like, which encoder it starts from, what a ready model's labels mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms

from annotate import mapping
from annotate.models import Project
from training.engine import schemes, shelf
from training.engine.recipe import RECIPES, STANDARD, Settings
from training.engine.shelf import EncoderError

START = [("encoder", "the encoder"), ("current", "the current model")]
SUBWORDS = [("first", "the first"), ("all", "all")]
LONGEST_WINDOW = 8192


def _share(label: str, help_text: str) -> forms.FloatField:
    return forms.FloatField(
        min_value=0, max_value=1, required=False, label=label, help_text=help_text, widget=forms.TextInput
    )


class RunForm(forms.Form):
    """A recipe, and under Advanced what of it somebody sets by hand. What is left empty, the recipe chooses."""

    recipe = forms.ChoiceField(choices=[(name, recipe.title) for name, recipe in RECIPES.items()], required=False)
    epochs = forms.IntegerField(
        min_value=1, max_value=500, required=False, label="Epochs", help_text="How often all articles are read."
    )
    learning_rate = forms.FloatField(
        min_value=1e-7,
        max_value=0.1,
        required=False,
        label="Learning rate",
        help_text="How far each step goes. Too high, and nothing is learnt.",
        widget=forms.TextInput,
    )
    token_budget = forms.IntegerField(
        min_value=16,
        max_value=262_144,
        required=False,
        label="Batch, in sub-words",
        help_text="What one step reads. A word is one to three sub-words.",
    )
    window = forms.IntegerField(
        min_value=16,
        max_value=LONGEST_WINDOW,
        required=False,
        label="Window, in sub-words",
        help_text="What the model sees at once of an article.",
    )
    weight_decay = _share("Weight decay", "Draws all weights a little towards nothing at each step.")
    warmup = _share("Warm-up, share of the steps", "In which the learning rate rises to its full height.")
    frozen_share = _share(
        "Frozen from the start, share of the layers", "The lowest layers are left as they are, which is quicker."
    )
    frozen_at_last = _share(
        "Frozen by the end, share of the layers", "As training goes on, more of the lower layers are left as they are."
    )
    all_subwords = forms.ChoiceField(
        choices=SUBWORDS, required=False, label="Sub-words trained", help_text="Of a word that is more than one."
    )
    start = forms.ChoiceField(
        choices=START,
        required=False,
        label="Begin from",
        help_text="What it has learnt is kept, and goes on from there.",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        label="Seed",
        help_text="The same seed on the same articles gives the same model.",
    )

    ADVANCED = (
        "epochs",
        "learning_rate",
        "token_budget",
        "window",
        "weight_decay",
        "warmup",
        "frozen_share",
        "frozen_at_last",
        "all_subwords",
        "start",
        "seed",
    )

    def __init__(self, *args: Any, defaults: Settings | None = None, has_current: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.has_current = has_current
        if not has_current:
            start: Any = self.fields["start"]
            start.choices = START[:1]
        for name in self.ADVANCED if defaults else ():
            if hasattr(defaults, name) and name != "all_subwords":
                value = getattr(defaults, name)
                shown = f"{value:.2g}" if isinstance(value, float) else str(value)
                self.fields[name].widget.attrs["placeholder"] = shown

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        share, at_last = data.get("frozen_share"), data.get("frozen_at_last")
        if share is not None and at_last is not None and at_last < share:
            self.add_error("frozen_at_last", "What is frozen from the start stays frozen: this cannot be less.")
        return data

    def advanced(self) -> list[forms.BoundField]:
        return [self[name] for name in self.ADVANCED]

    def is_touched(self) -> bool:
        """Whether something under Advanced was set, or is wrong: then it is shown open."""
        return self.is_bound and (bool(self.errors) or bool(set(self.chosen()) - {"recipe"}))

    def chosen(self) -> dict[str, Any]:
        """What somebody chose, by the names of the engine's settings."""
        given = self.cleaned_data
        settings: dict[str, Any] = {"recipe": given.get("recipe") or STANDARD}
        plain = set(self.ADVANCED) - {"all_subwords", "start"}
        settings |= {name: given[name] for name in self.ADVANCED if name in plain and given.get(name) is not None}
        if given.get("all_subwords") == "all":
            settings["all_subwords"] = True
        if given.get("start") == "current":
            settings["warm_start"] = True
        return settings


class EncoderForm(forms.Form):
    """A Hugging Face id or the path of a folder. What can be told from a folder's files is told at once."""

    encoder = forms.CharField(
        label="Hugging Face id or folder",
        widget=forms.TextInput(attrs={"placeholder": "google-bert/bert-base-cased", "spellcheck": "false"}),
    )

    def clean_encoder(self) -> str:
        try:
            name = shelf.named(self.cleaned_data["encoder"])
        except EncoderError as error:
            raise forms.ValidationError(str(error)) from error
        if shelf.is_folder(name) and (reason := shelf.why_not(Path(name))):
            raise forms.ValidationError(reason)
        return name


class ReadyForm(forms.Form):
    """Which of the project's labels each of a ready model's labels stands for; empty: it is left out."""

    def __init__(self, *args: Any, tags: list[str], project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.its = schemes.labels_of(tags)
        ours = project.label_names()
        choices = [("", "leave out"), *((name, name) for name in ours)]
        likely = mapping.likely(self.its, ours)
        for place, label in enumerate(self.its):
            self.fields[f"label-{place}"] = forms.ChoiceField(
                label=label, choices=choices, initial=likely[label], required=False
            )

    def clean(self) -> dict[str, str]:
        """Give {its label: the project's} of those that are not left out."""
        given = {label: self.cleaned_data.get(f"label-{place}", "") for place, label in enumerate(self.its)}
        ours = {its: name for its, name in given.items() if name}
        if not ours and not self.errors:
            raise forms.ValidationError("Every label is left out, so there would be nothing to suggest.")
        return ours
