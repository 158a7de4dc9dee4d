"""What is learnt at once from what people finish, without a click, in the predictor: before any model the dictionary of
mentions that they have tagged or brought in a gazetteer, from the fifth finished article on the instant learner. Both
speak of the next articles of the queue alone, and end where a trained model is current.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models, transaction

from annotate.models import Annotation, Document, Prediction, Project, Source, Split, State
from annotate.passages import rest
from training import doorbell, gazetteers, instant, predictions, trouble
from training.engine.order import to_mend
from training.models import Learner
from training.snapshot import finished_gold, taught_by

if TYPE_CHECKING:
    from training.engine.articles import Article

MARKED = 200  # articles at most that are marked after each finish
FIRST, WRITTEN = 4, 25  # articles written in one transaction, few at first: well under 50 ms
LEARNT_FROM = 1_000  # finished articles at most, the newest: they are read anew each time, a thousand in half a second
LEARNING = (Source.Kind.DICTIONARY, Source.Kind.INSTANT)

log = logging.getLogger(__name__)


class Said(NamedTuple):
    """What is said of an article: spans as a prediction holds them."""

    document: Document
    spans: list[list[Any]]
    uncertainty: float | None = None


def is_wanted(project: Project) -> bool:
    """Whether anything is to be learnt at once: not where a model marks the articles already."""
    source = project.current_source
    return (project.dictionary or project.instant) and (source is None or source.goes_on_learning)


def follow(project: Project) -> None:
    """Learn from what is finished now, and mark the next articles. Repeating it changes nothing.

    Raises QueueDown where there is more to read and nobody could be rung for.
    """
    if not is_wanted(project) or project.label_changes.unfinished().exists():
        return
    is_known = instant.is_due(project) and _learn_instantly(project)
    if not is_known and project.dictionary:
        _mark_known_mentions(project)
    if not is_known and project.instant:
        instant.get_ready(project)


def _learn_instantly(project: Project) -> bool:
    """False, with the reason in the learner's row, where it cannot learn."""
    source = source_of(project, Source.Kind.INSTANT)
    try:
        is_all = instant.has_learnt(project) or instant.fit(project, source)
    except Exception as error:  # whatever it is: people wait for suggestions, and must read why there are none
        log.exception("The instant learner of project %s could not learn.", project.pk)
        Learner.objects.update_or_create(project=project, defaults={"trouble": trouble.cannot_learn(error)})
        return False
    learnt = instant.state_of(project)
    chunks = _chunks(_next(project, source))
    while make_current(project, source) and (documents := next(chunks, None)):
        if instant.state_of(project) != learnt:
            return True  # somebody has finished another meanwhile, and rung
        said = predictions.said(documents, lambda articles: instant.say(project, articles))
        put(source, [Said(document, *one) for document, one in zip(documents, said, strict=True)])
    predictions.settle_ceiling(source.pk)
    if not is_all:
        doorbell.ring_for_learning(project.pk)
    return True


def _mark_known_mentions(project: Project) -> None:
    from training.engine.dictionary import Dictionary

    known = Dictionary.of(_finished(project), _begun(project), gazetteers.mentions(project))
    if not known.entries and not project.sources.filter(kind=Source.Kind.DICTIONARY).exists():
        return
    source = source_of(project, Source.Kind.DICTIONARY)
    chunks = _chunks(_next(project, source))
    while make_current(project, source) and (documents := next(chunks, None)):
        put(source, [Said(document, _spans_known(known, document)) for document in documents])


def _finished(project: Project) -> list[Article]:
    gold = finished_gold(project).filter(document__split=Split.TRAIN).order_by("-finished_at", "-pk")
    return [taught_by(annotation) for annotation in gold[:LEARNT_FROM]]


def _begun(project: Project) -> list[Article]:
    gold = Annotation.objects.filter(
        kind=Annotation.Kind.GOLD,
        status=State.IN_PROGRESS,
        document__project=project,
        document__deleted_at=None,
        document__split=Split.TRAIN,
    )
    rows = gold.select_related("document").defer("document__signature").order_by("-updated_at")
    return [taught_by(annotation) for annotation in rows[:LEARNT_FROM]]


