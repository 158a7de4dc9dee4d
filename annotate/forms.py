from __future__ import annotations

from itertools import pairwise
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.base import File
from django.core.files.uploadedfile import SimpleUploadedFile

from annotate import schemes
from annotate.address_fields import AddressesField
from annotate.desk import Desk, do
from annotate.exchange import fields
from annotate.exchange.hub import Wanted, named
from annotate.exchange.records import FormatError
from annotate.iob2 import Span
from annotate.models import Ask, Conflict, Label, Project
from annotate.models.project import refuse_twins

SPAN = ("start", "end", "label")
MOST_SPANS = 1_000  # of one edit
LABELS_TYPED = 2_000  # characters
# What each verb of the desk is given, by the names of the form's fields.
GIVEN: dict[str, tuple[str, ...]] = {
    "tag": SPAN,
    "tag_all": ("spans",),
    "clear": ("start", "end"),
    "accept": SPAN,
    "reject": SPAN,
    "accept_all": ("at_least",),
    "offer_like": ("start", "end", "fold_case", "inflect"),
    "take_all_offers": ("shown",),
    "drop_offers": ("shown",),
    "finish": (),
    "reopen": (),
    "undo": (),
    "redo": (),
    "leave_out": ("start", "end"),
    "take_in": ("start", "end"),
    "split_token": ("start", "at"),
}


class SpansField(forms.JSONField):
    """[[start, end, "LABEL"], ...] in tokens, cleaned to spans in order that do not overlap."""

    def clean(self, value: Any) -> list[Span]:
        try:
            given = super().clean(value) or []
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists in lists
            raise forms.ValidationError("These spans cannot be read.") from error
        if not isinstance(given, list) or not all(map(_is_span, given)):
            raise forms.ValidationError("These spans are not lists of two token numbers and a label.")
        if len(given) > MOST_SPANS:
            raise forms.ValidationError(f"At most {MOST_SPANS:,} spans can be tagged at once.")
        spans = sorted(Span(*one) for one in given)
        if any(later.start < earlier.end for earlier, later in pairwise(spans)):
            raise forms.ValidationError("Two of these spans overlap.")
        return spans


def _is_span(given: Any) -> bool:
    match given:
        case [int(start), int(end), str(label)] if bool not in map(type, given):
            return 0 <= start < end and 0 < len(label) <= 50 and label.isprintable()
    return False


class SharedFields(dict[str, forms.Field]):
    """Fields that no form alters, so that each form need not have copies of its own: a tenth of the time of an edit."""

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedFields:
        return self


class EditForm(forms.Form):
    """One edit as the article page sends it: its own id, what the page showed, and the verb."""

    client_id = forms.UUIDField()
    base = forms.IntegerField(min_value=0)
    source = forms.IntegerField(required=False)
    reading = forms.IntegerField(min_value=0, required=False, help_text="Of these suggestions")
    shows = forms.IntegerField(min_value=0, required=False, help_text="The revision of the tokens on the page")
    words = forms.IntegerField(min_value=0, required=False, help_text="The revision that the numbers of tokens are of")
    verb = forms.ChoiceField(choices=[(verb, verb) for verb in GIVEN])
    start = forms.IntegerField(min_value=0, required=False)
    end = forms.IntegerField(min_value=1, required=False)
    at = forms.IntegerField(min_value=1, required=False)
    label = forms.CharField(max_length=50, required=False)
    spans = SpansField(required=False)
    at_least = forms.FloatField(min_value=0, max_value=1, required=False)
    fold_case = forms.BooleanField(required=False)
    inflect = forms.BooleanField(required=False)
    shown = forms.IntegerField(min_value=0, required=False, help_text="How many soft marks the page showed")
    go_on = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["shows"] = data.get("shows") or 0
        data["reading"] = data.get("reading") or 0
        data["words"] = data["shows"] if data.get("words") is None else data["words"]
        wanted = GIVEN.get(data.get("verb", ""), ())
        if any(data.get(name) is None for name in {"start", "end", "at"} & set(wanted)):
            raise forms.ValidationError("This edit names no words.")
        if "label" in wanted and not data.get("label"):
            raise forms.ValidationError("Choose a label first.")
        if "spans" in wanted and not data.get("spans") and not self.errors:
            raise forms.ValidationError("This edit names no words.")
        if {"at_least", "shown"} & {name for name in wanted if data.get(name) is None} and not self.errors:
            raise forms.ValidationError("Look at what is to be accepted first.")
        return data

    def ask(self, user: Any) -> Ask:
        data = self.cleaned_data
        return Ask(user, data["client_id"], data["base"], data["source"], data["reading"])

    def act(self, desk: Desk) -> None:
        verb = self.cleaned_data["verb"]
        counts = {"start", "spans"} & set(GIVEN[verb])
        if counts and self.cleaned_data["words"] != desk.document.tokens_revision and not desk.is_repeat():
            raise Conflict("A token of this article was split or joined since. This is how they are now.")
        do(desk, verb, *(self.cleaned_data[name] for name in GIVEN[verb]))


