"""Articles that are hard on formats, for hypothesis: every sign, mark and blank, neighbours of one label, odd tags."""

from dataclasses import replace

from hypothesis import strategies as st

from annotate import iob2, tokens
from annotate.exchange.records import CharSpan, Record, apply
from annotate.tokens import word_fault

SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
PLAIN = st.text(SIGNS, max_size=20)
LABELS = st.sampled_from(["PER", "B-X", "I-ORG", "O", "Übel", "a-b", "0", '"', "😀"])
METADATA = st.dictionaries(PLAIN, st.none() | st.booleans() | st.integers() | PLAIN | st.lists(PLAIN), max_size=3)
BLANKS = st.sampled_from(["", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u200b", "\u2028", "\u200f", " \n "])
WORDS = st.text(SIGNS, min_size=1, max_size=6) | st.sampled_from(
    ["Ada", "😀", "👩‍👩‍👧", "e\u0301", "中", "\x07a", "’s", "$"]
)
TEXTS = st.lists(WORDS | BLANKS, min_size=1, max_size=12).map("".join).filter(tokens.tokenize)


def read_back(records: list[Record]) -> list[Record]:
    """What can be stored of records without errors."""
    whole = [apply(record, "fail") for record in records]
    return [record for record in whole if record is not None]


@st.composite
def articles(draw: st.DrawFn, own_tokens: bool = False, tagged: bool = False) -> Record:
    """An article as an export has it: with the tokens that its text gets from us, or with any."""
    if own_tokens:
        text, offsets = draw(BLANKS), []
        for word in draw(st.lists(WORDS.filter(lambda word: word_fault(word) is None), min_size=1, max_size=12)):
            offsets.append((len(text), len(text) + len(word)))
            text += word + draw(BLANKS)
    else:
        text = draw(TEXTS)
        offsets = tokens.tokenize(text)
    raw = [f"{draw(st.sampled_from('BI'))}-{draw(LABELS)}" if draw(st.booleans()) else "O" for _ in offsets]
    tags = iob2.repair(raw) if tagged or draw(st.booleans()) else None
    return Record(
        text=text,
        offsets=offsets,
        words=[text[start:end] for start, end in offsets],
        tags=tags,
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
        CharSpan(start, end, draw(LABELS), draw(scores)) for start, end in record.offsets or [] if draw(st.booleans())
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
