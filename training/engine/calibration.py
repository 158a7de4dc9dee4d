"""Make the probabilities of predicted spans mean what they say: of those at 0.9, nine in ten are right.

The logits are divided by one number, the temperature, before they are decoded (temperature scaling, Guo et al. 2017,
"On Calibration of Modern Neural Networks"). The best sequence of tags stays the same: in the decoder's chain every
allowed transition is equally good, so a sequence is as good as the sum of its logits, whose order no positive factor
changes. Only how sure the model seems changes. The temperature is the one under which held-out spans have the least log
loss: it is fitted to the probabilities that people see, those of whole spans, not to those of single tags.

A model that is too sure of all it finds, whether it hesitates or not, is not helped by a factor. So the log odds of
what comes out go through a line besides, a slope and an offset (Platt 1999, "Probabilistic Outputs for Support Vector
Machines"). Of these three ways, nothing, the temperature, and both, the one is taken that does best on articles that it
was not fitted on.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from annotate.iob2 import spans_of
from training.engine.decode import decode_all
from training.engine.scores import FEWEST_ARTICLES, SEED, WITHIN, resampled

FEWEST_SPANS = 300  # below, chance says more than a fit
MOST_SPANS = 5000  # three numbers need no more, and each temperature is a decoding of all of them
FOLDS = 5
BINS = 10  # of equal width, as is usual for the expected calibration error
TEMPERATURES = np.geomspace(0.5, 4.0, 25)  # 9 % apart: finer ones change no probability by more than a point
AT_ONCE = 50  # articles under all temperatures
PERFECT_DRAWS = 200
SUREST = 1 - 1e-6  # what a probability counts as at most, so that one wrong span does not decide all
PRIOR = 1.0  # weight of the line that changes nothing: that of some four spans, which many spans outweigh
FLATTEST = 0.05  # slope: less would take away the order of spans

Probable = tuple[int, int, str, float]  # a span with its probability
Logits = Sequence[NDArray[np.floating]]  # of each article: (tokens, tags)


class Judged(NamedTuple):
    """Predicted spans of held-out articles: the article's index and whether gold has the same span, both (spans,),
    and their probabilities under each temperature, (temperatures, spans).
    """

    article: NDArray[np.int64]
    right: NDArray[np.bool_]
    probabilities: NDArray[np.float64]

    def some(self, chosen: NDArray[np.bool_]) -> "Judged":
        return Judged(self.article[chosen], self.right[chosen], self.probabilities[:, chosen])


class Scale(NamedTuple):
    """What makes a model's probabilities true: logits are divided by the temperature, the log odds of whole spans that
    come of them go through the line.
    """

    temperature: float = 1.0
    slope: float = 1.0
    offset: float = 0.0

    def line(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move probabilities, of any shape, along the line."""
        if (self.slope, self.offset) == (1.0, 0.0):
            return probabilities
        return np.asarray(expit(self.slope * log_odds(probabilities) + self.offset))


Way = Callable[[Judged], tuple[Scale, int]]  # of fitting a scale: it, and the place of its temperature


