"""Fill a project with many articles, in the state in which a project of that size is found.

A fifth of the articles is held out and mostly finished, a fifth of the others too; those to be learnt from have
suggestions of the current source, about ten each. Not through the import, which takes far longer: the rows are those
that it would write, but for the near-duplicate keys, which no page reads.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotate import iob2
from annotate.models import Annotation, Document, DocumentLabel, Edit, How, Prediction, Project, Source, State
from bench.articles import LABELS, Article

AT_ONCE = 500  # articles of one transaction
SUGGESTED = 10  # spans of a prediction, where the article has as many
HELD_OUT = 0.2  # of all, the product's own share
FINISHED = {"train": 0.2, "validation": 0.8}  # more held out than wanted, so that the queue hands out training articles
BEGUN = 0.05  # of those not finished
UNSURE = 0.2  # share of the articles of which a suggestion must be judged before they can be finished


class Fate(NamedTuple):
    """What has become of an article."""

    article: Article
    split: str
    state: str
    unsure: bool


def to_work_on(project: Project, sample: int, seed: int = 3) -> dict[str, list[int]]:
    """Articles from all over the project: any to open, and untouched ones whose suggestions a finish takes."""
    draw = random.Random(seed)
    untouched = project.documents.filter(state=State.RAW, split="train", predictions__uncertainty__lt=0.5)
    groups = {"open": project.documents.all(), "untouched": untouched}
    found = {name: list(group.order_by("pk").values_list("pk", flat=True)) for name, group in groups.items()}
    return {name: draw.sample(keys, min(sample, len(keys))) for name, keys in found.items()}


def fill(found: Iterable[Article], user: User, seed: int = 3) -> Project:
    """A new project of these articles, which the user manages."""
    draw = random.Random(seed)
    with transaction.atomic():
        project = Project.begin("Benchmark", list(LABELS), user)
        project.current_source = Source.next_of(project, Source.Kind.MODEL)
        project.save()
    for some in _batches((_fate(draw, article) for article in found), AT_ONCE):
        with transaction.atomic():
            _write(project, some, draw, user)
    return project


def fill_with(fates: Iterable[Fate], labels: list[str], user: User) -> Project:
    """A new project of articles with these fates, which the user manages; no model has read them."""
    with transaction.atomic():
        project = Project.begin("Benchmark", labels, user)
        _write(project, list(fates), random.Random(3), user)
    return project


def add_untouched(project: Project, article: Article) -> int:
    """One more article that nobody has begun, with sure suggestions. Returns its id."""
    with transaction.atomic():
        _write(project, [Fate(article, "train", "raw", unsure=False)], random.Random(0), None)
    return project.documents.latest("pk").pk


def _batches(rows: Iterable[Fate], size: int) -> Iterator[list[Fate]]:
    waiting = iter(rows)
    while some := list(islice(waiting, size)):
        yield some


def _fate(draw: random.Random, article: Article) -> Fate:
    split = "validation" if draw.random() < HELD_OUT else "train"
    finished, begun, unsure = draw.random(), draw.random(), draw.random()
    state = "finished" if finished < FINISHED[split] else "in_progress" if begun < BEGUN else "raw"
    return Fate(article, split, state, unsure < UNSURE)


def _write(project: Project, fates: list[Fate], draw: random.Random, user: User | None) -> None:
    documents = Document.objects.bulk_create(_document(project, fate, draw) for fate in fates)
    _annotate(project, [(d, f) for d, f in zip(documents, fates, strict=True) if f.state != "raw"], user)
    source = project.current_source
    if source is None:
        return
    Prediction.objects.bulk_create(
        _prediction(document, source, fate, draw)
        for document, fate in zip(documents, fates, strict=True)
        if fate.split == "train"
    )


def _document(project: Project, fate: Fate, draw: random.Random) -> Document:
    article = fate.article
    return Document(
        project=project,
        title=article.title,
        text=article.text,
        source=article.source,
        date=article.date,
        external_id=f"bench-{uuid4().hex}",
        tokens=article.offsets,
        token_count=len(article.offsets),
        sentence_starts=article.sentence_starts,
        state=fate.state,
        split=fate.split,
        group=uuid4().hex,
        signature=draw.randbytes(480),
        flagged=draw.random() < 0.02,
    )


def _prediction(document: Document, source: Source, fate: Fate, draw: random.Random) -> Prediction:
    spans: list[list[Any]] = [
        [*span, round(draw.uniform(0.85, 0.999), 3)] for span in iob2.spans_of(fate.article.tags)[:SUGGESTED]
    ]
    if fate.unsure and spans:
        spans[0][3] = round(draw.uniform(0.3, 0.7), 3)
    # Those that a finish takes whole are below one half, which `to_work_on` reads.
    uncertainty = round(draw.uniform(0.5, 1.0) if fate.unsure else draw.uniform(0.0, 0.499), 6)
    return Prediction(document=document, source=source, spans=spans, uncertainty=uncertainty, to_mend=uncertainty)


def _annotate(project: Project, judged: list[tuple[Document, Fate]], user: User | None) -> None:
    now = timezone.now()
    annotations = Annotation.objects.bulk_create(
        Annotation(
            document=document,
            tags=fate.article.tags,
            token_count=document.token_count,
            status=fate.state,
            revision=1,
            finished_at=now if fate.state == "finished" else None,
            finished_by=user if fate.state == "finished" else None,
        )
        for document, fate in judged
    )
    Edit.objects.bulk_create(_edit(annotation, user) for annotation in annotations)
    labels = dict(project.labels.values_list("name", "pk"))
    DocumentLabel.objects.bulk_create(
        DocumentLabel(document=document, label_id=labels[name], count=count)
        for document, fate in judged
        for name, count in sorted(Counter(span.label for span in iob2.spans_of(fate.article.tags)).items())
    )


def _edit(annotation: Annotation, user: User | None) -> Edit:
    return Edit(
        document=annotation.document,
        annotation=annotation,
        author=user,
        batch=uuid4(),
        revision=1,
        start=0,
        end=annotation.token_count,
        char_start=0,
        char_end=annotation.document.tokens[-1][1],
        before=["O"] * annotation.token_count,
        after=annotation.tags,
        status_before="raw",
        status_after=annotation.status,
        how=How.HAND,
    )
