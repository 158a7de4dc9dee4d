"""What people choose for an export: which articles, whose, and what goes along with their tags."""

from collections.abc import Iterator
from typing import Any

from django import forms

from annotate.exchange import exporting
from annotate.exchange.wanted import Wanted, annotators
from annotate.filtering import FilterForm
from annotate.models import Project


class ExportForm(forms.Form):
    """`filters` are those of the list of articles, and leave out what they do not find."""

    which = forms.ChoiceField(choices=[("finished", "Finished articles"), ("begun", "All articles")], required=False)
    annotator = forms.ChoiceField(
        required=False,
        label="Whose",
        help_text="Of one person: the articles they have finished, or tagged in where nobody has finished them yet.",
    )
    suggestions = forms.BooleanField(
        required=False, label="With suggestions", help_text="In articles that nobody has finished and that show them."
    )
    provenance = forms.BooleanField(
        required=False,
        label="With who tagged what",
        help_text="Of each entity who, when and how: by hand, accepted, corrected, and of which version’s suggestion.",
    )

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data, label_suffix="")
        people = [(name, name) for name in annotators(project).values_list("username", flat=True)]
        self.fields["annotator"].choices = [("", "Everybody’s, as one"), *people]  # type: ignore[attr-defined]
        self.project = project
        narrowing = data.copy()
        for name in self.fields:
            narrowing.pop(name, None)
        self.filters = FilterForm(project, narrowing)

    def is_valid(self) -> bool:
        return super().is_valid() & self.filters.is_valid()

    def reasons(self) -> list[str]:
        return [*(str(error) for errors in self.errors.values() for error in errors), *self.filters.reasons()]

    def is_narrowed(self) -> bool:
        return bool(self.filters.chosen().filters)

    def written(self, kind: str) -> Iterator[bytes]:
        """The file. Raises CannotHold. Call once it was validated."""
        data = self.cleaned_data
        return exporting.written(
            self.project,
            kind,
            everything=data["which"] == "begun",
            wanted=wanted(self.project, data["annotator"], data["suggestions"], data["provenance"]),
            chunks=self.filters.listing().chunks() if self.is_narrowed() else None,
        )


def wanted(project: Project, annotator: str, suggestions: bool, provenance: bool) -> Wanted:
    """Raises User.DoesNotExist where nobody of that name may have tagged here."""
    by = annotators(project).get(username=annotator).pk if annotator else None
    return Wanted(by, suggestions, provenance)