def calibrate(
    keys: Sequence[str], gold: Sequence[Sequence[str]], logits: Logits, names: Sequence[str]
) -> dict[str, Any]:
    """Fit a scale on held-out articles, and measure what it does on articles that it was not fitted on.

    keys: a name of each article that stays the same, which decides its fold; gold: its tags; logits: the model's,
    (tokens, tags); names: the tags in the order of the columns.

    Returns plain values: `temperature`, `slope` and `offset` (those of `Scale()` where nothing is calibrated), `spans`
    and `articles` that were looked at, and, from FEWEST_SPANS and FEWEST_ARTICLES on: `before` and `after` (see
    `reliability`), `perfect` (the error that chance alone gives as many spans), `applied` (whether the log loss fell:
    only then is the scale another). Each article's `after` comes from a scale fitted on the four folds that it is not
    in; the scale itself is fitted on all.
    """
    plain = judge(gold, logits, names, [1.0])
    if len(plain.right) < FEWEST_SPANS or len(np.unique(plain.article)) < FEWEST_ARTICLES:
        return {**Scale()._asdict(), "spans": len(plain.right), "articles": len(gold)}
    if len(plain.right) > MOST_SPANS:
        some = int(plain.article[MOST_SPANS])
        gold, logits = gold[:some], logits[:some]
        plain = judge(gold, logits, names, [1.0])
    judged = judge(gold, logits, names, TEMPERATURES.tolist())
    ways = {way: cross_fitted(judged, keys, way) for way in (just_tempered, tempered_and_lined)}
    best = min(ways, key=lambda way: log_loss(ways[way], judged.right))
    applied = log_loss(ways[best], judged.right) < log_loss(plain.probabilities[0], judged.right)
    scale = best(judged)[0] if applied else Scale()
    return {
        **{name: round(value, 4) for name, value in scale._asdict().items()},
        "spans": len(judged.right),
        "articles": len(gold),
        "applied": applied,
        "before": reliability(plain.probabilities[0], judged, len(gold)),
        "after": reliability(ways[best], judged, len(gold)),
        "perfect": perfect_error(ways[best], judged, len(gold)),
    }


