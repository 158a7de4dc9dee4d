"""IOB2: one tag per token, `O`, `B-X` or `I-X`, where an `I-X` follows only `B-X` or `I-X`.

The stored form of every annotation. Spans are derived from tags and tags from spans, without loss either way.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

_ENTITY = re.compile(r"(?<!\S)B-(\S+)(?: I-\S+)*")


class IOB2Error(ValueError):
    """Tags or spans that are not well formed; the message says where and why."""


class Span(NamedTuple):
    """An entity: token indices, half open, and its label."""

    start: int
    end: int
    label: str


class Fault(NamedTuple):
    """Something wrong or odd about one tag. `kind` is "malformed", "orphan", "restart" or "label-change"."""

    token: int
    tag: str
    kind: str
    message: str


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The entities of well-formed tags, in order. Raises IOB2Error where the tags are not well formed."""
    spans: list[Span] = []
    start, label = 0, ""  # of the entity that is open
    for index, tag in enumerate(tags):
        if tag == "O":
            if label:
                spans.append(Span(start, index, label))
                label = ""
            continue
        kind, named = tag[:2], tag[2:]
        if kind not in {"B-", "I-"} or not named:
            raise IOB2Error(f"tag {index} is {tag!r}: neither O nor B-X nor I-X")
        if kind == "I-" and named == label:
            continue
        if kind == "I-":
            raise IOB2Error(f"tag {index} is {tag!r} with no {named} entity before it")
        if label:
            spans.append(Span(start, index, label))
        start, label = index, named
    return [*spans, Span(start, len(tags), label)] if label else spans


def spans_of_stored(tags: str) -> Iterator[Span]:
    """The entities of well-formed tags as they are stored, with one blank between two. Of many articles it is read a
    few times as fast as `spans_of`, since it looks at no O.
    """
    index = reached = 0
    for found in _ENTITY.finditer(tags):
        index += tags.count(" ", reached, found.start())
        reached = found.start()
        yield Span(index, index + 1 + found[0].count(" "), found[1])


def tags_of(spans: Iterable[tuple[int, int, str]], length: int) -> list[str]:
    """One tag for each of `length` tokens. Raises IOB2Error for spans that overlap, are empty, lack a label or leave
    the tokens; their order does not matter.
    """
    tags = ["O"] * length
    for start, end, label in spans:
        if not 0 <= start < end <= length:
            raise IOB2Error(f"span {start} to {end} ({label}) does not lie within {length} tokens")
        if not label:
            raise IOB2Error(f"span {start} to {end} has no label")
        if any(tag != "O" for tag in tags[start:end]):
            raise IOB2Error(f"span {start} to {end} ({label}) overlaps another")
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return tags


def relabelled(tags: Iterable[str], names: Mapping[str, str | None]) -> list[str]:
    """The same entities under other labels; those whose label becomes None are removed. Neighbours stay two."""
    told = [(tag, names.get(tag[2:], tag[2:])) for tag in tags]
    return [f"{tag[:2]}{label}" if label else "O" for tag, label in told]


def check(tags: Sequence[str]) -> None:
    """Raise IOB2Error at the first tag that is malformed or an orphan."""
    spans_of(tags)


def faults(words: Sequence[str], tags: Sequence[str]) -> list[Fault]:
    """The errors: tags that are malformed, and orphans (an I-X that follows neither B-X nor I-X)."""
    found: list[Fault] = []
    before = "O"
    for index, (word, tag) in enumerate(zip(words, tags, strict=True)):
        if _is_malformed(tag):
            found.append(
                Fault(index, tag, "malformed", f"“{word}” is tagged {tag!r}, which is neither O nor B-X nor I-X.")
            )
        elif _is_orphan(before, tag):
            message = f"“{word}” is tagged {tag} with no {tag[2:]} entity before it."
            found.append(Fault(index, tag, "orphan", message))
        before = tag
    return found


def notices(words: Sequence[str], tags: Sequence[str]) -> list[Fault]:
    """What is well formed but often a slip: an entity that starts anew right after one of its own label
    (United/B-ORG Nations/B-ORG), and a change of label inside a run of capitals (New/I-ORG York/B-LOC).
    """
    found: list[Fault] = []
    for index in range(1, len(tags)):
        before, tag = tags[index - 1], tags[index]
        if before == "O" or tag == "O" or _is_malformed(before) or _is_malformed(tag):
            continue
        pair = f"“{words[index - 1]} {words[index]}”"
        if before[2:] == tag[2:] and tag[0] == "B":
            message = f"{pair}: a second {tag[2:]} entity starts right after the first; is it one?"
            found.append(Fault(index, tag, "restart", message))
        elif before[2:] != tag[2:] and _is_capital(words[index - 1]) and _is_capital(words[index]):
            message = (
                f"{pair}: the label changes from {before[2:]} to {tag[2:]} inside a run of capitals; is it one entity?"
            )
            found.append(Fault(index, tag, "label-change", message))
    return found


def repair(tags: Sequence[str]) -> list[str]:
    """Turn each orphan I-X into B-X. Raises IOB2Error for a malformed tag, which nobody can guess."""
    repaired = ["B" + tag[1:] if _is_orphan(before, tag) else tag for before, tag in _pairs(tags)]
    check(repaired)
    return repaired


def _pairs(tags: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(["O", *tags[:-1]], tags, strict=True) if tags else ()


def _is_malformed(tag: str) -> bool:
    return tag != "O" and (tag[:2] not in {"B-", "I-"} or len(tag) < 3)


def _is_orphan(before: str, tag: str) -> bool:
    return tag.startswith("I-") and (before[:2] not in {"B-", "I-"} or before[2:] != tag[2:])


def _is_capital(word: str) -> bool:
    return word[:1].isupper()
