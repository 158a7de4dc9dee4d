"""The learning curve: how F1 grows with the articles learnt from, and so whether more of them are likely to help.

Each point is a training on a share of the finished articles, scored on all held-out ones, and leaves no model. With
each seed the articles are put in an order of its own, of which every share is the beginning: the shares are nested.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate import iob2
from training import snapshot
from training.heartbeat import Hold, ProgressWriter
from training.models import Run
from training.snapshot import NothingToLearn

if TYPE_CHECKING:
    from training.engine.articles import Article

SHARES = (0.25, 0.5, 0.75, 1.0)
SEEDS = (1, 2, 3)
PLAN = [(seed, share) for seed in SEEDS for share in SHARES]  # a whole curve after a third of the time
FEWEST = 8  # articles to learn from: two of them in the first point
GAIN = 0.005  # of F1 in the last step, below which more articles hardly help
FEW_SPANS = 100  # of a label to learn from
LOOK_EVERY = 2.0  # seconds between two looks for a training that waits
SETTLING = 5.0  # seconds a training may wait without anybody stepping aside: a worker is just taking it


class SteppedAside(Exception):
    """A training waits, so the curve lets it go first."""


class Row(NamedTuple):
    """A share of the articles with what its seeds came to: mean F1, and the lowest and the highest."""

    share: float
    articles: int
    f1: float
    low: float
    high: float
    seeds: int


class LabelRow(NamedTuple):
    """A label with what there is to learn from in all articles, and its F1 with all; None where nobody knows."""

    label: str
    spans: int
    f1: float | None


def go_on(run: Run) -> bool:
    """Have a curve that was stopped, or failed, go on with the points that it lacks. False where it cannot."""
    ended = Run.objects.filter(pk=run.pk, kind=Run.Kind.CURVE, status__in=(Run.Status.STOPPED, Run.Status.FAILED))
    try:
        with transaction.atomic():
            return bool(_queued_again(ended, run, stop_requested=False, ended_at=None, error=""))
    except IntegrityError:  # another one is active
        return False


def step_aside(run: Run, hold: Hold) -> bool:
    """Put the run back into the queue, behind what waits. False where it is not ours any more."""
    return bool(_queued_again(hold.row().filter(stop_requested=False), run))


def _queued_again(rows: Any, run: Run, **fields: Any) -> int:
    changed: int = rows.update(status=Run.Status.QUEUED, claim=None, progress={}, sent=run.sent + 1, **fields)
    run.sent += bool(changed)
    return changed


def draw(run: Run, hold: Hold) -> None:
    """Compute the points that are still missing, each kept as soon as it is there.

    Raises SteppedAside where a training waits, Lost, Stopped, NothingToLearn, and what the engine raises.
    """
    labels, training, validation = _articles(run, hold)
    waits = _Watch()
    for seed, share in PLAN[len(run.scores["points"]) :]:
        waits.or_raise()
        point = _point(run, hold, waits, labels, subset(training, share, seed), validation, seed)
        run.scores["points"].append({"share": share, **point})
        hold.write(scores=run.scores, losses=[])


def subset(articles: Sequence[Article], share: float, seed: int) -> list[Article]:
    """The first share of the articles in an order of the seed's own, in the order in which they came."""
    shuffled = sorted(articles, key=lambda article: hashlib.sha256(f"{seed} {article.key}".encode()).digest())
    chosen = {article.key for article in shuffled[: max(1, round(share * len(articles)))]}
    return [article for article in articles if article.key in chosen]


def _articles(run: Run, hold: Hold) -> tuple[list[str], list[Article], list[Article]]:
    """What the curve is drawn from: frozen at its first point, and the same for all others."""
    if "points" in run.scores:
        folder = snapshot.snapshots_folder() / run.snapshot_hash
        if not folder.is_dir():
            raise NothingToLearn("The articles that this curve began with are not there any more. Draw a new one.")
        frozen = snapshot.read(folder)
        return run.scores["labels"], frozen["train"], frozen["validation"]
    taken = snapshot.take(run.project)
    if why_not := why_too_few(len(taken.training), len(taken.validation)):
        raise NothingToLearn(why_not)
    run.snapshot_hash = taken.hash
    run.scores = {
        **run.scores,
        "labels": taken.labels,
        "spans": {label: sum(_spans_of(taken.training, label)) for label in taken.labels},
        "articles": {"training": len(taken.training), "validation": len(taken.validation)},
        "points": [],
    }
    hold.write(snapshot_hash=taken.hash, scores=run.scores)
    return taken.labels, taken.training, taken.validation


def _spans_of(articles: Iterable[Article], label: str) -> Iterable[int]:
    return (sum(span.label == label for span in iob2.spans_of(article.tags)) for article in articles)


def _point(
    run: Run,
    hold: Hold,
    waits: _Watch,
    labels: list[str],
    training: list[Article],
    validation: list[Article],
    seed: int,
) -> dict[str, Any]:
    from training.engine.recipe import Settings
    from training.engine.train import train

    def should_stop() -> bool:
        waits.or_raise()
        return hold.should_stop()

    began = time.monotonic()
    words = sum(len(article.words) for article in training)
    settings = Settings.for_data(words, **{**run.settings, "seed": seed})
    result = train(settings, labels, training, validation, None, ProgressWriter(hold), should_stop)
    assert result.scores is not None
    return {
        "seed": seed,
        "articles": len(training),
        "f1": result.scores["f1"],
        "per_label": {
            label: {"f1": found["f1"], "support": found["support"]}
            for label, found in result.scores["per_label"].items()
        },
        "seconds": round(time.monotonic() - began, 1),
    }


