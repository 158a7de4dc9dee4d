"""Measure a model against gold tags, and decide between two models.

Scores are seqeval's (strict, IOB2): an entity counts only with its exact words and its exact label. Beside them stand
scores that give credit for less, as SemEval-2013 task 9.1 defines them (see `lenient`). How much a score owes to the
choice of articles is told by a bootstrap over articles (Efron and Tibshirani 1993), drawing them again with repeats.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from seqeval.metrics import accuracy_score
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2

from annotate.iob2 import spans_of
from training.engine.pairing import Kind, pair_up

NONE = "(none)"
Tags = Sequence[Sequence[str]]  # one sequence of IOB2 tags per article

MARGIN = 0.01  # a loss of F1 that nobody would mind
CHANCE = 0.8  # how likely a greater loss must be before the new model is kept aside
FEWEST_ARTICLES, FEWEST_ENTITIES = 10, 100  # below, resampling articles says nothing
RESAMPLES = 2000
AT_ONCE = 100  # resamples held in memory together
WITHIN = 0.95  # of the resamples lie in an interval
SEED = 1
# Shares of an entity that each pair is worth (SemEval-2013 task 9.1): the right words whatever the label; any overlap
# with the right label; the right words, or half for an overlap.
LENIENT: dict[str, dict[Kind, float]] = {
    "exact": {"right": 1, "label": 1},
    "type": {"right": 1, "extent": 1},
    "partial": {"right": 1, "label": 1, "extent": 0.5, "both": 0.5},
}


class Decision(NamedTuple):
    """Whether to promote the candidate, and why, in a sentence.

    difference: candidate's F1 minus the current model's, None without one or without articles; chance_worse and
    chance_better: the shares of resamples in which the candidate loses more than MARGIN, and in which it gains
    anything; None where too few articles allow none.
    """

    promote: bool
    reason: str
    difference: float | None
    chance_worse: float | None
    chance_better: float | None


def score(gold: Tags, predicted: Tags) -> dict[str, Any]:
    """Score predictions by article against gold tags of the same lengths.

    Returns plain floats and ints: precision, recall, f1 (over all entities), f1_interval (see `interval`), accuracy
    (of tokens), support (gold entities), per_label {label: precision, recall, f1, support}, lenient (see there), and
    confusion (see `confusion`). Where there is nothing to divide by, a score is 0. Raises ValueError where lengths
    differ, IOB2Error for tags out of form.
    """
    gold, predicted = _same_lengths(gold, predicted)
    confused = confusion(gold, predicted)
    labels = confused["labels"][:-1]
    counts = _counts(gold, predicted, labels)
    return {
        **dict(zip(("precision", "recall", "f1", "support"), _seqeval(gold, predicted, labels, "micro"), strict=True)),
        "f1_interval": interval(counts),
        "accuracy": float(accuracy_score(gold, predicted)) if any(gold) else 0.0,
        "per_label": {
            label: dict(zip(("precision", "recall", "f1", "support"), values, strict=True))
            for label, *values in zip(labels, *_seqeval(gold, predicted, labels, None), strict=True)
        },
        "lenient": lenient(gold, predicted),
        "confusion": confused,
    }


def lenient(gold: Tags, predicted: Tags) -> dict[str, dict[str, float]]:
    """Score what is nearly right: {"exact", "type" and "partial": precision, recall, f1}, each in [0, 1].

    The measures of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013), after MUC-5 (Chinchor and Sundheim 1993):
    `exact` asks for the same words under any label, `type` for the same label on words that overlap, `partial` for
    the same words or, at half the worth, for words that overlap, under any label. Entities are paired one to one (see
    `pair_up`); the worth of all pairs is divided by the predicted entities for precision, by the gold ones for recall.
    """
    kinds: Counter[Kind] = Counter()
    for true, found in zip(gold, predicted, strict=True):
        kinds.update(each.kind for each in pair_up(spans_of(true), spans_of(found)))
    paired = sum(count for kind, count in kinds.items() if kind not in {"missed", "spurious"})
    of_gold, of_predicted = paired + kinds["missed"], paired + kinds["spurious"]
    scores = {}
    for name, worth in LENIENT.items():
        right = sum(worth.get(kind, 0) * count for kind, count in kinds.items())
        scores[name] = {
            "precision": right / max(of_predicted, 1),
            "recall": right / max(of_gold, 1),
            "f1": 2 * right / max(of_predicted + of_gold, 1),
        }
    return scores


def interval(counts: NDArray[np.int64]) -> list[float] | None:
    """Say where F1 would lie on 95 of 100 other draws of as many articles: [low, high], from (articles, 3) counts.

    A percentile bootstrap over articles. None for fewer than FEWEST_ARTICLES, which say nothing about others.
    """
    if len(counts) < FEWEST_ARTICLES:
        return None
    drawn = np.concatenate([_f1(totals) for totals in resampled(counts)])
    low, high = np.quantile(drawn, [(1 - WITHIN) / 2, (1 + WITHIN) / 2])
    return [float(low), float(high)]


def resampled(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Draw the articles RESAMPLES times, with repeats, and sum their rows, (articles, ...), of each draw.

    Gives (draws, ...) in parts, so that many articles need little memory; always the same draws for as many articles.
    """
    random = np.random.default_rng(SEED)
    articles = len(rows)
    flat = rows.reshape(articles, -1)
    for _ in range(RESAMPLES // AT_ONCE):
        drawn = random.multinomial(articles, np.full(articles, 1 / articles), size=AT_ONCE)
        yield (drawn @ flat).reshape(AT_ONCE, *rows.shape[1:])


def _seqeval(gold: list[list[str]], predicted: list[list[str]], labels: list[str], average: str | None) -> list[Any]:
    """Ask seqeval for precision, recall, F1 and support; `labels` are sorted, as it gives them back."""
    if not labels:  # seqeval cannot score where nobody sees an entity
        return [0.0, 0.0, 0.0, 0] if average else [[], [], [], []]
    *shares, support = precision_recall_fscore_support(gold, predicted, average=average, zero_division=0, scheme=IOB2)
    if average:
        return [*map(float, shares), int(np.sum(support))]
    return [*(share.tolist() for share in shares), support.tolist()]


def confusion(gold: Tags, predicted: Tags) -> dict[str, Any]:
    """Tabulate which label gold entities got: {"labels": [..., "(none)"], "table": rows of gold, columns predicted}.

    Entities are matched by their exact words; one without a match on the other side counts under "(none)", so an
    entity with a wrong extent appears twice: as missed, and as made up. The corner (none, none) stays 0.
    """
    pairs = [
        (gold_spans.get(words, NONE), predicted_spans.get(words, NONE))
        for gold_spans, predicted_spans in zip(
            map(_labels_by_words, gold), map(_labels_by_words, predicted), strict=True
        )
        for words in {**gold_spans, **predicted_spans}
    ]
    labels = [*sorted({label for pair in pairs for label in pair if label != NONE}), NONE]
    table = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for row, column in pairs:
        table[labels.index(row), labels.index(column)] += 1
    return {"labels": labels, "table": table.tolist()}


def _labels_by_words(tags: Sequence[str]) -> dict[tuple[int, int], str]:
    return {(span.start, span.end): span.label for span in spans_of(tags)}


def _same_lengths(gold: Tags, predicted: Tags) -> tuple[list[list[str]], list[list[str]]]:
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise ValueError("Gold and predicted tags are not of the same articles: their lengths differ.")
    return [list(tags) for tags in gold], [list(tags) for tags in predicted]


def compare(
    gold: Tags, current: Tags | None, candidate: Tags, labels: Sequence[str], against: str = "the current model"
) -> Decision:
    """Decide whether the candidate becomes the current model, on the same articles for both.

    current: the current model's tags, None where there is no current model; labels: those that both models know,
    entities of others are left out on all sides; against: what the current model is called in the reason. A paired
    bootstrap over articles (Koehn 2004) keeps the candidate aside if it is likelier than CHANCE to lose more than
    MARGIN of F1; where articles or entities are too few for that, the difference itself decides, by the same margin.
    Raises ValueError where lengths differ.
    """
    if current is None:
        return Decision(True, _without_current(gold), None, None, None)
    if not gold:
        unscored = "Promoted unscored: no held-out article is finished, so nothing can be compared."
        return Decision(True, unscored, None, None, None)
    if not labels:
        apart = "Promoted: the models have no label in common, so nothing can be compared."
        return Decision(True, apart, None, None, None)
    ours = _counts(gold, candidate, labels)
    theirs = _counts(gold, current, labels)
    difference = float(_f1(ours.sum(axis=0)) - _f1(theirs.sum(axis=0)))
    entities = int(ours[:, 2].sum())
    worse = better = None
    if len(gold) >= FEWEST_ARTICLES and entities >= FEWEST_ENTITIES:
        worse, better = _chances(theirs, ours)
    promote = difference >= -MARGIN if worse is None else worse <= CHANCE
    reason = _reason(promote, against, difference, worse, better, len(gold), entities)
    return Decision(promote, reason, difference, worse, better)


def _without_current(gold: Tags) -> str:
    if not gold:
        return "Promoted as the first model. It has no score: no held-out article is finished yet."
    return "Promoted as the first model: there is none to compare it with."


def _reason(
    promote: bool,
    against: str,
    difference: float,
    worse: float | None,
    better: float | None,
    articles: int,
    entities: int,
) -> str:
    verdict = "Promoted" if promote else "Kept aside"
    change = "the same F1 as" if round(difference, 3) == 0 else f"F1 {difference:+.3f} against"
    held_out = f"on {articles} held-out {'article' if articles == 1 else 'articles'}"
    found = f"{verdict}: {change} {against} {held_out}"
    if worse is None:
        held = f"{entities} {'entity' if entities == 1 else 'entities'}"
        return f"{found} with {held}: too few to judge, so the plain difference decided."
    return (
        f"{found}; the chance that it is better is {better:.0%}, that it is worse by more than {MARGIN} is {worse:.0%}."
    )


def _counts(gold: Tags, predicted: Tags, labels: Sequence[str]) -> NDArray[np.int64]:
    """Count by article the entities that are right, predicted and gold: (articles, 3)."""
    rows = []
    for gold_tags, predicted_tags in zip(*_same_lengths(gold, predicted), strict=True):
        true = {span for span in spans_of(gold_tags) if span.label in labels}
        found = {span for span in spans_of(predicted_tags) if span.label in labels}
        rows.append((len(true & found), len(found), len(true)))
    return np.array(rows, dtype=np.int64)


def _f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute F1 from (..., 3) counts of right, predicted and gold; 0 where there is nothing to find."""
    right, found, true = np.moveaxis(counts, -1, 0)
    return np.asarray(2 * right / np.maximum(found + true, 1), dtype=np.float64)


def _chances(current: NDArray[np.int64], candidate: NDArray[np.int64]) -> tuple[float, float]:
    """Say how likely the candidate is to lose more than MARGIN, and to gain: both models on the same draws."""
    both = np.stack([current, candidate], axis=1)  # (articles, models, 3)
    gains = np.concatenate([_f1(totals[:, 1]) - _f1(totals[:, 0]) for totals in resampled(both)])
    return float(np.mean(gains < -MARGIN)), float(np.mean(gains > 0))
