"""The page of an article, whole or in part: its text with its tags and suggestions, and what can be done with it."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import reswap, retarget

from annotate.forms import EditForm
from annotate.history import undone_and_done
from annotate.iob2 import Span
from annotate.models import Annotation, Document, Label, Project, Role, Split
from annotate.models.prediction import Suggestion
from annotate.rendering import Mark, Sheet
from annotate.trail import Course, NotUnderstood, Trail
from annotate.views.notes import notes_context


class Seen(NamedTuple):
    """What the page that sends an edit shows: the annotation's revision, whose suggestions, of which reading, and
    which tokens.
    """

    base: int
    source: int | None
    reading: int
    shows: int


def render_desk(request: HttpRequest, document: Document, **more: Any) -> HttpResponse:
    return reswap(retarget(render_article(request, document, "#desk", **more), "#desk"), "innerHTML")


def render_article(
    request: HttpRequest,
    document: Document,
    fragment: str = "",
    annotation: Annotation | None = None,
    status: int = 200,
    role: str | None = None,
    course: Course | None = None,
    **more: Any,
) -> HttpResponse:
    trail = course.trail if course else Trail.of(request)
    lost = None
    if course is None and trail and fragment != "#edited":
        try:
            course = trail.course(document.project, document.pk)
            trail = trail if course else None
        except NotUnderstood as reason:
            lost = reason
    annotation = annotation or document.gold() or Annotation.blank_gold(document)
    labels = document.project.label_list
    spans = annotation.spans()
    prediction = None if document.is_held_out else document.prediction()
    suggestions = document.open_suggestions(spans)
    threshold = document.project.threshold
    marks = _marks(document.project, spans, suggestions)
    soft = sum(s.soft for s in suggestions)
    sheet = Sheet(document.text, document.tokens, marks, document.sentence_starts, document.left_out)
    done, undone = undone_and_done(annotation, request.user)
    held = Role(role or document.project.role_of(request.user) or Role.VIEWER)
    context = {
        "project": document.project,
        "document": document,
        "annotation": annotation,
        "spans": spans,
        "labels": _counted([label for label in labels if not label.leaving], marks),
        "text": sheet.whole() if fragment != "#edited" else sheet.touched(more["touched"]),
        "prediction": prediction,
        "unknown_labels": _unknown(document.project),
        "awaited": awaits_suggestions(document, annotation),
        "suggestions": len(suggestions) - soft,
        "soft": soft,
        "unsure": sum(s.is_unsure(threshold) for s in suggestions),
        "unknown": any(s.probability is None and not s.soft for s in suggestions),
        "can_undo": bool(done),
        "can_redo": bool(undone),
        "guided": bool(document.project.guideline) or any(label.guideline for label in labels),
        "may_edit": held.rank >= Role.ANNOTATOR.rank,
        "may_manage": held == Role.MANAGER,
        "edit_fields": [name for name in EditForm.base_fields if name not in Seen._fields],
        "next_address": f"{reverse('document_next', args=[document.project.slug])}?after={document.pk}"
        + (f"&{trail}" if trail else ""),
        "trail": trail,
        "course": course,
        "lost": lost,
        **({} if fragment == "#edited" else notes_context(document, request.user)),
        **more,
    }
    return render(request, f"annotate/document.html{fragment}", context, status=status)


def _marks(project: Project, spans: list[Span], suggestions: list[Suggestion]) -> list[Mark]:
    """What people tagged and what is open, in the order of the text."""
    colors = {label.name: label.color for label in project.label_list}
    tagged = [Mark(s.start, s.end, s.label, colors.get(s.label, 1)) for s in spans]
    open_ones = [
        Mark(
            s.start, s.end, s.label, colors.get(s.label, 1), s.probability, s.is_unsure(project.threshold), True, s.soft
        )
        for s in suggestions
    ]
    return sorted(tagged + open_ones)


def awaits_suggestions(document: Document, annotation: Annotation) -> bool:
    """Whether the current model has yet to speak of an article that nobody has begun. Who goes on learning speaks of
    the next in the queue alone: there is nothing to wait for.
    """
    source = document.project.current_source
    return (
        annotation.pk is None
        and document.split == Split.TRAIN
        and source is not None
        and not source.goes_on_learning
        and not document.predictions.filter(source=source).exists()
    )


def _unknown(project: Project) -> list[str]:
    """Labels that the current model has never learnt."""
    source = project.current_source
    return source.unknown_of([label.name for label in project.label_list if not label.leaving]) if source else []


def _counted(labels: list[Label], marks: list[Mark]) -> list[dict[str, Any]]:
    tagged = [mark.label for mark in marks if not mark.is_suggestion]
    return [{"label": label, "count": tagged.count(label.name)} for label in labels]
