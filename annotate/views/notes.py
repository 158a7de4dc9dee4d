"""What people say to one another about an article: notes, and the flag for discussion.

Every action answers with the block of notes alone, or leads back to the article where there is no JavaScript.
"""

from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotate.access import get_document
from annotate.answers import HtmxHttpRequest
from annotate.models import Document, How, Note, Role

LONGEST = 2000
GONE = "That note is not there any more."


class NoteForm(forms.Form):
    """A note as the page sends it. `words` is the revision of the tokens that `start` and `end` count in."""

    text = forms.CharField(required=False, label="A note", widget=forms.Textarea(attrs={"rows": 3}))
    start = forms.IntegerField(required=False, widget=forms.HiddenInput)
    end = forms.IntegerField(required=False, widget=forms.HiddenInput)
    words = forms.IntegerField(required=False, widget=forms.HiddenInput)
    whole = forms.BooleanField(required=False, label="about the whole article instead")

    def __init__(self, data: QueryDict | None = None, *, document: Document, may_be_empty: bool = False) -> None:
        super().__init__(data, auto_id="note-%s", initial={"words": document.tokens_revision})
        self.document = document
        self.may_be_empty = may_be_empty

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n")
        if not text and not self.may_be_empty:
            raise forms.ValidationError("Write what you want to say first.")
        if len(text) > LONGEST:
            raise forms.ValidationError(f"A note has at most {LONGEST:,} characters; this one has {len(text):,}.")
        return text

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("whole"):
            data["start"] = data["end"] = None
        start, end, words = (data.get(name) for name in ("start", "end", "words"))
        if start is None and end is None:
            return data
        if words not in (None, self.document.tokens_revision):
            raise forms.ValidationError("The words of this article were cut anew meanwhile. Select them again.")
        if start is None or end is None or not 0 <= start < end <= self.document.token_count:
            raise forms.ValidationError("The words of this note lie outside the article. Select them again.")
        return data

    def about(self) -> str:
        """The words that a refused form is about."""
        data = getattr(self, "cleaned_data", {})
        return Note(start=data.get("start"), end=data.get("end")).quote(self.document) if self.is_bound else ""

    def add(self, by: Any) -> None:
        data = self.cleaned_data
        if data["text"]:
            Note.objects.add(self.document, by, data["text"], data["start"], data["end"])


class Shown(NamedTuple):
    note: Note
    quote: str
    may_delete: bool


@require_GET
@login_required
def notes(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    return _render(request, get_document(request.user, pk))


@require_POST
@login_required
def note_new(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    document = get_document(request.user, pk, Role.ANNOTATOR)
    form = NoteForm(request.POST, document=document)
    if not form.is_valid():
        return _render(request, document, form=form, fresh=True)
    with transaction.atomic():
        form.add(request.user)
    return _answer(request, document, "Noted.", fresh=True)


@require_POST
@login_required
def document_flag(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    """Flag the article for discussion, with a note if one was written."""
    document = get_document(request.user, pk, Role.ANNOTATOR)
    form = NoteForm(request.POST, document=document, may_be_empty=True)
    if not form.is_valid():
        return _render(request, document, form=form, fresh=True)
    with transaction.atomic():
        form.add(request.user)
        document.flag(request.user)
    return _answer(request, document, "Flagged for discussion.", fresh=True)


@require_POST
@login_required
def document_unflag(request: HtmxHttpRequest, pk: int) -> HttpResponseBase:
    document = get_document(request.user, pk, Role.ANNOTATOR)
    with transaction.atomic():
        document.flag(request.user, flagged=False)
    return _answer(request, document, "The flag is taken away.")


@require_POST
@login_required
def note_settle(request: HtmxHttpRequest, pk: int, note: int) -> HttpResponseBase:
    document = get_document(request.user, pk, Role.ANNOTATOR)
    found = document.notes.present().filter(pk=note).first()
    if found is not None:
        found.settle(request.user)
    return _answer(request, document, "Settled." if found else GONE)


@require_POST
@login_required
def note_reopen(request: HtmxHttpRequest, pk: int, note: int) -> HttpResponseBase:
    document = get_document(request.user, pk, Role.ANNOTATOR)
    found = document.notes.present().filter(pk=note).first()
    if found is not None:
        found.reopen()
    return _answer(request, document, "Open again." if found else GONE)


@require_POST
@login_required
def note_delete(request: HtmxHttpRequest, pk: int, note: int) -> HttpResponseBase:
    """Delete one's own note, or as a manager anybody's."""
    document = get_document(request.user, pk, Role.ANNOTATOR)
    found = _found(document, note, request.user)
    if found is None:
        return _answer(request, document, GONE)
    found.delete_softly(request.user)
    return _answer(request, document, "The note is deleted.", undo=reverse("note_restore", args=[pk, note]))


@require_POST
@login_required
def note_restore(request: HtmxHttpRequest, pk: int, note: int) -> HttpResponseBase:
    """Bring back one's own note, or as a manager anybody's, as it was."""
    document = get_document(request.user, pk, Role.ANNOTATOR)
    found = _found(document, note, request.user)
    if found is not None:
        found.restore()
    return _answer(request, document, "The note is back." if found else GONE)


def _found(document: Document, note: int, user: Any) -> Note | None:
    """A note, deleted or not, that the person may delete and bring back."""
    found = document.notes.filter(pk=note).first()
    if found is not None and not _may_delete(found, document, user):
        raise PermissionDenied("Only its author or a manager deletes a note or brings it back.")
    return found


def _may_delete(note: Note, document: Document, user: Any) -> bool:
    role = document.project.role_of(user)
    return role == Role.MANAGER or (role == Role.ANNOTATOR and note.author_id == user.pk)


def notes_context(document: Document, user: Any) -> dict[str, Any]:
    """What `annotate/_notes.html` needs beside the article's `document` and `project`."""
    shown = [
        Shown(note, note.quote(document), _may_delete(note, document, user))
        for note in document.notes.select_related("author", "settled_by", "deleted_by")
    ]
    present = [row for row in shown if row.note.deleted_at is None]
    flags = document.edits.filter(annotation=None, how=How.FLAGGED).select_related("author").order_by("-pk")
    return {
        "open_notes": [row for row in present if row.note.settled_at is None],
        "settled_notes": [row for row in present if row.note.settled_at is not None],
        "deleted_notes": [row for row in shown if row.note.deleted_at is not None and row.may_delete],
        "flagging": flags.first() if document.flagged else None,
        "note_form": NoteForm(document=document),
        "may_note": document.project.role_of(user) in (Role.MANAGER, Role.ANNOTATOR),
    }


def _answer(
    request: HtmxHttpRequest, document: Document, told: str, undo: str = "", fresh: bool = False
) -> HttpResponseBase:
    if request.htmx:
        return _render(request, document, told=told, undo=undo, fresh=fresh)
    messages.success(request, told, extra_tags=f"undo:{undo}" if undo else "")
    return redirect(f"{reverse('document', args=[document.pk])}#notes")


def _render(request: HtmxHttpRequest, document: Document, form: NoteForm | None = None, **more: Any) -> HttpResponse:
    """The notes; `fresh` where what stands in the form on the page has been dealt with."""
    context = {"document": document, "project": document.project, "alone": bool(request.htmx)}
    context |= notes_context(document, request.user) | more
    context |= {"note_form": form} if form else {}
    return render(request, "annotate/_notes.html" if request.htmx else "annotate/notes.html", context)