def tempered(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Make the model less sure (above 1) or surer (below) of one article's logits, (tokens, tags)."""
    return np.asarray(logits, dtype=np.float64) / temperature


def lined(spans: Sequence[Probable], scale: Scale) -> list[Probable]:
    """Move the probabilities of spans along the scale's line."""
    said = scale.line(np.array([span[3] for span in spans])).tolist()
    return [(*span[:3], probability) for span, probability in zip(spans, said, strict=True)]


def scale_of(calibration: Mapping[str, Any]) -> Scale:
    """Read back what `calibrate` found; what is not told changes nothing."""
    return Scale(**{name: calibration[name] for name in Scale._fields if name in calibration})


def judge(gold: Sequence[Sequence[str]], logits: Logits, names: Sequence[str], temperatures: Sequence[float]) -> Judged:
    """Decode the articles under each temperature, and compare their spans with gold.

    All temperatures of some articles are decoded together, since many cost little more than one.
    """
    article: list[int] = []
    right: list[bool] = []
    probabilities: list[list[float]] = [[] for _ in temperatures]
    for begin in range(0, len(gold), AT_ONCE):
        some = range(begin, min(begin + AT_ONCE, len(gold)))
        decoded = decode_all([tempered(logits[i], each) for each in temperatures for i in some], names)
        for place, i in enumerate(some):
            under_each = [{span[:3]: span[3] for span in found.spans} for found in decoded[place :: len(some)]]
            spans, true = under_each[0], set(spans_of(gold[i]))
            article += [i] * len(spans)
            right += [span in true for span in spans]
            for row, told in zip(probabilities, under_each, strict=True):
                # Where two sequences are equally good, rounding may choose another under another temperature.
                row += [told.get(span, said) for span, said in spans.items()]
    return Judged(np.array(article, dtype=np.int64), np.array(right, dtype=bool), np.array(probabilities))


def just_tempered(judged: Judged) -> tuple[Scale, int]:
    """Find the temperature under which the spans have the least log loss: the scale, and the temperature's place."""
    place = int(np.argmin([log_loss(row, judged.right) for row in judged.probabilities]))
    return Scale(float(TEMPERATURES[place])), place


def tempered_and_lined(judged: Judged) -> tuple[Scale, int]:
    """Find the temperature, and then the line under which the spans have the least log loss. Not both at once: a line
    makes good what a temperature does wrong, and the order of articles goes by the temperature alone.
    """
    scale, place = just_tempered(judged)
    slope, offset = fitted_line(judged.probabilities[place], judged.right)
    return scale._replace(slope=slope, offset=offset), place


def fitted_line(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit slope and offset of the log odds to what was right (logistic regression, held to the line that changes
    nothing by PRIOR). The line always rises, so that spans keep their order: where how sure the model is says nothing,
    or less, it is nearly level.
    """
    columns = np.stack([log_odds(probabilities), np.ones(len(probabilities))], axis=1)
    sign = np.where(right, 1.0, -1.0)
    nothing = np.array([1.0, 0.0])

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds, far = columns @ line, line - nothing
        value = np.logaddexp(0, -sign * odds).sum() + PRIOR * (far @ far) / 2
        return float(value), columns.T @ (expit(odds) - right) + PRIOR * far

    found = minimize(loss, nothing, jac=True, bounds=[(FLATTEST, None), (None, None)])
    return float(found.x[0]), float(found.x[1])


def log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(probabilities, 1 - SUREST, SUREST)))


def log_loss(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Average how surprising it is what was right and what was not, in nats."""
    given = np.clip(np.where(right, probabilities, 1 - probabilities), 1 - SUREST, SUREST)
    return float(-np.log(given).mean())


def cross_fitted(judged: Judged, keys: Sequence[str], way: Way) -> NDArray[np.float64]:
    """Give each span the probability under the scale fitted on the articles of all folds but its own.

    Articles with spans are dealt out to the folds in the order of a hash of their keys, so all are of one size.
    """
    articles = sorted(np.unique(judged.article).tolist(), key=lambda article: sha256(keys[article].encode()).digest())
    folds = {article: place % FOLDS for place, article in enumerate(articles)}
    fold_of = np.array([folds[article] for article in judged.article.tolist()])
    result = np.empty(len(judged.right))
    for fold in range(FOLDS):
        mine = fold_of == fold
        scale, place = way(judged.some(~mine))
        result[mine] = scale.line(judged.probabilities[place, mine])
    return result


def reliability(probabilities: NDArray[np.float64], judged: Judged, articles: int) -> dict[str, Any]:
    """Set what the probabilities say beside what came true: `error`, `interval`, `bins`.

    The error is the expected calibration error (Naeini et al. 2015): the difference between the mean probability and
    the share that is right, averaged over bins by their spans. The interval, [low, high], is a percentile bootstrap
    over articles, 95 %. A bin has low, high, spans, and, where it has any, mean probability and share right.
    """
    sums = _sums(probabilities, judged, articles)
    drawn = np.concatenate([_error(totals) for totals in resampled(sums)])
    low, high = np.quantile(drawn, [(1 - WITHIN) / 2, (1 + WITHIN) / 2])
    bins = [
        {
            "low": place / BINS,
            "high": (place + 1) / BINS,
            "spans": int(spans),
            "probability": float(total / spans) if spans else None,
            "right": float(right / spans) if spans else None,
        }
        for place, (spans, total, right) in enumerate(sums.sum(axis=0))
    ]
    return {"error": float(_error(sums.sum(axis=0))), "interval": [float(low), float(high)], "bins": bins}


def perfect_error(probabilities: NDArray[np.float64], judged: Judged, articles: int) -> float:
    """Say what error the same probabilities would show if each came true exactly as often as it says."""
    random = np.random.default_rng(SEED)
    errors = []
    for _ in range(PERFECT_DRAWS):
        lucky = judged._replace(right=random.random(len(probabilities)) < probabilities)
        errors.append(_error(_sums(probabilities, lucky, articles).sum(axis=0)))
    return float(np.mean(errors))


def _sums(probabilities: NDArray[np.float64], judged: Judged, articles: int) -> NDArray[np.float64]:
    """Sum up by article and bin: spans, probabilities, right ones. (articles, BINS, 3)"""
    sums = np.zeros((articles, BINS, 3))
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    values = np.stack([np.ones(len(probabilities)), probabilities, judged.right], axis=1)
    np.add.at(sums, (judged.article, bins), values)
    return sums


def _error(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the expected calibration error from (..., BINS, 3) sums."""
    spans, total, right = np.moveaxis(sums, -1, 0)
    return np.asarray(np.abs(total - right).sum(axis=-1) / np.maximum(spans.sum(axis=-1), 1))
