"""The schemes that files tag in, each told by its tags and read as IOB2.

IOB1, IOE1 and IOE2 mark one end of an entity at most (Tjong Kim Sang and Veenstra, Representing Text Chunks, 1999),
BIOES and BILOU both, and entities of one token (Ratinov and Roth, Design Challenges and Misconceptions in NER, 2009).
BMES, as corpora of Chinese have it, is BIOES by other letters.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Scheme = Literal["iob2", "iob1", "bioes", "bilou", "ioe1", "ioe2"]
TITLES: dict[Scheme, str] = {
    "iob2": "IOB2",
    "iob1": "IOB1",
    "bioes": "BIOES, BMES",
    "bilou": "BILOU",
    "ioe1": "IOE1",
    "ioe2": "IOE2",
}
TAG = re.compile(r"O|[BIESLUMW]-\S+")  # of any scheme
ENOUGH = 1_000  # tags of entities that show the letters of a scheme
_LETTERS = {"iob1": "BI", "bioes": "BIESMW", "bilou": "BILU", "ioe1": "IE", "ioe2": "IE"}
_BEGINS, _ENDS = frozenset("BSUW"), frozenset("ESUWL")
_UNMARKED = frozenset(["iob1", "ioe1", "ioe2"])  # an entity may begin with any of its letters here
_CLOSED = frozenset(["bioes", "bilou", "ioe2"])  # each entity ends with a letter for that


class _Part(NamedTuple):
    """Both are empty outside of entities, and for a tag that the scheme does not have."""

    letter: str
    label: str


_OUTSIDE = _Part("", "")


def scheme_of(sequences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme of a file, by its tags, a sentence at a time; reads no further than it needs.

    L- and U- are BILOU's; S-, M-, W-, and B- beside E-, are BIOES's. With E- alone a file is IOE1 if every E-X is
    followed by a token of type X (there alone does IOE1 write E-), else IOE2. With B- and I- alone it is IOB1 if some
    entity starts with I-, and every B-X directly follows a token of type X (there alone does IOB1 write B-; seed:
    CoNLL-2003 as first published), else IOB2.
    """
    look = _Look()
    for tags in sequences:
        look.see(tags)
        if look.is_sure():
            break
    return look.scheme()


class _Look:
    """What the tags so far show of their scheme."""

    def __init__(self) -> None:
        self.letters: set[str] = set()
        self.seen = 0  # tags of entities
        self.starts_inside = False
        self.may_be_iob1 = self.may_be_ioe1 = True

    def see(self, tags: Sequence[str]) -> None:
        if not any(tag != "O" for tag in tags):
            return
        for before, tag in itertools.pairwise(["O", *tags, "O"]):
            same = before[2:] == tag[2:]
            if before.startswith("E-") and not same:
                self.may_be_ioe1 = False
            if tag == "O" or not TAG.fullmatch(tag):
                continue
            self.seen += 1
            self.letters.add(tag[0])
            if tag[0] == "B" and not same:
                self.may_be_iob1 = False
            elif tag[0] == "I" and not same:
                self.starts_inside = True

    def is_sure(self) -> bool:
        if self.letters & set("SMWLU") or self.letters >= set("BE"):
            return True
        may_be_other = self.may_be_ioe1 if "E" in self.letters else self.may_be_iob1
        return self.seen >= ENOUGH and not may_be_other

    def scheme(self) -> Scheme:
        if self.letters & set("LU"):
            return "bilou"
        if self.letters & set("SMW") or self.letters >= set("BE"):
            return "bioes"
        if "E" in self.letters:
            return "ioe1" if self.may_be_ioe1 else "ioe2"
        return "iob1" if self.starts_inside and self.may_be_iob1 else "iob2"


def as_iob2(tags: Sequence[str], scheme: str) -> list[str]:
    """Tags of one sentence in `scheme`. A tag that the scheme does not have stays, to be reported with its place. Where
    the scheme marks beginnings, an entity without one stays an I-X that follows no X. Under another name ("iob2", or
    "auto" while it is not decided) the tags stay as they are.
    """
    if scheme not in _LETTERS:
        return list(tags)
    parts = _parts(tags, scheme)
    return [
        tag if not now.label else f"{'B' if _begins(before, now, scheme) else 'I'}-{now.label}"
        for tag, before, now in zip(tags, [_OUTSIDE, *parts], parts, strict=False)
    ]


def unclosed(tags: Sequence[str], scheme: str) -> list[int]:
    """The last tokens of entities that do not end as the scheme says. They are read as if they did."""
    if scheme not in _CLOSED:
        return []
    pairs = itertools.pairwise([*_parts(tags, scheme), _OUTSIDE])
    return [
        index
        for index, (now, after) in enumerate(pairs)
        if now.label and now.letter not in _ENDS and (after.label != now.label or after.letter in _BEGINS)
    ]


def _parts(tags: Sequence[str], scheme: str) -> list[_Part]:
    letters = _LETTERS[scheme]
    return [
        _Part(tag[0], tag[2:]) if tag[:1] in letters and tag[1:2] == "-" and tag[2:] else _OUTSIDE
        for tag in (tag or "O" for tag in tags)
    ]


def _begins(before: _Part, now: _Part, scheme: str) -> bool:
    if now.letter in _BEGINS:
        return True
    if before.label != now.label:
        return scheme in _UNMARKED
    return before.letter in _ENDS
