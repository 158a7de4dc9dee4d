"""Articles that are hard on formats, for hypothesis: every sign, mark and blank, neighbours of one label, odd tags."""

from dataclasses import replace

from hypothesis import strategies as st

from annotate import iob2, tokens
from annotate.exchange.records import CharSpan, Record, apply
from annotate.tokens import word_fault

SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
PLAIN = st.text(SIGNS, max_size=20)
LABELS = ("PER", "B-X", "I-ORG", "O", "Übel", "a-b", "0", '"', "😀")
METADATA = st.dictionaries(PLAIN, st.none() | st.booleans() | st.integers() | PLAIN | st.lists(PLAIN), max_size=3)
BLANKS = st.sampled_from(["", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u200b", "\u2028", "\u200f", " \n ", " \n\n "])
WORDS = st.text(SIGNS, min_size=1, max_size=6) | st.sampled_from(
    ["Ada", "-DOCSTART-", "#", "O", "=1+1", "$", "’s", "😀", "👩‍👩‍👧", "👩‍🚀", "é", "e\u0301", "中", "\u200fא", "\x07a"]
)
TEXTS = st.lists(WORDS | BLANKS, min_size=1, max_size=12).map("".join).filter(tokens.tokenize)


def read_back(records: list[Record]) -> list[Record]:
    """What can be stored of records without errors."""
    whole = [apply(record, "fail") for record in records]
    return [record for record in whole if record is not None]


@st.composite
def articles(draw: st.DrawFn, own_tokens: bool = False, tagged: bool = False, whole: bool = False) -> Record:
    """An article as an export has it: with the tokens that its text gets from us, or with any. A whole one has own
    tokens and tags, sentences, and perhaps a passage that is left out.
    """
    if own_tokens or whole:
        text, offsets = draw(BLANKS), []
        for word in draw(st.lists(WORDS.filter(lambda word: word_fault(word) is None), min_size=1, max_size=12)):
            offsets.append((len(text), len(text) + len(word)))
            text += word + draw(BLANKS)
    else:
        text = draw(TEXTS)
        offsets = tokens.tokenize(text)
    count = len(offsets)
    labels = st.sampled_from(LABELS)
    raw = [f"{draw(st.sampled_from('BI'))}-{draw(labels)}" if draw(st.booleans()) else "O" for _ in offsets]
    out = draw(st.integers(0, count - 1)) if whole else 0
    tags = iob2.repair(["O"] * out + raw[out:]) if tagged or whole or draw(st.booleans()) else None
    starts = draw(st.sets(st.integers(1, 9))) if whole else set()
    return Record(
        text=text,
        offsets=offsets,
        words=[text[start:end] for start, end in offsets],
        tags=tags,
        sentence_starts=[0, *sorted(start for start in starts if start < count)] if whole else None,
        left_out=[(0, out)] if out else [],
        title=draw(PLAIN),
        external_id=draw(PLAIN),
        source=draw(PLAIN),
        date=draw(PLAIN),
        language=draw(PLAIN),
        metadata=draw(METADATA),
        split=draw(st.sampled_from(["train", "validation", "test", "aside"])),
        status=draw(st.sampled_from(["in_progress", "finished"])) if tags is not None else "raw",
    )


@st.composite
def suggested(draw: st.DrawFn) -> Record:
    """An article with something that a machine said of it."""
    record = draw(articles())
    scores = st.none() | st.floats(0, 1)
    spans = [
        CharSpan(start, end, draw(st.sampled_from(LABELS)), draw(scores))
        for start, end in record.offsets or []
        if draw(st.booleans())
    ]
    return replace(record, suggested=tuple(spans))


NAMED = ("title", "external_id", "source", "date", "language", "metadata", "split")
CONTENT = ("text", "offsets", "words", "tags", "suggested")


def differences(before: list[Record], after: list[Record]) -> list[tuple[str, object, object]]:
    """What is not the same in articles that were written and read back; raw ones are known by having no tags."""
    found = [
        (name, getattr(old, name), getattr(new, name))
        for old, new in zip(before, after, strict=True)
        for name in (*NAMED, *CONTENT)
        if getattr(old, name) != getattr(new, name)
    ]
    begun = [
        ("status", o.status, n.status)
        for o, n in zip(before, after, strict=True)
        if (o.status == "in_progress") != (n.status == "in_progress")
    ]
    return found + begun


def same(before: Record, after: Record) -> None:
    """Nothing of a whole article has changed."""
    assert after.errors == []
    for name in ("text", "offsets", "words", "tags", "sentence_starts", "left_out", "status", *NAMED):
        assert getattr(after, name) == getattr(before, name), name
