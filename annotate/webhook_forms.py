"""The form of webhooks."""

from __future__ import annotations

from typing import Any

from django import forms

from annotate.address_fields import checked_address
from annotate.models import Event, Webhook


class WebhookForm(forms.ModelForm[Webhook]):
    events = forms.MultipleChoiceField(
        choices=Event.chosen_from(),
        widget=forms.CheckboxSelectMultiple,
        label="Tell it when",
        error_messages={"required": "Choose at least one event."},
    )

    class Meta:
        model = Webhook
        fields = ["address", "events"]
        labels = {"address": "Address"}
        help_texts = {"address": "Where a program of yours listens: https://example.org/tagdesk"}
        widgets = {"address": forms.TextInput(attrs={"spellcheck": "false", "inputmode": "url"})}

    def clean_address(self) -> Any:
        return checked_address(self.cleaned_data["address"])
