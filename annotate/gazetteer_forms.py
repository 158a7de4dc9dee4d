from typing import Any

from django import forms

LARGEST = 20 * 1024 * 1024  # bytes: a hundred thousand entries are two or three


class GazetteerForm(forms.Form):
    """`shown` is the one that the page had, which is to give way."""

    file = forms.FileField(label="File", help_text="A mention, a tab and a label a line; UTF-8.")
    new_labels = forms.ChoiceField(
        label="Labels that the project does not have",
        choices=[("refuse", "refuse the file"), ("make", "make them")],
        required=False,
    )
    shown = forms.IntegerField(required=False)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(f"The file is larger than {LARGEST // 1024**2} MB.")
        return file
