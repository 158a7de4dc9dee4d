"""The forms of the labels' pages."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.core.validators import RegexValidator

from annotate.models import COLORS, Label, LabelChange, Project
from annotate.models.project import LABEL_PATTERN, twin_of


class LabelForm(forms.ModelForm[Label]):
    """A label's key, colour and guideline; its name only while it is new."""

    class Meta:
        model = Label
        fields = ["name", "key", "color", "guideline"]
        widgets = {
            "color": forms.RadioSelect(choices=[(n, f"Colour {n}") for n in range(1, COLORS + 1)]),
            "guideline": forms.Textarea(attrs={"rows": 4}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["name"]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if twin := twin_of(name, self.instance.project.label_names()):
            raise forms.ValidationError(f"There is a label “{twin}”, which differs by its case alone.")
        return name

    def clean_key(self) -> str:
        return str(self.cleaned_data["key"]).lower()

    def validate_unique(self) -> None:
        """With the project, which the form does not show."""
        try:
            self.instance.validate_constraints()
        except forms.ValidationError as error:
            self.add_error(None, error)


class LabelChangeForm(forms.Form):
    """What is to become of a label; read from the address where it is previewed, from the body where it is done."""

    KINDS = (LabelChange.Kind.RENAMED, LabelChange.Kind.MERGED, LabelChange.Kind.DELETED)

    kind = forms.ChoiceField(choices=[(kind.value, kind.label) for kind in KINDS], widget=forms.HiddenInput)
    name = forms.CharField(
        required=False,
        max_length=50,
        widget=forms.HiddenInput,
        validators=[RegexValidator(LABEL_PATTERN, "A label's name holds no blank and does not begin with a hyphen.")],
    )
    into = forms.CharField(required=False, max_length=50, widget=forms.HiddenInput)
    batch = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any, project: Project, label: Label) -> None:
        super().__init__(data)
        self.project, self.label = project, label
        self.taken = ""  # the other label that has the wanted name: merging is offered instead

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        others = set(self.project.labels.filter(leaving=False).exclude(pk=self.label.pk).values_list("name", flat=True))
        kind, name, into = data.get("kind"), data.get("name"), data.get("into")
        if kind == LabelChange.Kind.RENAMED and not self.errors:
            if not name or name == self.label.name:
                raise forms.ValidationError("Give the label another name.")
            if name in others:
                self.taken = name
                raise forms.ValidationError(f"There is a label “{name}” already.")
            if twin := twin_of(name, others):
                self.taken = twin
                raise forms.ValidationError(f"There is a label “{twin}”, which differs by its case alone.")
            data["into"] = name
        elif kind == LabelChange.Kind.MERGED and into not in others:
            raise forms.ValidationError("Choose the label to merge it into.")
        elif kind == LabelChange.Kind.DELETED and into and into not in others:
            raise forms.ValidationError(f"There is no other label “{into}”.")
        data["batch"] = data.get("batch") or uuid4()
        return data
