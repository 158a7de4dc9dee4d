"""Tag an archive: every unfinished article that a filter finds, in turns that leave the predictor to people between.

Held-out articles are left out, so that nobody sees what a model says of them, and finished ones: there people's tags
stand. Each step stores what it found and how far it is in one transaction, and only while the claim holds: so one that
was cut off goes on where it ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from annotate.chosen import Chosen
from annotate.listing import Listing
from annotate.models import HELD_OUT, Document, Listed, State
from annotate.models.document import DocumentQuerySet
from training import archive_files, doorbell, predictions
from training.models import Version
from training.models.tagging import Mention, Tagging

TURN = 10.0  # seconds, after which others that wait for the predictor have theirs
MOST_ARTICLES, MOST_WORDS = 32, 8_000  # of one step
REMOVED_AT_ONCE = 2_000  # mentions of one transaction
UNFINISHED = (State.RAW, State.IN_PROGRESS)

Status = Tagging.Status


class Gone(Exception):
    """It was stopped, or another process holds it now."""


class Amount(NamedTuple):
    """What a filter finds: articles to tag with their words, and what is left out."""

    articles: int = 0
    words: int = 0
    finished: int = 0
    held_out: int = 0
    newest: int = 0


def amount(listing: Listing) -> Amount:
    """Count what there is to tag, some articles at a time."""
    found = Amount()
    unfinished, held_out = Q(state__in=UNFINISHED), Q(split__in=HELD_OUT)
    for pks in listing.chunks():
        counts = Listed.objects.filter(pk__in=pks).aggregate(
            articles=Count("pk", filter=unfinished & ~held_out),
            words=Sum("token_count", filter=unfinished & ~held_out, default=0),
            finished=Count("pk", filter=~unfinished),
            held_out=Count("pk", filter=unfinished & held_out),
            newest=Max("pk", default=0),
        )
        found = Amount(
            found.articles + counts["articles"],
            found.words + counts["words"],
            found.finished + counts["finished"],
            found.held_out + counts["held_out"],
            max(found.newest, counts["newest"]),
        )
    return found


def words_per_s(version: Version) -> float | None:
    """How fast this version reads here: by its path as it was tried, else as it did before. None where nobody knows."""
    tried: float | None = version.paths.get(version.path, {}).get("words_per_s")
    last = version.taggings.filter(seconds__gt=0).first()
    return tried or (last.words_done / last.seconds if last else None)


def begin(version: Version, listing: Listing, said: str, by: Any) -> Tagging:
    counted = amount(listing)
    return Tagging.objects.create(
        project=listing.project,
        version=version,
        created_by=by,
        chosen=asdict(listing.chosen),
        words_of_filter=said[:500],
        up_to=counted.newest,
        total=counted.articles,
        words=counted.words,
    )


def run(row: Tagging) -> bool:
    """Go on with a claimed one for a turn. False where it is done, True where it waits for its next turn. Raises Gone,
    EncoderError and OSError.
    """
    until = time.monotonic() + TURN
    listing = Listing(row.project, Chosen(**row.chosen))
    for pks in listing.chunks(row.after, row.up_to):
        for some in _steps(pks):
            _step(row, some)
            if time.monotonic() > until:
                _release(row, Status.WAITING)
                return True
        _advance(row, pks[-1])
    _release(row, Status.DONE)
    return False


def _to_tag(pks: Sequence[int]) -> DocumentQuerySet:
    return Document.objects.filter(pk__in=pks).unfinished().exclude(split__in=HELD_OUT).order_by("pk")


def _steps(pks: Sequence[int]) -> Iterator[list[int]]:
    """The articles to tag among these, so many at a time as are read within seconds."""
    step: list[int] = []
    words = 0
    for pk, count in _to_tag(pks).values_list("pk", "token_count"):
        if step and (len(step) == MOST_ARTICLES or words + count > MOST_WORDS):
            yield step
            step, words = [], 0
        step.append(pk)
        words += count
    if step:
        yield step


def _step(row: Tagging, pks: Sequence[int]) -> None:
    documents = list(_to_tag(pks).defer("signature"))
    began = time.perf_counter()
    predict = predictions.predict_with(row.version)
    found = [
        mention
        for document, (spans, _) in zip(documents, predictions.said(documents, predict), strict=True)
        for mention in _mentions(row, document, spans)
    ]
    seconds = time.perf_counter() - began
    with transaction.atomic():
        # What was erased meanwhile is not to come back by what was found in it.
        held = Document.objects.select_for_update().filter(pk__in=[document.pk for document in documents])
        there = set(held.order_by("pk").values_list("pk", flat=True))
        kept = [mention for mention in found if mention.document_id in there]
        Mention.objects.bulk_create(kept)
        row.done += len(documents)
        row.words_done += sum(document.token_count for document in documents)
        row.found += len(kept)
        row.seconds += seconds
        _advance(row, pks[-1])


def _mentions(row: Tagging, document: Document, spans: Sequence[Sequence[Any]]) -> Iterator[Mention]:
    for first, last, label, probability in spans:
        now = row.version.source.name_now(label)
        if now is not None:
            start, end = document.tokens[first][0], document.tokens[last - 1][1]
            yield Mention(
                tagging=row,
                document=document,
                start=start,
                end=end,
                text=document.text[start:end],
                label=now,
                probability=probability,
            )


def _advance(row: Tagging, pk: int) -> None:
    row.after = pk
    counts = {name: getattr(row, name) for name in ("after", "done", "words_done", "found", "seconds")}
    if not Tagging.objects.held(row).update(heartbeat_at=timezone.now(), **counts):
        raise Gone


def _release(row: Tagging, status: str) -> None:
    if not Tagging.objects.held(row).update(status=status, claim=None):
        raise Gone


def revive() -> None:
    """Ring for what waits without a job, and for what a dead process has left. Raises QueueDown."""
    Tagging.objects.revive()
    waiting = list(Tagging.objects.filter(status=Status.WAITING).values_list("pk", flat=True))
    if waiting and not doorbell.predictor_is_busy():
        for pk in waiting:
            doorbell.ring_for_tagging(pk)


def remove(row: Tagging) -> None:
    """Delete a result: some mentions at a time, so that no edit waits for it, then the row and its file."""
    Tagging.objects.stop(row)
    while some := list(row.mentions.order_by("pk").values_list("pk", flat=True)[:REMOVED_AT_ONCE]):
        Mention.objects.filter(pk__in=some).delete()
    file = archive_files.file_of(row)
    row.delete()
    file.unlink(missing_ok=True)
