"""The desk: every change that a person makes to an article, one durable transaction each.

`Desk` holds the document and its gold annotation for the length of a transaction. Each verb checks that the request
is new (a repeat changes nothing) and that its tokens are untouched since the base the person saw, then writes the
tags, the log, the verdicts, the counts and the state together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotate import iob2
from annotate.history import undone_and_done
from annotate.models import Annotation, Ask, Conflict, Document, DocumentLabel, Edit, How, Refused, State, Verdict
from annotate.models.prediction import Suggestion
from annotate.signals import document_finished


class Change(NamedTuple):
    """New tags for a range of tokens; the range holds whole spans only. `suggestion` is what it answers to."""

    start: int
    after: list[str]
    how: str
    suggestion: Suggestion | None = None


class Judged(NamedTuple):
    suggestion: Suggestion
    kind: str
    at_finish: bool = False


@contextmanager
def open_desk(document_id: int, ask: Ask) -> Iterator[Desk]:
    with transaction.atomic():
        document = Document.objects.present().select_for_update().get(pk=document_id)
        annotation = document.gold() or Annotation.blank_gold(document)
        yield Desk(document, annotation, ask)


@dataclass
class Desk:
    document: Document
    annotation: Annotation
    ask: Ask

    def tag(self, start: int, end: int, label: str) -> None:
        """Make [start, end) one span; spans that it touches give way, suggestions that it touches are judged."""
        if self._is_repeat():
            return
        low, high, kept = self._around(start, end)
        self._guard(low, high)
        spans = [iob2.Span(start, end, label)]
        # Only what the page showed can have been judged: a model that came in meanwhile is no reason to refuse a tag.
        open_now = self.document.open_suggestions(self.annotation.spans())
        touched = [s for s in open_now if s.source_id == self.ask.source and s.overlaps(start, end)]
        exact = next((s for s in touched if (s.start, s.end, s.label) == (start, end, label)), None)
        how = How.ACCEPTED if exact else How.CORRECTED if touched else How.HAND
        after = _tags(spans, low, high)
        judged = [Judged(s, Verdict.Kind.ACCEPTED if s == exact else Verdict.Kind.CORRECTED) for s in touched]
        if after != kept:
            judged += self._taken_back(low, high, Verdict.Kind.CORRECTED)
        if after != kept or judged:
            self._write([Change(low, after, how, exact or (touched[0] if touched else None))], judged)

    def clear(self, start: int, end: int) -> None:
        """Remove the spans that touch [start, end)."""
        if self._is_repeat():
            return
        low, high, kept = self._around(start, end)
        self._guard(low, high)
        if any(tag != "O" for tag in kept):
            judged = self._taken_back(low, high, Verdict.Kind.REJECTED)
            self._write([Change(low, ["O"] * (high - low), How.HAND)], judged)

    def accept(self, start: int, end: int, label: str) -> None:
        if self._is_repeat():
            return
        suggestion = self._suggestion(start, end, label)
        self._guard(start, end)
        change = Change(start, _tags([iob2.Span(start, end, label)], start, end), How.ACCEPTED, suggestion)
        self._write([change], [Judged(suggestion, Verdict.Kind.ACCEPTED)])

    def reject(self, start: int, end: int, label: str) -> None:
        if self._is_repeat():
            return
        suggestion = self._suggestion(start, end, label)
        self._guard(start, end)
        change = Change(start, self.annotation.tags[start:end], How.REJECTED, suggestion)
        self._write([change], [Judged(suggestion, Verdict.Kind.REJECTED)])

    def finish(self) -> None:
        """Take what is left at or above the threshold as accepted at finish; the rest must be judged first, one by
        one: what is below it, and what came without a probability.
        """
        if self._is_repeat() or self.annotation.is_finished:
            return
        left = self._suggestions()
        threshold = self.document.project.threshold
        unsure = [s for s in left if s.is_unsure(threshold)]
        if unsure:
            count = "one suggestion is" if len(unsure) == 1 else f"{len(unsure)} suggestions are"
            unknown = " or without a probability" if None in {s.probability for s in unsure} else ""
            raise Refused(f"Judge first: {count} below {threshold:.0%}{unknown}.", span=unsure[0][:2])
        self._guard(0, self.document.token_count)
        changes = [
            Change(s.start, _tags([iob2.Span(s.start, s.end, s.label)], s.start, s.end), How.ACCEPTED_AT_FINISH, s)
            for s in left
        ]
        judged = [Judged(s, Verdict.Kind.ACCEPTED, at_finish=True) for s in left]
        self._write([*changes, Change(0, [], How.FINISHED)], judged, status=State.FINISHED)

    def reopen(self) -> None:
        if self._is_repeat() or not self.annotation.is_finished:
            return
        self._write([Change(0, [], How.REOPENED)], [], status=State.IN_PROGRESS)

    def undo(self) -> None:
        self._take_back(redo=False)

    def redo(self) -> None:
        self._take_back(redo=True)

    def _take_back(self, redo: bool) -> None:
        if self._is_repeat():
            return
        done, undone = undone_and_done(self.annotation, self.ask.by)
        batch = next(iter((undone if redo else done)[-1:]), None)
        if batch is None:
            raise Refused("There is nothing of yours to redo here." if redo else "There is nothing of yours to undo.")
        edits = list(self.annotation.edits.filter(batch=batch.latest).order_by("-pk"))
        for edit in edits:
            later = self.annotation.edits.filter(revision__gt=edit.revision, start__lt=edit.end, end__gt=edit.start)
            other = later.exclude(author=self.ask.by).select_related("author").first()
            if other is not None:
                who = other.author.get_username() if other.author else "an import"
                raise Refused(f"{who} has changed these words since, so your change stays.")
        changes = [Change(e.start, e.before, How.REDONE if redo else How.UNDONE) for e in edits]
        status = edits[0].status_before if edits[0].status_before != edits[0].status_after else None
        if status is not None and self._status_changed_since(edits[0]):
            raise Refused("Somebody has finished or reopened this article since, so its state stays as it is.")
        self._write(changes, [], status=status, undoes=batch.latest)
        self.document.verdicts.filter(batch=batch.origin).update(active=redo)

    def _status_changed_since(self, edit: Edit) -> bool:
        later = self.annotation.edits.filter(revision__gt=edit.revision).exclude(author=self.ask.by)
        changed = later.exclude(status_before=F("status_after")).exists()
        return changed or self.annotation.status != edit.status_after

    def _is_repeat(self) -> bool:
        return self.annotation.pk is not None and self.annotation.edits.filter(batch=self.ask.batch).exists()

    def _guard(self, start: int, end: int) -> None:
        """Refuse where these tokens changed since the revision the person saw."""
        if self.annotation.pk is None or self.ask.base >= self.annotation.revision:
            return
        since = self.annotation.edits.filter(revision__gt=self.ask.base)
        if since.filter(start__lt=end, end__gt=start).exists():
            raise Conflict("These words were changed in another window or by somebody else. This is how they are now.")
        if since.exclude(status_before=F("status_after")).exists():
            raise Conflict(
                f"This article is {self.annotation.get_status_display().lower()} by now. Look before you go on."
            )

    def _around(self, start: int, end: int) -> tuple[int, int, list[str]]:
        """The range widened to the whole spans it touches, and the tags there now."""
        if not 0 <= start < end <= self.document.token_count:
            raise Refused("That selection lies outside the article.")
        touched = [s for s in self.annotation.spans() if s.start < end and start < s.end]
        low = min([start, *(s.start for s in touched)])
        high = max([end, *(s.end for s in touched)])
        return low, high, self.annotation.tags[low:high]

    def _suggestions(self) -> list[Suggestion]:
        """What is still open, refused where it is not what the person's page showed."""
        left = self.document.open_suggestions(self.annotation.spans())
        if left and self.ask.source != left[0].source_id:
            raise Conflict("New suggestions have come in for this article. Look them over; nothing was changed.")
        return left

    def _suggestion(self, start: int, end: int, label: str) -> Suggestion:
        for suggestion in self._suggestions():
            if (suggestion.start, suggestion.end, suggestion.label) == (start, end, label):
                return suggestion
        raise Conflict("That suggestion is not open any more. This is how the article is now.")

    def _taken_back(self, low: int, high: int, kind: str) -> list[Judged]:
        """New verdicts for suggestions that were accepted in [low, high), whose spans now give way."""
        gone = {(s.start, s.end, s.label) for s in self.annotation.spans() if low <= s.start < high}
        accepted = self.document.verdicts.filter(active=True, kind=Verdict.Kind.ACCEPTED, start__gte=low, end__lte=high)
        return [
            Judged(Suggestion(v.start, v.end, v.label, v.probability, v.source_id or 0), kind)
            for v in accepted
            if (v.start, v.end, v.label) in gone
        ]

    def _known(self, changes: list[Change]) -> None:
        """Refuse labels that the project does not have: nobody could count or train on them."""
        wanted = {span.label for change in changes for span in iob2.spans_of(change.after)}
        unknown = wanted - set(self.document.project.labels.filter(name__in=wanted).values_list("name", flat=True))
        if unknown:
            raise Refused(f"There is no label “{min(unknown)}” in this project.")

    def _write(
        self, changes: list[Change], judged: list[Judged], status: str | None = None, undoes: UUID | None = None
    ) -> None:
        annotation, ask = self.annotation, self.ask
        self._known(changes)
        status_before = annotation.status
        annotation.revision += 1
        self._settle(status)
        if annotation.pk is None:
            annotation.save()
        edits = [self._log(change, status_before, undoes) for change in changes]
        annotation.save()
        Edit.objects.bulk_create(edits)
        Verdict.objects.bulk_create(
            Verdict(
                document=self.document,
                source_id=s.source_id or None,
                batch=ask.batch,
                start=s.start,
                end=s.end,
                label=s.label,
                probability=s.probability,
                kind=kind,
                at_finish=at_finish,
            )
            for s, kind, at_finish in judged
        )
        self._count(edits)

    def _count(self, edits: list[Edit]) -> None:
        moved: Counter[str] = Counter()
        for edit in edits:
            moved.update(span.label for span in iob2.spans_of(edit.after))
            moved.subtract(span.label for span in iob2.spans_of(edit.before))
        DocumentLabel.objects.move(self.document, moved)

    def _log(self, change: Change, status_before: str, undoes: UUID | None) -> Edit:
        """Put the change into the tags and say so."""
        start, end = change.start, change.start + len(change.after)
        before = self.annotation.tags[start:end]
        self.annotation.tags[start:end] = change.after
        offsets = self.document.tokens
        return Edit(
            document=self.document,
            annotation=self.annotation,
            author=self.ask.by,
            batch=self.ask.batch,
            undoes=undoes,
            revision=self.annotation.revision,
            start=start,
            end=end,
            char_start=offsets[start][0] if change.after else 0,
            char_end=offsets[end - 1][1] if change.after else 0,
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
        elif status is not None:
            annotation.finished_at = annotation.finished_by = None
        annotation.status = status or annotation.status
        if document.state != annotation.status:
            document.state = annotation.status
            document.save(update_fields=["state"])


def _tags(spans: list[iob2.Span], low: int, high: int) -> list[str]:
    return iob2.tags_of([iob2.Span(s.start - low, s.end - low, s.label) for s in spans], high - low)
