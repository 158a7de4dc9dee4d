"""The list's filters as a form: what people choose, and how the page's links say it again."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms

from annotate.chosen import Chosen
from annotate.listing import Counts, Listing
from annotate.models import Project, Split, State

STATE_NAMES = {
    State.RAW: State.RAW.label,
    "suggested": "To do, with suggestions",
    State.IN_PROGRESS: State.IN_PROGRESS.label,
    State.FINISHED: State.FINISHED.label,
    "empty": "Finished, no entities",
}
SORT_NAMES = {
    "arrival": "In order of arrival",
    "-arrival": "Latest arrivals first",
    "title": "Title, A to Z",
    "-title": "Title, Z to A",
    "date": "Earliest date first",
    "-date": "Latest date first",
    "length": "Shortest first",
    "-length": "Longest first",
    "changed": "Recently changed first",
    "unsure": "Model least sure first",
}


LONGEST_SEARCH = 200  # characters: an address must hold them, at up to twelve each
BESIDE = {"at", "verb", "to"}  # what else the addresses of the list and of its bulk actions say


class FilterForm(forms.Form):
    q = forms.CharField(required=False, max_length=LONGEST_SEARCH, label="Words in title or text")
    state = forms.ChoiceField(required=False)
    split = forms.ChoiceField(required=False)
    label = forms.ChoiceField(required=False, label="Label present")
    source = forms.CharField(required=False, max_length=500, label="Publication")
    since = forms.DateField(required=False, label="Dated from", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="to", widget=forms.DateInput(attrs={"type": "date"}))
    flagged = forms.BooleanField(required=False, label="Flagged only")
    unsure = forms.IntegerField(
        required=False, min_value=0, max_value=100, label="Model unsure, from per cent", help_text="0 is sure, 100 lost"
    )
    sort = forms.ChoiceField(required=False, choices=list(SORT_NAMES.items()), label="Order")

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data, label_suffix="")
        self.project = project
        self.labels = {label.name: label.pk for label in project.label_list}
        self._offer(STATE_NAMES, dict(Split.choices), {name: name for name in self.labels})
        self.fields["source"].widget.attrs["list"] = "sources"

    def show_counts(self, counts: Counts) -> None:
        """Say beside each choice how many articles have it. Only the list's own page shows that."""
        self._offer(
            {
                state: name if state == "suggested" else _counted(name, counts, "state", state)
                for state, name in STATE_NAMES.items()
            },
            {split: _counted(name, counts, "split", split) for split, name in Split.choices},
            {name: _counted(name, counts, "label", pk) for name, pk in self.labels.items()},
        )

    def _offer(self, states: dict[str, str], splits: dict[str, str], labels: dict[str, str]) -> None:
        offered = {
            "state": [("", "Any state"), *states.items()],
            "split": [("", "Any split"), *splits.items()],
            "label": [("", "Any label"), *labels.items()],
        }
        for name, choices in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in sorted(set(self.data) - set(self.fields) - BESIDE):
            self.add_error(None, f"There is no filter “{name[:50]}”, so it was left out.")
        if data.get("since") and data.get("until") and data["until"] < data["since"]:
            self.add_error("until", "This day is before the first one.")
        return data

    def reasons(self) -> list[str]:
        """What is not understood, each with the filter it is about."""
        return [
            f"{self.fields[name].label or name.capitalize()}: {error}" if name in self.fields else str(error)
            for name, errors in self.errors.items()
            for error in errors
        ]

    def listing(self) -> Listing:
        """The list that is asked for, as far as that can be understood. Call once it was validated."""
        return Listing(self.project, self.chosen())

    def chosen(self) -> Chosen:
        data = self.cleaned_data
        until = data.get("until")
        percent = data.get("unsure")
        return Chosen(
            state=data.get("state", ""),
            split=data.get("split", ""),
            label=self.labels.get(data.get("label", "")),
            q=data.get("q", ""),
            source=data.get("source", ""),
            since=data["since"].isoformat() if data.get("since") else "",
            until=_day_after(until) if until else "",
            flagged=bool(data.get("flagged")),
            unsure=percent / 100 if percent is not None else None,
            sort=data.get("sort") or "arrival",
        )

    def is_narrowed(self) -> bool:
        """Whether it is another list than all articles as they arrived."""
        chosen = self.chosen()
        return bool(chosen.filters) or chosen.sort != "arrival"

    def words(self) -> list[str]:
        """The choice as people would say it."""
        data = self.cleaned_data
        said = [
            STATE_NAMES.get(data["state"], ""),
            dict(Split.choices).get(data["split"], ""),
            data["label"],
            f"“{data['q']}”" if data["q"] else "",
            data["source"],
            f"from {data['since']}" if data["since"] else "",
            f"to {data['until']}" if data["until"] else "",
            "flagged" if data["flagged"] else "",
            f"unsure from {data['unsure']} %" if data["unsure"] is not None else "",
            _in_sentence(SORT_NAMES[data["sort"]]) if data["sort"] not in ("", "arrival") else "",
        ]
        return [words for words in said if words]

    def query(self) -> str:
        """The same choice as an address says it."""
        return urlencode(self.given())

    def given(self) -> list[tuple[str, str]]:
        found = ((name, self.cleaned_data.get(name)) for name in self.fields)
        return [(name, _said(value)) for name, value in found if value not in ("", None, False)]


def _counted(name: str, counts: Counts, facet: str, value: object) -> str:
    return f"{name} ({counts.get((facet, str(value)), 0):,})"


def _in_sentence(name: str) -> str:
    return name[0].lower() + name[1:]


def _said(value: Any) -> str:
    return "on" if value is True else str(value)


def _day_after(day: Any) -> str:
    try:
        return str((day + timedelta(days=1)).isoformat())
    except OverflowError:
        return ""
