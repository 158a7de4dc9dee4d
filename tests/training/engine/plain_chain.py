"""The chain of `training.engine.decode` as a textbook has it: one article, one token at a time, a table of transitions.
What the engine does in batches must come to the same.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotate.iob2 import spans_of
from training.engine.decode import Decoded, log_softmax

Scores = NDArray[np.float64]


def decode(scores: NDArray[np.floating], names: Sequence[str]) -> Decoded:
    if not len(scores):
        return Decoded([], [], 0.0)
    logs = log_softmax(scores)
    best = [names[tag] for tag in viterbi(logs, names)]
    forward, backward = passes(logs, names)
    spans = [
        (span.start, span.end, span.label, _span_probability(span, logs, names, forward, backward))
        for span in spans_of(best)
    ]
    return Decoded(best, spans, _uncertainty(forward + backward))


def allowed(names: Sequence[str]) -> Scores:
    """Tabulate the transitions, (tags, tags): 0 where the column may follow the row, minus infinity where not."""
    table = np.zeros((len(names), len(names)))
    for column, name in enumerate(names):
        if name.startswith("I-"):
            table[[row for row, before in enumerate(names) if before not in (name, f"B-{name[2:]}")], column] = -np.inf
    return table


def _starting(names: Sequence[str]) -> Scores:
    return np.array([-np.inf if name.startswith("I-") else 0.0 for name in names])


def viterbi(logs: Scores, names: Sequence[str]) -> list[int]:
    """Find the best allowed sequence of tag indices for log probabilities of (tokens, tags)."""
    transitions = allowed(names)
    columns = np.arange(len(names))
    came_from = np.zeros(logs.shape, dtype=np.int64)
    best = logs[0] + _starting(names)
    for token in range(1, len(logs)):
        paths = best[:, None] + transitions
        came_from[token] = paths.argmax(axis=0)
        best = paths[came_from[token], columns] + logs[token]
    path = [int(best.argmax())]
    for token in range(len(logs) - 1, 0, -1):
        path.append(int(came_from[token, path[-1]]))
    return path[::-1]


def passes(logs: Scores, names: Sequence[str]) -> tuple[Scores, Scores]:
    """Sum over all allowed sequences up to each token and after it, both (tokens, tags) in logs.

    The forward pass is normalised so that forward + backward are the log probabilities of each token's tag.
    """
    follows = np.exp(allowed(names))
    forward, backward = np.empty_like(logs), np.zeros_like(logs)
    forward[0] = logs[0] + _starting(names)
    with np.errstate(divide="ignore"):  # the log of 0 is what an impossible tag should have
        for token in range(1, len(logs)):
            peak = forward[token - 1].max()
            forward[token] = logs[token] + peak + np.log(np.exp(forward[token - 1] - peak) @ follows)
        for token in range(len(logs) - 2, -1, -1):
            after = logs[token + 1] + backward[token + 1]
            peak = after.max()
            backward[token] = peak + np.log(follows @ np.exp(after - peak))
    return forward - _log_sum(forward[-1]), backward


def _span_probability(
    span: tuple[int, int, str], logs: Scores, names: Sequence[str], forward: Scores, backward: Scores
) -> float:
    """Sum over the sequences that hold exactly this span: it begins, goes on, and does not go on after its end."""
    start, end, label = span
    begin, inside = names.index(f"B-{label}"), names.index(f"I-{label}")
    total = forward[start, begin] + logs[start + 1 : end, inside].sum()
    if end < len(logs):
        ends_here = allowed(names)[inside]
        ends_here[inside] = -np.inf
        total += _log_sum(ends_here + logs[end] + backward[end])
    return float(min(1.0, np.exp(total)))


def _uncertainty(log_marginals: Scores) -> float:
    tags = log_marginals.shape[1]
    if tags == 1:
        return 0.0
    probabilities = np.exp(log_marginals)
    entropy = -(probabilities * np.where(probabilities > 0, log_marginals, 0.0)).sum(axis=1)
    return float(np.clip(entropy.mean() / np.log(tags), 0.0, 1.0))


def _log_sum(values: Scores) -> float:
    peak = values.max()
    return float(peak + np.log(np.exp(values - peak).sum()))
