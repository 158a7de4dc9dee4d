"""From a model's scores to the best well-formed IOB2 tags, their spans, and how sure the model is.

The tags of an article are read as a chain in which the model scores each token alone and every transition that IOB2
allows is equally good, every other impossible. The best sequence comes by Viterbi; probabilities come by forward and
backward passes over the same chain (Rabiner 1989), so they are exact for it and always between 0 and 1.

A step along the chain costs the same for one article as for a hundred, so articles of similar length take it together.
What `I-X` may follow is known beforehand, which makes a step linear in the tags: `I-X` follows `B-X` and `I-X`, every
other tag follows any.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotate.iob2 import spans_of

Scores = NDArray[np.float64]
Places = NDArray[np.intp]

MOST_CELLS = 2**20  # longest article x articles x tags of a batch; a handful of tables of this many doubles


class Decoded(NamedTuple):
    """One article's tags, its spans as (start, end, label, probability), and its uncertainty in [0, 1]."""

    tags: list[str]
    spans: list[tuple[int, int, str, float]]
    uncertainty: float


class Scheme(NamedTuple):
    """What follows what, as columns: `inside` holds those of the `I-X`, `begins` of each its `B-X`, `free` the others.

    An `I-X` that no `B-X` goes with is its own beginning, and so is never reached.
    """

    names: Sequence[str]
    inside: Places
    begins: Places
    free: Places


class Chain(NamedTuple):
    """The chains of a batch, time first: logs, forward and backward are (longest, articles, tags) in logs.

    The forward pass is normalised so that forward + backward are the log probabilities of each token's tag;
    `freely`, (longest + 1, articles), sums over all that begins at a token with a tag that goes on with nothing.
    """

    logs: Scores
    forward: Scores
    backward: Scores
    freely: Scores


def decode(scores: NDArray[np.floating], names: Sequence[str]) -> Decoded:
    """Find the best IOB2 tags for one article (see `decode_all`)."""
    return decode_all([scores], names)[0]


def decode_all(scores: Sequence[NDArray[np.floating]], names: Sequence[str]) -> list[Decoded]:
    """Find the best IOB2 tags for each article, in the order given.

    scores: (tokens, tags) logits of each; names: the tags in the order of the columns. A span's probability is that of
    exactly this entity: this label, this start, this end. Uncertainty is the mean over tokens of the entropy of the
    token's tag, as a share of the largest possible, so long articles do not seem less sure than short ones; an
    article without tokens has 0.
    """
    scheme = scheme_of(names)
    decoded: dict[int, Decoded] = {}
    for batch in _batches([len(rows) for rows in scores], len(names)):
        decoded.update(zip(batch, _decode([scores[i] for i in batch], scheme), strict=True))
    return [decoded.get(i) or Decoded([], [], 0.0) for i in range(len(scores))]


def scheme_of(names: Sequence[str]) -> Scheme:
    """Tell which of these tags go on with an entity, and with which."""
    places = {name: place for place, name in enumerate(names)}
    inside = [place for place, name in enumerate(names) if name.startswith("I-")]
    begins = [places.get(f"B-{names[place][2:]}", place) for place in inside]
    free = [place for place, name in enumerate(names) if not name.startswith("I-")]
    return Scheme(names, *(np.array(columns, dtype=np.intp) for columns in (inside, begins, free)))


def _batches(lengths: Sequence[int], tags: int) -> Iterator[list[int]]:
    """Group articles of similar length, those without tokens in no group."""
    batch: list[int] = []
    for index in sorted((i for i, length in enumerate(lengths) if length), key=lengths.__getitem__, reverse=True):
        if batch and lengths[batch[0]] * (len(batch) + 1) * tags > MOST_CELLS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _decode(scores: Sequence[NDArray[np.floating]], scheme: Scheme) -> Iterator[Decoded]:
    lengths = np.array([len(rows) for rows in scores])
    logs = _stacked(scores, lengths, scheme)
    paths = viterbi(logs, scheme)
    chain = passes(logs, scheme)
    unsure = _uncertainty(chain, lengths)
    for article, length in enumerate(lengths.tolist()):
        tags = [scheme.names[tag] for tag in paths[:length, article].tolist()]
        spans = [(*span, _span_probability(span, chain, article, scheme)) for span in spans_of(tags)]
        yield Decoded(tags, spans, unsure[article])


