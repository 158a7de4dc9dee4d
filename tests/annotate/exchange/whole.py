"""Whole articles for the formats that keep an article to the letter."""

from hypothesis import strategies as st

from annotate import iob2
from annotate.exchange.records import Record
from annotate.tokens import word_fault

LABELS = ("PER", "ORG", "Übel", "a-b", "B-X")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=6) | (
    st.sampled_from(["-DOCSTART-", "#", "O", "=1+1", "👩‍🚀", "é", "中", "\u200fא", "e\u0301", "\x07a", "\ufeffx"])
)
GAPS = st.sampled_from(["", " ", "  ", "\n", " \n\n ", "\t", "\u00a0", "\u200b", "\r\n", "\u2028"])
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
METADATA = st.dictionaries(PLAIN, st.none() | st.booleans() | st.integers(-(2**60), 2**60) | PLAIN | st.lists(PLAIN))


@st.composite
def articles(draw: st.DrawFn) -> Record:
    """An article with its text, tokens, well-formed tags, sentences, a passage that is left out, and all its fields."""
    words = draw(st.lists(WORDS.filter(lambda word: word_fault(word) is None), min_size=1, max_size=10))
    raw = [
        f"{draw(st.sampled_from('BI'))}-{draw(st.sampled_from(LABELS))}" if draw(st.booleans()) else "O" for _ in words
    ]
    text, offsets = draw(GAPS), []
    for word in words:
        offsets.append((len(text), len(text) + len(word)))
        text += word + draw(GAPS)
    out = draw(st.integers(0, len(words) - 1))
    tags = iob2.repair(["O" if index < out else tag for index, tag in enumerate(raw)])
    starts = draw(st.sets(st.integers(1, 9)))
    return Record(
        words=words,
        tags=tags,
        text=text,
        offsets=offsets,
        sentence_starts=[0, *sorted(start for start in starts if start < len(words))],
        left_out=[(0, out)] if out else [],
        title=draw(PLAIN),
        external_id=draw(PLAIN),
        source=draw(PLAIN),
        date=draw(PLAIN),
        language=draw(PLAIN),
        metadata=draw(METADATA),
        split=draw(st.sampled_from(["train", "validation", "test", "aside"])),
        status=draw(st.sampled_from(["finished", "in_progress"])),
    )


def same(before: Record, after: Record) -> None:
    """Nothing of an article has changed."""
    assert after.errors == []
    for name in (
        *("text", "offsets", "words", "tags", "sentence_starts", "left_out", "split", "status", "metadata"),
        *("title", "external_id", "source", "date", "language"),
    ):
        assert getattr(after, name) == getattr(before, name), name
