"""The form between an import's preview and its storing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django import forms

from annotate.exchange.choices import CHOICES
from annotate.exchange.spans import LONGEST_LABEL
from annotate.mapping import likely
from annotate.models import Import
from annotate.models.exchange import ON_ERROR
from annotate.models.project import LABEL_PATTERN, twin_of

MOST_LABELS = 200  # shown to be renamed; a file with more of them keeps the rare ones as they are
LEAVE_OUT = "-"  # no label begins with a hyphen


@dataclass
class FileLabel:
    """A label of the file: what it becomes, "" where it keeps its name."""

    name: str
    count: int
    into: str
    other: str
    is_new: bool
    likely: str


class ChoicesForm(forms.Form):
    """What a person decides about an import that was read."""

    on_error = forms.ChoiceField(choices=[(way, way) for way in ON_ERROR], required=False)
    edges, overlaps, exact, near, taken = (
        forms.ChoiceField(choices=list(ways.items()), required=False, widget=forms.RadioSelect)
        for ways in CHOICES.values()
    )

    def __init__(self, row: Import, data: Any = None) -> None:
        first = {name: next(iter(ways)) for name, ways in CHOICES.items()}
        super().__init__(data, initial={**first, **{name: way for name, way in row.options.items() if way}})
        self.row = row
        self.ours = row.project.label_names()

    def file_labels(self) -> list[FileLabel]:
        """The labels that the page shows, the most frequent first, as they were chosen so far."""
        counts = sorted(self.row.preview.get("labels", {}).items(), key=lambda item: (-item[1], item[0]))[:MOST_LABELS]
        names = [name for name, _ in counts]
        meant = likely(names, self.ours)
        chosen = self.row.options.get("labels", {})
        return [self._file_label(name, count, chosen, meant[name]) for name, count in counts]

    def _file_label(self, name: str, count: int, chosen: dict[str, str], meant: str) -> FileLabel:
        into = (chosen[name] or LEAVE_OUT) if name in chosen else ""
        other = "" if into in ("", LEAVE_OUT, *self.ours) else into
        if self.is_bound:
            into, other = self.data.get(f"into:{name}", ""), self.data.get(f"other:{name}", "")
        is_new = name not in self.ours
        return FileLabel(name, count, into, other, is_new, meant if is_new else "")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if any(name.startswith("into:") for name in self.data):
            data["labels"] = self._names()
        return data

    def _names(self) -> dict[str, str]:
        """What is renamed or left out ("")."""
        names = dict(self.row.options.get("labels", {}))
        for label in self.file_labels():
            names.pop(label.name, None)
            into = label.other.strip() or label.into
            if into == LEAVE_OUT:
                names[label.name] = ""
            elif into not in ("", label.name):
                self._check(label.name, into)
                names[label.name] = into
        return names

    def _check(self, name: str, into: str) -> None:
        if len(into) > LONGEST_LABEL or not re.match(LABEL_PATTERN, into):
            reason = f"has no blank, does not begin with a hyphen and is at most {LONGEST_LABEL} characters long."
            self.add_error(None, f"“{into[:80]}” cannot be a label ({name}): a label {reason}")
        elif into not in self.ours and (twin := twin_of(into, self.ours)):
            self.add_error(None, f"There is a label “{twin}”, which differs from “{into}” by its case alone.")

    def options(self) -> dict[str, Any]:
        """What was chosen, as an import's options have it."""
        chosen = {name: self.cleaned_data[name] for name in ("on_error", *CHOICES) if self.cleaned_data[name]}
        return chosen | ({"labels": self.cleaned_data["labels"]} if "labels" in self.cleaned_data else {})
