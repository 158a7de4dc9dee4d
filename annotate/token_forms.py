"""The form of access tokens."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from annotate.models import Project, Scope

LASTING = [("", "until it is revoked"), ("7", "a week"), ("30", "30 days"), ("90", "90 days"), ("365", "a year")]


class AccessTokenForm(forms.Form):
    name = forms.CharField(max_length=80, label="What it is for", help_text="So that you can tell it from the others.")
    scope = forms.ChoiceField(
        choices=Scope.choices, label="It may", help_text="Never more than you may yourself in a project."
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), required=False, label="In", empty_label="all projects of mine, later ones too"
    )
    days = forms.ChoiceField(choices=LASTING, required=False, label="It is valid")

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        project: Any = self.fields["project"]
        project.queryset = Project.objects.visible_to(user)

    def chosen(self) -> dict[str, Any]:
        """The fields of the new row."""
        given = self.cleaned_data
        days = given["days"]
        expires = timezone.now() + timedelta(days=int(days)) if days else None
        return {"name": given["name"], "scope": given["scope"], "project": given["project"], "expires_at": expires}
