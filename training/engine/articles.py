"""The plain values that go in and out of the engine."""

from collections.abc import Sequence
from typing import NamedTuple


class Article(NamedTuple):
    """One whole article.

    `tags` is one IOB2 tag per word, or empty where nobody has tagged it; `sentence_starts` holds word indices.
    """

    key: str
    words: list[str]
    tags: list[str]
    sentence_starts: list[int]


def tag_names(labels: Sequence[str]) -> list[str]:
    """Name the tags a model tells apart, in the order of its outputs: `O`, then `B-` and `I-` of each label."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def label_names(tags: Sequence[str]) -> list[str]:
    """Name the labels (entity types) that a model's tags speak of, in the order of first appearance."""
    return list(dict.fromkeys(tag[2:] for tag in tags if tag != "O"))
