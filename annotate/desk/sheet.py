"""What every verb of the desk needs: the rows held for a transaction, the guards, the writing, the log.

A verb checks that its tokens are untouched since the base the person saw, then `write` stores the tags, the log, the
verdicts, the counts and the state together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotate import iob2, webhooks
from annotate.models import Annotation, Ask, Conflict, Document, DocumentLabel, Edit, How, Refused, State, Verdict
from annotate.models.prediction import Suggestion
from annotate.passages import touching
from annotate.prepared import insert, prepared
from annotate.signals import document_finished

NEW_SUGGESTIONS = "New suggestions have come in for this article. Look them over; nothing was changed."


class Change(NamedTuple):
    """New tags for a range of tokens; the range holds whole spans only. `suggestion` is what it answers to.

    Where a token was split or joined, `width` is how many tokens gave way to these, and `chars` what the log points at.
    """

    start: int
    after: list[str]
    how: str
    suggestion: Suggestion | None = None
    width: int | None = None
    chars: tuple[int, int] | None = None


class Judged(NamedTuple):
    suggestion: Suggestion
    kind: str
    at_finish: bool = False


@contextmanager
def open_desk(document_id: int, ask: Ask) -> Iterator[Desk]:
    with transaction.atomic():
        document = next(iter(_held(document_id)), None)
        if document is None:
            raise Document.DoesNotExist
        annotation = document.gold() or Annotation.blank_gold(document)
        yield Desk(document, annotation, ask)


@prepared
def _held(document: Any) -> QuerySet[Document]:
    held = Document.objects.present().select_for_update(of=("self",))
    return held.select_related("project__current_source").defer("signature").filter(pk=document)


@prepared
def _of_batch(annotation: Any, batch: Any) -> QuerySet[Edit, int]:
    return Edit.objects.filter(annotation=annotation, batch=batch).order_by().values_list("pk", flat=True)[:1]


@dataclass
class Desk:
    document: Document
    annotation: Annotation
    ask: Ask
    edits: list[Edit] = field(default_factory=list)  # what this desk wrote

    def is_repeat(self) -> bool:
        return self.annotation.pk is not None and bool(_of_batch(self.annotation.pk, self.ask.batch))

    def guard(self, start: int, end: int) -> None:
        """Refuse where these tokens changed since the revision the person saw."""
        self.guard_each([(start, end)])

    def guard_each(self, ranges: list[tuple[int, int]]) -> None:
        if self.annotation.pk is None or self.ask.base >= self.annotation.revision:
            return
        since = self.annotation.edits.filter(revision__gt=self.ask.base)
        if any(len(before) != len(after) for before, after in since.values_list("before", "after")):
            raise Conflict("A token of this article was split or joined since. This is how they are now.")
        changed = {token for start, end in since.values_list("start", "end") for token in range(start, end)}
        if any(not changed.isdisjoint(range(start, end)) for start, end in ranges):
            raise Conflict("These words were changed in another window or by somebody else. This is how they are now.")
        if since.exclude(status_before=F("status_after")).exists():
            raise Conflict(
                f"This article is {self.annotation.get_status_display().lower()} by now. Look before you go on."
            )

    def around(self, start: int, end: int) -> tuple[int, int, list[str]]:
        """The range widened to the whole spans it touches, and the tags there now."""
        if not 0 <= start < end <= self.document.token_count:
            raise Refused("That selection lies outside the article.")
        touched = [s for s in self.annotation.spans() if s.start < end and start < s.end]
        low = min([start, *(s.start for s in touched)])
        high = max([end, *(s.end for s in touched)])
        return low, high, self.annotation.tags[low:high]

    def suggestions(self, spans: list[iob2.Span] | None = None) -> list[Suggestion]:
        """What a model or an import suggests beside these spans (those there are) and nobody has judged: all of it as
        the person's page showed it.
        """
        spans = self.annotation.spans() if spans is None else spans
        left = self._seen([s for s in self.document.open_suggestions(spans) if not s.soft])
        prediction = self.document.prediction()
        if left and prediction and prediction.reading != self.ask.reading:
            raise Conflict(NEW_SUGGESTIONS)
        return left

    def suggestion(self, start: int, end: int, label: str) -> Suggestion:
        """The open suggestion or soft mark of just these words."""
        self.refuse_left_out(start, end)
        left = self.document.open_suggestions(self.annotation.spans())
        found = next((s for s in left if s[:3] == (start, end, label)), None)
        if found is None or not found.soft:
            self._seen([s for s in left if not s.soft])
        if found is None:
            raise Conflict("That suggestion is not open any more. This is how the article is now.")
        return found

    def _seen(self, left: list[Suggestion]) -> list[Suggestion]:
        """The same, refused where it is not what the person's page showed."""
        if left and self.ask.source != left[0].source_id:
            raise Conflict(NEW_SUGGESTIONS)
        return left

    def taken_back(self, low: int, high: int, kind: str) -> list[Judged]:
        """New verdicts for suggestions that were accepted in [low, high), whose spans now give way."""
        return self.retracted([s for s in self.annotation.spans() if low <= s.start < high], kind)

    def retracted(self, spans: list[iob2.Span], kind: str) -> list[Judged]:
        """New verdicts for those of these spans that were suggestions, accepted before."""
        if not spans:
            return []
        gone = {(s.start, s.end, s.label) for s in spans}
        low, high = min(s.start for s in spans), max(s.end for s in spans)
        accepted = self.document.verdicts.filter(active=True, kind=Verdict.Kind.ACCEPTED, start__gte=low, end__lte=high)
        # One may have been accepted twice: its passage was left out and taken in again between.
        once = {(v.source_id, v.start, v.end, v.label): v for v in accepted.order_by("pk")}
        return [
            Judged(Suggestion(v.start, v.end, v.label, v.probability, v.source_id or 0, said=v.said), kind)
            for v in once.values()
            if (v.start, v.end, v.label) in gone
        ]

    def refuse_left_out(self, start: int, end: int) -> None:
        if touching(self.document.left_out, start, end):
            raise Refused("This passage is left out; take it in first.", span=(start, end))

    def _allowed(self, changes: list[Change]) -> None:
        """Refuse spans in passages that are left out, and labels that the project does not have: nobody could count or
        train on them.
        """
        spans = [(change.start, span) for change in changes for span in iob2.spans_of(change.after)]
        for first, span in spans:
            self.refuse_left_out(first + span.start, first + span.end)
        project = self.document.project
        unknown = {span.label for _, span in spans} - {label.name for label in project.label_list if not label.leaving}
        if unknown:
            gone = project.label_changes.what_became_of(min(unknown))
            raise Refused(gone or f"There is no label “{min(unknown)}” in this project.")

    def write(
        self, changes: list[Change], judged: list[Judged], status: str | None = None, undoes: UUID | None = None
    ) -> None:
        annotation, ask = self.annotation, self.ask
        self._allowed(changes)
        status_before = annotation.status
        annotation.revision += 1
        self._settle(status)
        self.edits = [self._log(change, status_before, undoes) for change in changes]
        annotation.store()
        insert(self.edits)
        Verdict.objects.bulk_create(
            Verdict(
                document=self.document,
                source_id=s.source_id or None,
                batch=ask.batch,
                start=s.start,
                end=s.end,
                label=s.label,
                said=s.said or s.label,
                probability=s.probability,
                kind=kind,
                at_finish=at_finish,
            )
            for s, kind, at_finish in judged
        )
        self._count()
        if judged or any(change.how != How.HAND for change in changes):
            self.document.judge_anew()

    def _count(self) -> None:
        """Say how often each label that this edit touched now stands in the document."""
        touched = {tag[2:] for edit in self.edits for tag in (*edit.before, *edit.after) if tag != "O"}
        counts = Counter(span.label for span in self.annotation.spans())
        DocumentLabel.objects.say(self.document, {label: counts[label] for label in sorted(touched)})

    def _log(self, change: Change, status_before: str, undoes: UUID | None) -> Edit:
        """Put the change into the tags and say so."""
        start, end = change.start, change.start + len(change.after)
        gives_way = slice(start, end if change.width is None else start + change.width)
        before = self.annotation.tags[gives_way]
        self.annotation.tags[gives_way] = change.after
        self.annotation.token_count = len(self.annotation.tags)
        offsets = self.document.tokens
        chars = change.chars or ((offsets[start][0], offsets[end - 1][1]) if change.after else (0, 0))
        return Edit(
            document=self.document,
            annotation=self.annotation,
            author=self.ask.by,
            batch=self.ask.batch,
            undoes=undoes,
            revision=self.annotation.revision,
            start=start,
            end=end,
            char_start=chars[0],
            char_end=chars[1],
            before=before,
            after=change.after,
            status_before=status_before,
            status_after=self.annotation.status,
            how=change.how,
            source_id=(change.suggestion.source_id or None) if change.suggestion else None,
            probability=change.suggestion.probability if change.suggestion else None,
        )

    def _settle(self, status: str | None) -> None:
        """Bring the states of annotation and document together, and remember whether suggestions were in sight."""
        annotation, document = self.annotation, self.document
        if self.ask.source is not None:
            annotation.blind = False
        if status == State.FINISHED:
            annotation.finished_at, annotation.finished_by = timezone.now(), self.ask.by
            transaction.on_commit(lambda: document_finished.send(Document, document=document), robust=True)
            webhooks.article_finished(document)
        elif status is not None:
            annotation.finished_at = annotation.finished_by = None
        annotation.status = status or annotation.status
        if document.state != annotation.status:
            document.state = annotation.status
            document.save(update_fields=["state"])


def tags_between(spans: list[iob2.Span], low: int, high: int) -> list[str]:
    """The tags of [low, high) that hold these spans."""
    return iob2.tags_of([iob2.Span(s.start - low, s.end - low, s.label) for s in spans], high - low)
