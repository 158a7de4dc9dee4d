"""The schemes in which models tag, told by the names of their tags. Pure, and light enough for the web process."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Scheme = Literal["IOB2", "IOB1", "BIOES", "plain"]
PART = re.compile(r"([BIESLUM])[-_](.+)")
OUTSIDE = {"O", "OUT", "OUTSIDE", "NONE", "0", "_"}


class Tag(NamedTuple):
    """`part` is B, I, E, S, L, U or M, empty where the model gives bare labels; `label` is empty outside."""

    part: str
    label: str


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
    """Tell a model's scheme by the names of its tags. IOB1 and IOB2 may have the same: see `reading.starts_inside`."""
    found = parts_of(tags)
    parts = {tag.part for tag in found if tag.label}
    if not parts - {""}:
        return "plain"
    if parts & set("ESLUM"):
        return "BIOES"
    begun = {tag.label for tag in found if tag.part == "B"}
    return "IOB2" if begun == set(labels_of(tags)) else "IOB1"