EditForm.base_fields = SharedFields(EditForm.base_fields)


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Any number of files; cleaned to a list."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        return [super(ManyFilesField, self).clean(file, initial) for file in data or []]


class ImportForm(forms.Form):
    """Files or one pasted article, and how to read them."""

    files = ManyFilesField(  # type: ignore[assignment]  # the form takes the field away from its class
        required=False,
        label="Files",
        help_text="Text, CSV, Excel, JSONL, JSON, CoNLL … What is inside decides, not the name.",
    )
    hub = forms.CharField(
        required=False,
        max_length=300,
        label="Or a dataset of the Hugging Face hub",
        help_text="Its id, OWNER/NAME. Its Parquet files are fetched from huggingface.co, and nothing else of it.",
    )
    title = forms.CharField(max_length=500, required=False, label="Title of the pasted article")
    pasted = forms.CharField(
        required=False, strip=False, label="Or paste one article", widget=forms.Textarea(attrs={"rows": 8})
    )
    addresses = AddressesField(
        required=False,
        label="Or fetch from the web",
        help_text="Addresses of pages or files, one a line. Of a page the article is taken, without what is around it.",
    )
    as_ = forms.ChoiceField(
        label="Tags in the file are",
        choices=[("finished", "finished annotations"), ("suggestions", "suggestions to be judged")],
        required=False,
    )
    split = forms.ChoiceField(
        label="Split",
        choices=[
            ("auto", "as the file says, else by the project's shares"),
            ("train", "all for training"),
            ("validation", "all held out for validation"),
            ("test", "all held out for the final test"),
        ],
        required=False,
    )
    scheme = forms.ChoiceField(
        label="Tagging scheme",
        choices=[("auto", "found out from the file"), *schemes.TITLES.items()],
        required=False,
    )
    tag_column = forms.IntegerField(
        required=False,
        label="Column of the tags",
        help_text="Only for CoNLL whose tags are not in the last column: 3 is the third, -2 the last but one.",
    )
    blank_lines = forms.TypedChoiceField(
        coerce=int,
        empty_value=None,
        required=False,
        label="Articles in a text file",
        choices=[
            (0, "one: the file is an article"),
            (1, "several, with a blank line between them"),
            (2, "several, with two blank lines between them"),
            (3, "several, with three blank lines between them"),
        ],
    )
    text_column = forms.CharField(
        required=False,
        max_length=200,
        label="Column of the text",
        help_text="Only for a table whose text column is not called text, body, content or article.",
    )
    columns = forms.CharField(
        required=False,
        max_length=1000,
        label="Other columns",
        help_text="Only for a table whose columns have names of their own: title=Headline, date=Day, id=Number.",
    )
    label_list = forms.CharField(
        required=False,
        label="Label list for integer tags",
        help_text="Only where the file does not carry one: O, B-PER, I-PER, …",
    )
    hub_config = forms.CharField(
        required=False,
        max_length=200,
        label="Configuration of the dataset",
        help_text="Only for a dataset of the hub that has several; without it you are told which.",
    )
    hub_split = forms.CharField(
        required=False, max_length=200, label="Split of the dataset", help_text="Without one, all of them."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.TAGDESK_FETCH:
            del self.fields["addresses"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        sources: list[File[Any]] = list(data.get("files") or [])
        if (data.get("pasted") or "").strip():
            pasted = SimpleUploadedFile("pasted.txt", data["pasted"].encode("utf-8", "surrogatepass"))
            sources.append(pasted)
        if data.get("addresses") and (data.get("pasted") or "").strip():
            self.add_error("addresses", "Paste an article or give addresses: not both at once.")
        if data.get("hub") and (sources or data.get("addresses")):
            raise forms.ValidationError("Choose files or a dataset of the hub; they are two imports.")
        if not sources and not data.get("addresses") and not data.get("hub") and not self.errors:
            raise forms.ValidationError("Choose a file, name a dataset or paste an article.")
        data["sources"] = sources
        return data

    def clean_hub(self) -> str:
        try:
            return named(self.cleaned_data["hub"]) if self.cleaned_data["hub"].strip() else ""
        except FormatError as error:
            raise forms.ValidationError(str(error)) from error

    def wanted(self) -> Wanted | None:
        """The dataset of the hub that is meant."""
        data = self.cleaned_data
        return Wanted(data["hub"], data["hub_config"].strip(), data["hub_split"].strip()) if data["hub"] else None

    def clean_columns(self) -> dict[str, str]:
        try:
            return fields.wished(self.cleaned_data["columns"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def options(self) -> dict[str, Any]:
        data = self.cleaned_data
        names = ("as_", "split", "scheme", "text_column", "columns", "tag_column", "blank_lines")
        chosen = {name: data[name] for name in names if data.get(name)}
        if data.get("label_list"):
            chosen["label_list"] = [tag for tag in data["label_list"].replace(",", " ").split() if tag]
        if not data.get("files") and not data.get("addresses") and not data.get("hub"):
            chosen |= {"format": "txt", "title": data.get("title", "")}
        return chosen


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=120)
    labels = forms.CharField(
        label="Labels",
        initial="PER, ORG, LOC, MISC",
        max_length=LABELS_TYPED,
        error_messages={"max_length": "These are too many labels to begin with. Give fewer; more can be added later."},
        help_text="Separated by commas. More can be added at any time.",
    )

    def clean_labels(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["labels"].replace("\n", ",").split(",") if name.strip()]
        if not names:
            raise forms.ValidationError("Give at least one label.")
        if len(set(names)) < len(names):
            raise forms.ValidationError("A label is named twice.")
        refuse_twins(names)
        for name in names:
            Label._meta.get_field("name").clean(name, None)
        return names


class SettingsForm(forms.ModelForm[Project]):
    threshold = forms.IntegerField(
        min_value=0,
        max_value=100,
        label="Threshold, in per cent",
        help_text="Finishing an article takes suggestions at or above it; those below must be judged one by one.",
    )

    class Meta:
        model = Project
        fields = ["name", "threshold", "dictionary", "instant", "validation_share", "test_share", "guideline"]
        labels = {
            "dictionary": "Suggest known mentions before there is a model",
            "instant": "Learn from every finished article at once",
            "validation_share": "Validation share, in per cent",
            "test_share": "Test share, in per cent",
        }
        help_texts = {
            "dictionary": "Words that somebody has tagged are suggested wherever they stand again.",
            "instant": "From the fifth on, in the background, until a trained model is better.",
            "validation_share": "Held out and scored at every run. Applies to articles imported from now on.",
            "test_share": "Held out and scored on request only.",
            "guideline": "What to tag and what not, for everybody. Markdown; a picture is shown as a link to it.",
        }

    def __init__(self, *args: Any, instance: Project, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {})["threshold"] = round(instance.threshold * 100)
        super().__init__(*args, instance=instance, **kwargs)  # type: ignore[misc]

    def clean_threshold(self) -> float:
        return float(self.cleaned_data["threshold"]) / 100

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("validation_share", 0) + data.get("test_share", 0) > 95:
            raise forms.ValidationError("Leave at least 5 per cent of the articles for training.")
        return data
