"""Web addresses that people type, looked at before anything is asked of them."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

MOST_ADDRESSES = 100  # of one import


def checked_address(address: str) -> str:
    """The address as it is asked. Raises ValidationError for what Tagdesk would not ask."""
    from annotate import outbound

    try:
        return str(outbound.checked(address))
    except outbound.NotAllowed as error:
        raise ValidationError(str(error)) from error


class AddressesField(forms.CharField):
    """One a line; cleaned to a list."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "https://"})

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > MOST_ADDRESSES:
            raise ValidationError(f"At most {MOST_ADDRESSES} addresses can be fetched at once.")
        faults, addresses = [], []
        for line in dict.fromkeys(lines):
            try:
                addresses.append(checked_address(line))
            except ValidationError as error:
                faults.append(f"{line[:100]}: {' '.join(error.messages)}")
        if faults:
            raise ValidationError(faults)
        return addresses