class _Watch:
    """Looks now and then whether a training waits that no other worker takes."""

    def __init__(self) -> None:
        self.looked = 0.0

    def or_raise(self) -> None:
        if time.monotonic() - self.looked < LOOK_EVERY:
            return
        self.looked = time.monotonic()
        if training_waits():
            raise SteppedAside


def training_waits() -> bool:
    before = timezone.now() - timedelta(seconds=SETTLING)
    waiting = Run.objects.filter(kind=Run.Kind.TRAIN, status=Run.Status.QUEUED, created_at__lt=before)
    return waiting.exists()


def training_is_active() -> bool:
    return Run.objects.active().filter(kind=Run.Kind.TRAIN).exists()


# What the page says


def why_too_few(training: int, validation: int) -> str:
    """Why there can be no curve yet, in words. Empty where there can."""
    if training < FEWEST:
        return (
            f"A learning curve needs {FEWEST} finished articles to learn from, so that a quarter of them is not just "
            f"one; there {'is' if training == 1 else 'are'} {training}."
        )
    if not validation:
        return "A learning curve needs a finished held-out article to score on, and there is none. They come up first."
    return ""


def weight(share: float) -> float:
    """What a point takes, as a part of what training on all articles takes: less data is read more often."""
    return float(share ** (2 / 3))


def estimated(run: Run | None, training: int) -> float | None:
    """Seconds for a whole curve, from what the last training of the project took. None where there was none."""
    learnt = run.scores.get("articles", {}).get("training") if run else None
    if run is None or run.duration is None or not learnt:
        return None
    whole = run.duration.total_seconds() * weight(training / learnt)
    return whole * sum(weight(share) for _, share in PLAN)


def seconds_left(points: Sequence[dict[str, Any]], progress: dict[str, Any]) -> float | None:
    """From how long the points so far took. None before the first."""
    if not points:
        return None
    a_whole = sum(point["seconds"] for point in points) / sum(weight(point["share"]) for point in points)
    left = [weight(share) for _, share in PLAN[len(points) :]]
    if left and progress.get("phase") == "training":
        left[0] *= 1 - progress["step"] / max(progress["steps"], 1)
    return float(a_whole * sum(left))


def rows(points: Sequence[dict[str, Any]]) -> list[Row]:
    """What each share came to, from the smallest on; shares without a point are left out."""
    by_share = [(share, [point for point in points if point["share"] == share]) for share in SHARES]
    return [
        Row(share, found[0]["articles"], fmean(scores), min(scores), max(scores), len(found))
        for share, found in by_share
        if found
        for scores in [[point["f1"] for point in found]]
    ]


def label_rows(scores: dict[str, Any]) -> list[LabelRow]:
    """Each label, with the fewest spans first."""
    whole = [point["per_label"] for point in scores["points"] if point["share"] == SHARES[-1]]
    found = []
    for label, spans in scores["spans"].items():
        f1 = [point[label]["f1"] for point in whole if label in point and point[label]["support"]]
        found.append(LabelRow(label, spans, fmean(f1) if f1 else None))
    return sorted(found, key=lambda row: row.spans)


def outlook(points: Sequence[dict[str, Any]]) -> str:
    """Say in a sentence whether more articles are likely to help, from the gain of the last step and its spread."""
    last, before = (
        {point["seed"]: point["f1"] for point in points if point["share"] == share} for share in SHARES[:1:-1]
    )
    gains = [last[seed] - before[seed] for seed in SEEDS if seed in last and seed in before]
    if len(gains) < 2:
        return ""
    gain, spread = fmean(gains), stdev(gains)
    step = (
        f"From {SHARES[-2]:.0%} to {SHARES[-1]:.0%} of the articles F1 changed by {gain:+.3f} "
        f"({min(gains):+.3f} to {max(gains):+.3f} over {len(gains)} seeds)"
    ).replace("%", " %")
    if gain >= GAIN and gain > spread:
        return f"{step}: more articles are likely to help."
    if gain + spread < GAIN:
        return f"{step}: more articles of this kind are not likely to help much."
    return f"{step}, which is within what chance alone does: nobody can say yet whether more articles would help."


def short_of(scores: dict[str, Any]) -> str:
    """Name the label that lacks examples: few to learn from, and a lower F1 than all labels together have."""
    found = rows(scores["points"])
    if not found or found[-1].share != SHARES[-1]:
        return ""
    whole = found[-1].f1
    short = [row for row in label_rows(scores) if row.spans < FEW_SPANS and row.f1 is not None and row.f1 < whole]
    if not short:
        return ""
    worst = min(short, key=lambda row: row.f1 or 0.0)
    return (
        f"{worst.label} is short of examples: {worst.spans:,} to learn from, and its F1 is {worst.f1:.3f} where all "
        f"labels together have {whole:.3f}."
    )
