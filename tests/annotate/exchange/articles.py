"""Articles of all kinds that can be stored, for round trips."""

from hypothesis import strategies as st

from annotate import tokens
from annotate.exchange.records import Record
from annotate.iob2 import repair

SIGNS = [
    *"aZ0.,'’-_*|[]\\;>#:\"{}<&é中かไ한",
    "->",
    "\\n",
    "\\t",
    "#Text=",
    "T1",
    "😀",
    "👩‍👩‍👧",
    "e\u0301",
    "\u200f",
    "\u00ad",
    "\x07",
]
BLANKS = [" ", "  ", "\n", "\n ", " \n\n", "\t", "\r\n", "\u00a0", "\u2028", "\u3000", "\u200b", "\x85", "\x1c"]
LABELS = ["PER", "B-X", "I-ORG", "O", "Übel", "a-b", "a|b", "x_[1]", "*", "_", "\\", "a->b", "a;b", "😀"]


@st.composite
def articles(draw: st.DrawFn, blanks: list[str] = BLANKS, labels: list[str] = LABELS) -> Record:
    """An article with our tokens, well-formed tags (or none at all) and sentences that start where they like."""
    text = "".join(draw(st.lists(st.sampled_from([*SIGNS, *blanks]) | st.characters(exclude_categories=["Cs", "Cc"]))))
    text += draw(st.sampled_from(["Ada", "😀", "中"])) + draw(st.sampled_from(["", *blanks]))
    offsets = tokens.tokenize(text)
    raw = [
        f"{draw(st.sampled_from('BI'))}-{draw(st.sampled_from(labels))}" if draw(st.booleans()) else "O"
        for _ in offsets
    ]
    starts = draw(st.sets(st.integers(1, max(1, len(offsets) - 1))))
    return Record(
        text=text,
        offsets=offsets,
        words=[text[start:end] for start, end in offsets],
        tags=repair(raw),
        sentence_starts=[0, *sorted(start for start in starts if start < len(offsets))],
        title=draw(st.sampled_from(["", "News", "A/B", "über", "a.b", "..", "CON "])),
    )
