"""The forms of the encoder's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms

from annotate.models import Project
from training import mapping
from training.engine import schemes, shelf
from training.engine.shelf import EncoderError


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
