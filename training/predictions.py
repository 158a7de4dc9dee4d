"""What a model version says of articles that nobody has finished, as Prediction rows. Never of held-out ones."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from annotate.models import Document, Listed, Prediction, Project, Source, Split, State
from annotate.passages import rest
from training import paths
from training.doorbell import Stage
from training.engine.articles import Article
from training.engine.order import ceiling_at, to_mend
from training.models import Version
from training.turns import Lane, give_way

if TYPE_CHECKING:
    from training.engine.predict import Predictor

FIRST, CHUNK = 4, 32  # articles written at once: few at first, so that the very next article has its suggestions soon
AT_ONCE: dict[Stage, int] = {
    "next": 200,
    "pool": 2000,
    "rest": 500,
}  # articles of one job; the rest in turns
FOLLOWS: dict[Stage, Stage] = {"next": "pool", "pool": "rest", "rest": "rest"}
AT_WORK_FOR = timedelta(minutes=2)  # far longer than any chunk takes
KEPT_WARM = 2  # loaded models; a small encoder takes 100 MB

_warm: OrderedDict[tuple[int, str], Predictor] = OrderedDict()
_loading = threading.Lock()


def wanting(version: Version) -> models.QuerySet[Document]:
    """The articles that this version has yet to speak of, in the queue's order. Where a passage was taken in again, it
    has not read the whole, and has no uncertainty.
    """
    said = Prediction.objects.filter(
        document=models.OuterRef("pk"),
        source=version.source_id,
        tokens_revision=models.OuterRef("tokens_revision"),
        uncertainty__isnull=False,
    )
    waiting = Document.objects.filter(project=version.project_id).unfinished().in_split(Split.TRAIN)
    return waiting.filter(~models.Exists(said)).order_by("pk")


def fill(version: Version, stage: Stage) -> bool:
    """Write the predictions of one stage. False where the version is not current any more: then it stops.

    Raises EncoderError and OSError where the model cannot be loaded.
    """
    chosen = wanting(version)
    if stage == "pool":
        chosen = chosen.order_by("?")
    keys = list(chosen.values_list("pk", flat=True)[: AT_ONCE[stage]])
    left, done, began = chosen.order_by().count() if keys else 0, 0, time.monotonic()
    for chunk in _chunks(keys):
        if not is_current(version):
            return False
        write(version, list(Document.objects.filter(pk__in=chunk).unfinished().in_split(Split.TRAIN).order_by("pk")))
        done += len(chunk)
        _tell(version, left - done, done / (time.monotonic() - began))
    settle_ceiling(version.source_id)
    return is_current(version)


def settle_ceiling(source_id: int) -> None:
    """Find what few of the articles still to be tagged exceed, of those that this source has spoken of."""
    waiting = Listed.objects.filter(state__in=(State.RAW, State.IN_PROGRESS), split=Split.TRAIN)
    said = Prediction.objects.filter(source=source_id, to_mend__gte=0, document__in=waiting.values("pk"))
    place = ceiling_at(said.count())
    most_first = said.order_by("-to_mend").values_list("to_mend", flat=True)
    Source.objects.filter(pk=source_id).update(ceiling=most_first[place] if place else None)


def _tell(version: Version, left: int, articles_per_s: float) -> None:
    """Say in the row how far it is: pages read that, and count nothing."""
    filling = {"left": left, "articles_per_s": round(articles_per_s, 2), "at": time.time()}
    Version.objects.filter(pk=version.pk).update(filling=filling)


def is_at_work(version: Version) -> bool:
    """Whether something was predicted lately: then a worker is at it, and the rest follows by itself."""
    lately = timezone.now() - AT_WORK_FOR
    return Prediction.objects.filter(source=version.source_id, created_at__gte=lately).exists()


def is_current(version: Version) -> bool:
    return Project.objects.filter(pk=version.project_id, current_source=version.source_id).exists()


def write(version: Version, documents: Sequence[Document]) -> None:
    """Predict and store, over whatever this version said of them before. One short transaction."""
    if not documents:
        return
    rows = [
        Prediction(
            document=document,
            source_id=version.source_id,
            spans=spans,
            uncertainty=min(max(uncertainty, 0.0), 1.0),
            to_mend=to_mend(uncertainty, document.token_count),
            tokens_revision=document.tokens_revision,
        )
        for document, (spans, uncertainty) in zip(documents, said(documents, predict_with(version)), strict=True)
    ]
    with transaction.atomic():
        # What changed while the model read it is left to the next turn: its tokens are others, or it has more of them.
        held = Document.objects.select_for_update().filter(pk__in=[d.pk for d in documents]).order_by("pk")
        there = {pk: now for pk, *now in held.values_list("pk", "tokens_revision", "left_out")}
        Prediction.objects.bulk_create(
            [
                row
                for row, document in zip(rows, documents, strict=True)
                if there.get(document.pk) == [document.tokens_revision, document.left_out]
            ],
            update_conflicts=True,
            unique_fields=["document", "source"],
            update_fields=["spans", "uncertainty", "to_mend", "tokens_revision"],
        )


def said(
    documents: Sequence[Document], predict: Callable[[list[Article]], Sequence[Any]]
) -> Iterator[tuple[list[list[Any]], float]]:
    """Spans and uncertainty of each article, read without the passages that people left out: each stretch between two
    of them for itself, so that no span reaches over one. Of an article left out whole there is nothing to say.
    """
    articles = [article for document in documents for article in stretches_of(document)]
    found = iter(predict(articles) if articles else ())
    for document in documents:
        spans: list[list[Any]] = []
        uncertainty, read = 0.0, 0
        for start, end in rest(document.token_count, document.left_out):
            one = next(found)
            spans += [[first + start, last + start, *more] for first, last, *more in one.spans]
            uncertainty += one.uncertainty * (end - start)  # it is a mean over tokens
            read += end - start
        yield spans, uncertainty / max(read, 1)


def predict_with(version: Version) -> Callable[[list[Article]], Sequence[Any]]:
    """In the background: after each batch those go first who wait for an answer."""
    return lambda articles: predictor(version).predict(articles, lambda *_: give_way(Lane.BACKGROUND))


def stretches_of(document: Document) -> Iterator[Article]:
    """The article without the passages that people left out."""
    words = document.words()
    for start, end in rest(document.token_count, document.left_out):
        starts = [0, *(place - start for place in document.sentence_starts if start < place < end)]
        yield Article(str(document.pk), words[start:end], [], starts)


def predictor(version: Version) -> Predictor:
    """The version's model by its path, loaded once a process; the one that was asked least recently gives way.

    Several threads may use it at once.
    """
    key = (version.pk, version.path)
    with _loading:
        if key not in _warm:
            for other in [other for other in _warm if other[0] == version.pk]:
                del _warm[other]
            while len(_warm) >= KEPT_WARM:
                _warm.popitem(last=False)
            loaded = paths.load(version)
            loaded.predict([])  # a tokenizer settles at its first call, and no other may be under way then
            _warm[key] = loaded
        _warm.move_to_end(key)
        return _warm[key]


def _chunks(keys: list[int]) -> Iterator[list[int]]:
    if keys:
        yield keys[:FIRST]
    for start in range(FIRST, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
