"""Measure a model against gold tags, and decide between two models.

Scores are seqeval's (strict, IOB2): an entity counts only with its exact words and its exact label.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from seqeval.metrics import accuracy_score
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2

from annotate.iob2 import spans_of

NONE = "(none)"
Tags = Sequence[Sequence[str]]  # one sequence of IOB2 tags per article

MARGIN = 0.01  # a loss of F1 that nobody would mind
CHANCE = 0.8  # how likely a greater loss must be before the new model is kept aside
FEWEST_ARTICLES, FEWEST_ENTITIES = 10, 100  # below, resampling articles says nothing
RESAMPLES = 2000
SEED = 1


class Decision(NamedTuple):
    """Whether to promote the candidate, and why, in a sentence.

    difference: candidate's F1 minus the current model's, None without one or without articles; chance_worse: the
    share of resamples in which the candidate loses more than MARGIN, None where too few articles allow none.
    """

    promote: bool
    reason: str
    difference: float | None
    chance_worse: float | None


def score(gold: Tags, predicted: Tags) -> dict[str, Any]:
    """Score predictions by article against gold tags of the same lengths.

    Returns plain floats and ints: precision, recall, f1 (over all entities), accuracy (of tokens), support (gold
    entities), per_label {label: precision, recall, f1, support}, and confusion (see `confusion`). Where there is
    nothing to divide by, a score is 0. Raises ValueError where lengths differ, IOB2Error for tags out of form.
    """
    gold, predicted = _same_lengths(gold, predicted)
    confused = confusion(gold, predicted)
    labels = confused["labels"][:-1]
    return {
        **dict(zip(("precision", "recall", "f1", "support"), _seqeval(gold, predicted, labels, "micro"), strict=True)),
        "accuracy": float(accuracy_score(gold, predicted)) if any(gold) else 0.0,
        "per_label": {
            label: dict(zip(("precision", "recall", "f1", "support"), values, strict=True))
            for label, *values in zip(labels, *_seqeval(gold, predicted, labels, None), strict=True)
        },
        "confusion": confused,
    }


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


def compare(gold: Tags, current: Tags | None, candidate: Tags, labels: Sequence[str]) -> Decision:
    """Decide whether the candidate becomes the current model, on the same articles for both.

    current: the current model's tags, None where there is no current model; labels: those that both models know,
    entities of others are left out on all sides. A paired bootstrap over articles (Koehn 2004) keeps the candidate
    aside if it is likelier than CHANCE to lose more than MARGIN of F1; where articles or entities are too few for
    that, the difference itself decides, by the same margin. Raises ValueError where lengths differ.
    """
    if current is None:
        return Decision(True, _without_current(gold), None, None)
    if not gold:
        return Decision(
            True, "Promoted unscored: no held-out article is finished, so nothing can be compared.", None, None
        )
    if not labels:
        return Decision(True, "Promoted: the models have no label in common, so nothing can be compared.", None, None)
    ours = _counts(gold, candidate, labels)
    theirs = _counts(gold, current, labels)
    difference = float(_f1(ours.sum(axis=0)) - _f1(theirs.sum(axis=0)))
    entities = int(ours[:, 2].sum())
    chance = None
    if len(gold) >= FEWEST_ARTICLES and entities >= FEWEST_ENTITIES:
        chance = _chance_worse(theirs, ours)
    promote = difference >= -MARGIN if chance is None else chance <= CHANCE
    return Decision(promote, _reason(promote, difference, chance, len(gold), entities), difference, chance)


def _without_current(gold: Tags) -> str:
    if not gold:
        return "Promoted as the first model. It has no score: no held-out article is finished yet."
    return "Promoted as the first model: there is none to compare it with."


def _reason(promote: bool, difference: float, chance: float | None, articles: int, entities: int) -> str:
    verdict = "Promoted" if promote else "Kept aside"
    change = "the same F1 as" if round(difference, 3) == 0 else f"F1 {difference:+.3f} against"
    held_out = f"on {articles} held-out {'article' if articles == 1 else 'articles'}"
    found = f"{verdict}: {change} the current model {held_out}"
    if chance is None:
        held = f"{entities} {'entity' if entities == 1 else 'entities'}"
        return f"{found} with {held}: too few to judge, so the plain difference decided."
    return f"{found}; the chance that it is worse by more than {MARGIN} is {chance:.0%}."


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


def _chance_worse(current: NDArray[np.int64], candidate: NDArray[np.int64]) -> float:
    """Draw the articles again and again, with repeats, and count how often the candidate loses more than MARGIN."""
    articles = len(current)
    drawn = np.random.default_rng(SEED).multinomial(articles, np.full(articles, 1 / articles), size=RESAMPLES)
    losses = _f1(drawn @ current) - _f1(drawn @ candidate)
    return float(np.mean(losses > MARGIN))
