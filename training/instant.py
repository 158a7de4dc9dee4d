"""The instant learner of each project: fitted anew after each finish, in the predictor, which keeps it warm.

It is made of the finished gold alone. What the process loses as it ends is read and fitted again at the next finish.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Max
from django.utils import timezone

from annotate import iob2
from annotate.models import Project, Source, Split
from training.models import Learner
from training.predictions import stretches_of
from training.snapshot import finished_gold, taught_by

if TYPE_CHECKING:
    from training.engine.articles import Article
    from training.engine.instant import Instant, Reader

FEWEST = 5  # finished articles, below which it knows less than the dictionary
LEARNT_FROM = 60_000  # words at most of a split, in the newest articles: what is fitted anew in about a second
READ_AT_ONCE = 5_000  # words of a split that are read for the first time in one fit: the rest follows in the next
PATIENCE = 120.0  # seconds that a training waits with its comparison for a learner that is half learnt
LOOK_EVERY = 0.5
KEPT = 2  # projects whose learner is warm

_warm: OrderedDict[int, Instant] = OrderedDict()


def is_due(project: Project) -> bool:
    """Whether there is enough to learn from."""
    if not project.instant:
        return False
    finished = project.documents.finished().in_split(Split.TRAIN)
    return len(finished.values_list("pk")[:FEWEST]) == FEWEST and project.labels.exists()


def get_ready(project: Project) -> None:
    """Read some articles, so that the first fit need not wait for the encoder."""
    from training.engine.instant import ENOUGH

    learner = warm(project)
    if learner.basis is not None:
        return
    articles, words = [], 0
    rows = project.documents.present().in_split(Split.TRAIN).defer("signature", "metadata").order_by("pk")
    for document in rows.iterator(chunk_size=20):
        articles += list(stretches_of(document))
        words += document.token_count
        if words > ENOUGH:
            break
    learner.read(articles)


def state_of(project: Project) -> str:
    """Which gold there is to learn from, in short: it differs after each finish, reopening and change of labels."""
    gold = finished_gold(project).order_by().aggregate(count=Count("pk"), latest=Max("updated_at"))
    return f"{project.label_changes.last_id()} {gold['count']} {gold['latest']}"


def fit(project: Project, source: Source) -> bool:
    """Learn what is finished now, and say so in the project's row. False where there is more to read.

    Raises EncoderError and OSError where the encoder cannot be loaded.
    """
    began = time.monotonic()
    state = state_of(project)
    learner = warm(project)
    training, all_read = _newest(project, Split.TRAIN, learner)
    validation, all_scored = _newest(project, Split.VALIDATION, learner)
    learner.fit(training)
    row, _ = Learner.objects.get_or_create(project=project)
    Learner.objects.filter(pk=row.pk).update(
        source=source,
        fits=F("fits") + 1,
        fitted_at=timezone.now(),
        learnt=state if all_read and all_scored else "",
        articles={"training": len(training), "validation": len(validation)},
        trouble="",
        **_scores(learner, validation),
        seconds=round(time.monotonic() - began, 2),
    )
    return all_read and all_scored


def has_learnt(project: Project) -> bool:
    """Whether this process knows all that there is to know."""
    learner = _warm.get(project.pk)
    if learner is None or learner.weights is None or learner.labels != project.label_names():
        return False
    return Learner.objects.filter(project=project, learnt=state_of(project)).exists()


def await_it(project: Project, should_stop: Callable[[], bool]) -> None:
    """Wait until the learner, if it is current, has read what it reads in turns, as after a change of labels: half
    learnt it is no match for a model. It is not waited for longer than PATIENCE.
    """
    until = time.monotonic() + PATIENCE
    half_learnt = Learner.objects.filter(project=project, source__current_for=project, fits__gt=0, learnt="")
    while half_learnt.exists() and time.monotonic() < until and not should_stop():
        time.sleep(LOOK_EVERY)


def say(project: Project, articles: list[Article]) -> list[Any]:
    return list(warm(project).predict(articles))


def tags_of_held_out(project: Project, articles: Iterable[Article]) -> list[list[str]] | None:
    """What it said of these validation articles. None where it is not current, or has not read each as it is now."""
    row = Learner.objects.select_related("source").filter(project=project, source__current_for=project).first()
    if row is None:
        return None
    renamed = row.source.renamed if row.source else {}
    tagged = []
    for article in articles:
        said = row.held_out.get(article.key)
        if said is None or said["words"] != len(article.words):
            return None
        tags = iob2.tags_of(((start, end, label) for start, end, label in said["spans"]), len(article.words))
        tagged.append(iob2.relabelled(tags, renamed))
    return tagged


def warm(project: Project) -> Instant:
    """The project's learner in this process; the one that was asked least recently gives way."""
    from training.engine.instant import Instant

    labels = project.label_names()
    if project.pk not in _warm or _warm[project.pk].labels != labels:
        while len(_warm) >= KEPT:
            _warm.popitem(last=False)
        _warm[project.pk] = Instant(labels, _reader())
    _warm.move_to_end(project.pk)
    return _warm[project.pk]


@cache
def _reader() -> Reader:
    from training.engine.instant import Reader

    return Reader()


def _newest(project: Project, split: str, learner: Instant) -> tuple[list[Article], bool]:
    """The newest finished articles of a split, LEARNT_FROM words of them; of those that the learner has never read no
    more than READ_AT_ONCE, and then False.
    """
    known = set(learner.tags)
    found: list[Article] = []
    words = unread = 0
    gold = finished_gold(project).filter(document__split=split).order_by("-finished_at", "-pk")
    for annotation in gold.iterator(chunk_size=100):
        article = taught_by(annotation)
        if not article.words or not known.issuperset(article.tags):
            continue
        words += len(article.words)
        unread += 0 if learner.has_read(article) else len(article.words)
        if found and words > LEARNT_FROM:
            break
        if found and unread > READ_AT_ONCE:
            return found, False
        found.append(article)
    return found, True


def _scores(learner: Instant, validation: list[Article]) -> dict[str, Any]:
    from training.engine.scores import score

    if not validation:
        return {"scores": {}, "held_out": {}}
    tagged = [decoded.tags for decoded in learner.predict(validation)]
    held_out = {
        article.key: {"words": len(article.words), "spans": iob2.spans_of(tags)}
        for article, tags in zip(validation, tagged, strict=True)
    }
    return {"scores": score([article.tags for article in validation], tagged), "held_out": held_out}
