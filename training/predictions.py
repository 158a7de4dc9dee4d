"""What a model version says of articles that nobody has finished, as Prediction rows. Never of held-out ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils import timezone

from annotate.models import Document, Prediction, Project, Split
from training.doorbell import Stage
from training.engine.articles import Article
from training.learning import folder_of
from training.models import Version

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

_warm: OrderedDict[int, Predictor] = OrderedDict()


def wanting(version: Version) -> models.QuerySet[Document]:
    """The articles that this version has yet to speak of, in the queue's order."""
    said = Prediction.objects.filter(
        document=models.OuterRef("pk"), source=version.source_id, tokens_revision=models.OuterRef("tokens_revision")
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
    for chunk in _chunks(keys):
        if not is_current(version):
            return False
        write(version, list(Document.objects.filter(pk__in=chunk).unfinished().in_split(Split.TRAIN).order_by("pk")))
    return is_current(version)


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
    said = predictor(version).predict([Article(str(d.pk), d.words(), [], d.sentence_starts) for d in documents])
    rows = [
        Prediction(
            document=document,
            source_id=version.source_id,
            spans=[list(span) for span in one.spans],
            uncertainty=min(max(one.uncertainty, 0.0), 1.0),
            tokens_revision=document.tokens_revision,
        )
        for document, one in zip(documents, said, strict=True)
    ]
    with transaction.atomic():
        there = set(Document.objects.filter(pk__in=[d.pk for d in documents]).values_list("pk", flat=True))
        Prediction.objects.bulk_create(
            [row for row in rows if row.document_id in there],
            update_conflicts=True,
            unique_fields=["document", "source"],
            update_fields=["spans", "uncertainty", "tokens_revision"],
        )


def predictor(version: Version) -> Predictor:
    """The version's model, loaded once a process; the one that was asked least recently gives way."""
    from training.engine.predict import Predictor

    if version.pk not in _warm:
        while len(_warm) >= KEPT_WARM:
            _warm.popitem(last=False)
        _warm[version.pk] = Predictor.load(folder_of(version))
    _warm.move_to_end(version.pk)
    return _warm[version.pk]


def _chunks(keys: list[int]) -> Iterator[list[int]]:
    if keys:
        yield keys[:FIRST]
    for start in range(FIRST, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