def _spans_known(known: Any, document: Document) -> list[list[Any]]:
    """None reaches into a passage that people left out."""
    words = document.words()
    return [
        [first + start, last + start, label, round(share, 4)]
        for start, end in rest(document.token_count, document.left_out)
        for first, last, label, share in known.find(words[start:end])
    ]


def source_of(project: Project, kind: str) -> Source:
    """The project's source of this kind. Where labels have changed since, a new one: what the old one said it said by
    their names then.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        last = Source.objects.filter(project=project, kind=kind).order_by("-number").first()
        if last is not None and last.labels_at == project.label_changes.last_id():
            return last
        return Source.next_of(project, kind)


def make_current(project: Project, source: Source) -> bool:
    """Have this source's suggestions shown. False where a model's are, or it was switched off meanwhile."""
    shows_none = models.Q(current_source=None) | models.Q(current_source__kind__in=LEARNING)
    mine = Project.objects.filter(shows_none, pk=project.pk, **{source.kind: True})
    return bool(mine.update(current_source=source))


def put(source: Source, said: Iterable[Said]) -> None:
    """Store what is said, over what the source said before. What people have begun stays as they see it; so does what
    changed while it was read: that is left to the next turn.
    """
    said = list(said)
    keys = [one.document.pk for one in said]
    with transaction.atomic():
        held = Document.objects.select_for_update().filter(pk__in=keys).order_by("pk")
        now = {pk: rest for pk, *rest in held.values_list("pk", "tokens_revision", "left_out", "state")}
        before = {row.document_id: row for row in Prediction.objects.filter(source=source, document__in=keys)}
        rows = [
            _row(source, one, before.get(one.document.pk))
            for one in said
            if now.get(one.document.pk) == [one.document.tokens_revision, one.document.left_out, State.RAW]
        ]
        Prediction.objects.bulk_create(
            [row for row in rows if row is not None],
            update_conflicts=True,
            unique_fields=["document", "source"],
            update_fields=["spans", "uncertainty", "to_mend", "tokens_revision", "reading"],
        )


def _row(source: Source, said: Said, before: Prediction | None) -> Prediction | None:
    """None where it is said already."""
    document, spans, uncertainty = said
    row = Prediction(
        document=document,
        source=source,
        spans=spans,
        uncertainty=uncertainty,
        to_mend=None if uncertainty is None else to_mend(uncertainty, document.token_count),
        tokens_revision=document.tokens_revision,
    )
    if before is not None:
        row.reading = before.reading + (before.spans != spans)
        same = ("spans", "uncertainty", "tokens_revision")
        if all(getattr(row, name) == getattr(before, name) for name in same):
            return None
    return row


def _next(project: Project, source: Source) -> list[int]:
    """The articles to mark: those that come next in the queue, and of which it has said nothing yet, so that all have
    their turn. The very next lies on somebody's screen already: where something is said of it, that stays.
    """
    raw = Document.objects.present().filter(project=project, state=State.RAW).in_split(Split.TRAIN)
    here = Prediction.objects.filter(source=source, document=models.OuterRef("pk"))
    silent = raw.filter(~models.Exists(here.filter(uncertainty__isnull=False))).order_by("pk")
    unread = list(silent.values_list("pk", flat=True)[:MARKED])
    ranked = (list(part.values_list("pk", flat=True)[:MARKED]) for part in raw.ranked(source))
    keys = [*[*chain(*ranked)][: MARKED - min(len(unread), MARKED // 2)], *unread][:MARKED]
    is_on_screen = Prediction.objects.filter(source=source, document__in=keys[:1]).exists()
    return keys[1:] if is_on_screen else keys


def _chunks(keys: list[int]) -> Iterator[list[Document]]:
    edges = [0, *range(FIRST, len(keys), WRITTEN), len(keys)]
    for first, last in pairwise(edges):
        if first < last:
            found = {row.pk: row for row in Document.objects.present().filter(pk__in=keys[first:last])}
            yield [found[pk] for pk in keys[first:last] if pk in found]
