"""How a ready model's own tags are read as a project's: its scheme, and which of its labels stand for which of ours.

Models of others tag in IOB2, in IOB1 (an entity begins with I-, B- only parts neighbours), in BIOES or BILOU, or give
each word its bare label. Their scores become scores of IOB2 tags here, so that one decoder serves all.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.engine.articles import tag_names
from training.engine.decode import log_softmax

Scheme = Literal["IOB2", "IOB1", "BIOES", "plain"]
PART = re.compile(r"([BIESLUM])[-_](.+)")
OUTSIDE = {"O", "OUT", "OUTSIDE", "NONE", "0", "_"}
BEGINS = "BSU"  # the other parts go on
IMPOSSIBLE = -30.0  # the log of what cannot be: small, and still a number

Scores = NDArray[np.floating[Any]]


class Tag(NamedTuple):
    """`part` is B, I, E, S, L, U or M, empty where the model gives bare labels; `label` is empty outside."""

    part: str
    label: str


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


def parts_of(tags: Sequence[str]) -> list[Tag]:
    """Take a model's tags apart. Where one of them has no prefix none has: E-MAIL is a label, not the end of a MAIL."""
    found = [PART.fullmatch(tag) for tag in tags if not _is_outside(tag)]
    if not all(found):
        return [Tag("", "" if _is_outside(tag) else tag) for tag in tags]
    parts = iter(Tag(match[1], match[2]) for match in found if match)
    return [Tag("", "") if _is_outside(tag) else next(parts) for tag in tags]


def _is_outside(tag: str) -> bool:
    return tag.upper() in OUTSIDE


def labels_of(tags: Sequence[str]) -> list[str]:
    """Name the labels that a model's tags speak of, in the order of first appearance."""
    return list(dict.fromkeys(label for _, label in parts_of(tags) if label))


def scheme_of(tags: Sequence[str]) -> Scheme:
    """Tell a model's scheme by the names of its tags. IOB1 and IOB2 may have the same: see `starts_inside`."""
    found = parts_of(tags)
    parts = {tag.part for tag in found if tag.label}
    if not parts - {""}:
        return "plain"
    if parts & set("ESLUM"):
        return "BIOES"
    begun = {tag.label for tag in found if tag.part == "B"}
    return "IOB2" if begun == set(labels_of(tags)) else "IOB1"


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
