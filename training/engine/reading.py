"""How a ready model's own tags are read as a project's: its scheme, and which of its labels stand for which of ours.

Models of others tag in IOB2, in IOB1 (an entity begins with I-, B- only parts neighbours), in BIOES or BILOU, or give
each word its bare label. Their scores become scores of IOB2 tags here, so that one decoder serves all.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.engine.articles import tag_names
from training.engine.decode import log_softmax
from training.engine.schemes import Scheme, Tag, labels_of, parts_of

BEGINS = "BSU"  # the other parts go on
IMPOSSIBLE = -30.0  # the log of what cannot be: small, and still a number

Scores = NDArray[np.floating[Any]]


class Reading(NamedTuple):
    """tags: the model's, in the order of its outputs; ours: {its label: the project's}; labels that lack are left out.

    `labels` are the project's in the order in which they are told.
    """

    tags: list[str]
    scheme: Scheme
    ours: dict[str, str]
    labels: list[str]

    @property
    def names(self) -> list[str]:
        return tag_names(self.labels)

    def apply(self, scores: Scores) -> NDArray[np.float32]:
        """Turn the model's scores of one article, (tokens, its tags), into log probabilities, (tokens, our tags).

        What it gives to labels that are left out counts as outside; two labels that stand for one are added up.
        """
        if not len(scores):
            return np.zeros((0, len(self.names)), dtype=np.float32)
        own = parts_of(self.tags)
        labels = labels_of(self.tags)
        outside, begin, inside = _shares(np.exp(log_softmax(scores)), own, labels)
        if self.scheme in ("IOB1", "plain"):
            begin, inside = _begun_where_none_was(outside, begin, inside)
        columns = {name: column for column, name in enumerate(self.names)}
        result = np.zeros((len(scores), len(columns)))
        result[:, 0] = outside
        for place, label in enumerate(labels):
            mine = self.ours.get(label)
            result[:, columns[f"B-{mine}"] if mine else 0] += begin[:, place]
            result[:, columns[f"I-{mine}"] if mine else 0] += inside[:, place]
        return np.maximum(np.log(np.maximum(result, 1e-30)), IMPOSSIBLE).astype(np.float32)


def starts_inside(tags: Sequence[str], scores: Sequence[Scores]) -> bool:
    """Whether a model begins more of its entities with I- than with B-, over its scores of some articles."""
    own = parts_of(tags)
    with_b = with_i = 0
    for rows in scores:
        before = ""
        for index in rows.argmax(axis=1).tolist() if len(rows) else ():
            part, label = own[index]
            if label and label != before:
                with_b += part == "B"
                with_i += part == "I"
            before = label
    return with_i > with_b


def _shares(probabilities: Scores, own: list[Tag], labels: list[str]) -> tuple[Scores, Scores, Scores]:
    """Outside (tokens,), and by label what begins and what goes on, both (tokens, labels). Bare labels go on."""
    tokens = len(probabilities)
    outside = np.zeros(tokens)
    begin, inside = np.zeros((tokens, len(labels))), np.zeros((tokens, len(labels)))
    for column, (part, label) in enumerate(own):
        if not label:
            outside += probabilities[:, column]
        elif part and part in BEGINS:
            begin[:, labels.index(label)] += probabilities[:, column]
        else:
            inside[:, labels.index(label)] += probabilities[:, column]
    return outside, begin, inside


def _begun_where_none_was(outside: Scores, begin: Scores, inside: Scores) -> tuple[Scores, Scores]:
    """Have what goes on begin wherever the token before is more likely something else."""
    most = np.column_stack([outside, begin + inside]).argmax(axis=1) - 1  # the label of each token, -1 outside
    goes_on = np.zeros(inside.shape, dtype=bool)
    after = np.flatnonzero(most[:-1] >= 0) + 1
    goes_on[after, most[after - 1]] = True
    return np.where(goes_on, begin, begin + inside), np.where(goes_on, inside, 0.0)