def _stacked(scores: Sequence[NDArray[np.floating]], lengths: NDArray[np.int_], scheme: Scheme) -> Scores:
    """Stack articles into (longest, articles, tags) of logs. Behind its end an article surely has a tag that goes on
    with nothing, which changes neither its best sequence nor any sum.
    """
    logs = np.full((lengths.max(), len(scores), len(scheme.names)), -np.inf)
    logs[:, :, scheme.free[:1]] = 0.0
    for article, rows in enumerate(scores):
        logs[: len(rows), article] = log_softmax(rows)
    return logs


def viterbi(logs: Scores, scheme: Scheme) -> Places:
    """Find the best allowed sequences of tag indices, (longest, articles)."""
    inside, begins = scheme.inside, scheme.begins
    came_from = np.zeros(logs.shape, dtype=np.intp)
    best = _first(logs, scheme)
    for token in range(1, len(logs)):
        any_tag = best.argmax(axis=1)
        going_on = np.where(best[:, begins] >= best[:, inside], begins, inside)
        came_from[token] = any_tag[:, None]
        came_from[token][:, inside] = going_on
        best = np.take_along_axis(best, came_from[token], axis=1) + logs[token]
    paths = np.empty(logs.shape[:2], dtype=np.intp)
    paths[-1] = best.argmax(axis=1)
    articles = np.arange(logs.shape[1])
    for token in range(len(logs) - 1, 0, -1):
        paths[token - 1] = came_from[token, articles, paths[token]]
    return paths


def passes(logs: Scores, scheme: Scheme) -> Chain:
    """Sum over all allowed sequences up to each token and after it."""
    _, inside, begins, free = scheme
    forward, backward = np.empty_like(logs), np.zeros_like(logs)
    freely = np.zeros((len(logs) + 1, logs.shape[1]))
    forward[0] = _first(logs, scheme)
    for token in range(1, len(logs)):
        before = forward[token - 1]
        forward[token] = logs[token] + _log_sum(before)[:, None]
        forward[token][:, inside] = logs[token][:, inside] + np.logaddexp(before[:, begins], before[:, inside])
    for token in range(len(logs) - 1, 0, -1):
        after = logs[token] + backward[token]
        freely[token] = _log_sum(after[:, free])
        backward[token - 1] = freely[token][:, None]
        going_on = np.logaddexp(backward[token - 1][:, inside], after[:, inside])
        backward[token - 1][:, inside] = backward[token - 1][:, begins] = going_on
    return Chain(logs, forward - _log_sum(forward[-1])[None, :, None], backward, freely)


def _first(logs: Scores, scheme: Scheme) -> Scores:
    """No sequence begins inside an entity."""
    first: Scores = logs[0].copy()
    first[:, scheme.inside] = -np.inf
    return first


def _span_probability(span: tuple[int, int, str], chain: Chain, article: int, scheme: Scheme) -> float:
    """Sum over the sequences that hold exactly this span: it begins, goes on, and does not go on after its end."""
    start, end, label = span
    begin = scheme.names.index(f"B-{label}")
    total = chain.forward[start, article, begin] + chain.freely[end, article]
    if end - start > 1:
        total += chain.logs[start + 1 : end, article, scheme.names.index(f"I-{label}")].sum()
    return float(min(1.0, np.exp(total)))


def _uncertainty(chain: Chain, lengths: NDArray[np.int_]) -> list[float]:
    """The tokens behind an article's end are sure, so they add nothing to its sum."""
    tags = chain.logs.shape[2]
    if tags == 1:
        return [0.0] * len(lengths)
    log_marginals = chain.forward + chain.backward
    probabilities = np.exp(log_marginals)
    entropy = -(probabilities * np.where(probabilities > 0, log_marginals, 0.0)).sum(axis=(0, 2))
    shares: list[float] = np.clip(entropy / lengths / np.log(tags), 0.0, 1.0).tolist()
    return shares


def log_softmax(scores: NDArray[np.floating]) -> Scores:
    """Turn logits of (tokens, tags) into log probabilities, in double precision."""
    wide = np.asarray(scores, dtype=np.float64)
    wide = wide - wide.max(axis=1, keepdims=True)
    return np.asarray(wide - np.log(np.exp(wide).sum(axis=1, keepdims=True)))


def _log_sum(values: Scores) -> Scores:
    """Sum (articles, tags) of logs over the tags."""
    peak = values.max(axis=1)
    return np.asarray(peak + np.log(np.exp(values - peak[:, None]).sum(axis=1)))
