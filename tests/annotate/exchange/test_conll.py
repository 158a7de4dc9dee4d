import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate import iob2
from annotate.exchange import FormatError, Options
from annotate.exchange.formats import conll, jsonl
from annotate.exchange.records import Record, apply
from annotate.tokens import word_fault
from tests.annotate.exchange.conftest import Reader

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6) | st.sampled_from(
    ["-DOCSTART-", "#", "-X-", "O", "B-PER", '"', "{", "\u200fא", "é", "中", "😀", "\x07a"]
)
LABELS = st.sampled_from(["PER", "B-X", "I-ORG", "O", "Übel", "a-b"])


@st.composite
def tagged(draw: st.DrawFn) -> Record:
    words = draw(st.lists(WORDS.filter(lambda word: word_fault(word) is None), min_size=1, max_size=12))
    raw = [f"{draw(st.sampled_from('BI'))}-{draw(LABELS)}" if draw(st.booleans()) else "O" for _ in words]
    starts = draw(st.sets(st.integers(1, 12)))
    return Record(words=words, tags=iob2.repair(raw), sentence_starts=[0, *sorted(s for s in starts if s < len(words))])


@given(st.lists(tagged(), min_size=1, max_size=4))
def test_what_is_written_is_read_back(records_of: Reader, records: list[Record]) -> None:
    content = "".join(conll.write(records))
    read = [apply(record, "fail") for record in records_of(content, format="conll", scheme="iob2")]
    assert [(r.words, r.tags) for r in read if r] == [(r.words, r.tags) for r in records]
    for before, after in zip(records, read, strict=True):
        assert after is not None
        inside = {index for index, tag in enumerate(before.tags or []) if tag.startswith("I-")}
        assert after.sentence_starts == [start for start in before.sentence_starts or [] if start not in inside]


def test_each_article_is_written_under_a_header_of_its_own_in_four_columns() -> None:
    records = [
        Record(words=["Ada", "left"], tags=["B-PER", "O"], sentence_starts=[0]),
        Record(words=["Oslo"], tags=["B-LOC"], sentence_starts=[0]),
    ]
    header = "-DOCSTART- -X- -X- O\n\n"
    assert "".join(conll.write(records)) == (
        f"{header}Ada -X- -X- B-PER\nleft -X- -X- O\n\n{header}Oslo -X- -X- B-LOC\n\n"
    )


PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
METADATA = st.dictionaries(PLAIN, st.none() | st.booleans() | st.integers() | PLAIN | st.lists(PLAIN), max_size=3)


@given(st.lists(tagged(), min_size=1, max_size=3), PLAIN, METADATA, st.sampled_from(["train", "aside", None]))
def test_json_lines_are_read_back_to_the_last_character(
    records_of: Reader, records: list[Record], plain: str, metadata: dict[str, object], split: str | None
) -> None:
    given_out = []
    for record in records:
        text, offsets = f"{plain} ", []
        for word in record.words or []:
            offsets.append((len(text), len(text) + len(word)))
            text += word + plain
        given_out.append(
            Record(
                words=record.words,
                tags=record.tags,
                text=text,
                offsets=offsets,
                sentence_starts=record.sentence_starts,
                title=plain,
                metadata=metadata,
                split=split,
                status="finished",
            )
        )
    read = records_of("".join(jsonl.write(given_out)), format="jsonl", scheme="iob2")
    for before, after in zip(given_out, read, strict=True):
        assert after.errors == []
        for name in ("text", "offsets", "words", "tags", "sentence_starts", "title", "metadata", "split", "status"):
            assert getattr(after, name) == getattr(before, name), name


def test_two_and_four_columns_tab_and_blank(records_of: Reader) -> None:
    for content in (
        "Ada B-PER\nmet O\n\nBob B-PER\n",
        "Ada\tB-PER\r\nmet\tO\r\n\r\nBob\tB-PER\r\n",
        "Ada NNP B-NP B-PER\nmet VB  B-VP O\n \nBob NNP B-NP B-PER\n",
    ):
        (record,) = records_of(content, "a.conll")
        assert record.errors == []
        assert (record.words, record.tags) == (["Ada", "met", "Bob"], ["B-PER", "O", "B-PER"])
        assert record.sentence_starts == [0, 2]


def test_docstart_lines_part_the_articles_in_all_their_kinds(records_of: Reader) -> None:
    content = "-DOCSTART- -X- O O\n\nAda _ _ O\n-DOCSTART- -X- O\nBob _ _ O\n\n-DOCSTART-\n\n-DOCSTART- O\nCy _ _ O"
    records = records_of(content, "a.conll")
    assert [record.words for record in records] == [["Ada"], ["Bob"], ["Cy"]]
    assert all(record.problems == () for record in records)


def test_without_docstart_a_short_file_is_one_article_and_says_so(records_of: Reader) -> None:
    records = records_of("Ada B-PER\n\n" * 100, "a.conll")
    assert [len(record.words or []) for record in records] == [100]
    assert [problem.kind for problem in records[0].problems] == ["documents"]


def test_without_docstart_a_long_file_is_a_heap_of_sentences_and_says_so(records_of: Reader) -> None:
    records = records_of("Ada B-PER\n\n" * 250, "a.conll")
    assert len(records) == 250
    assert [problem.kind for record in records for problem in record.problems] == ["documents"]
    assert "each sentence became one" in records[0].problems[0].message


def test_wrong_column_counts_are_errors_by_line(records_of: Reader) -> None:
    content = "-DOCSTART- O\n\nAda B-PER\nmet\n\n-DOCSTART- O\n\nBob B-PER\nCy NN O\n\n-DOCSTART- O\n\nDee O\n"
    first, second, third = records_of(content, "a.conll")
    assert [(e.line, e.kind, e.message) for e in first.errors] == [(4, "columns", "The line has 1 column, not 2.")]
    assert [(e.line, e.message) for e in second.errors] == [(9, "The line has 3 columns, not 2.")]
    assert third.errors == []


def test_errors_in_tags_name_the_line_of_the_token(records_of: Reader) -> None:
    (record,) = records_of("-DOCSTART- O\n\nAda B-PER\n\nKing I-PER\nx S-PER\n", "a.conll")
    assert [(e.line, e.token, e.kind) for e in record.errors] == [(5, 1, "orphan"), (6, 2, "malformed")]
    assert apply(record, "repair") is None


def test_an_entity_over_a_sentence_break_takes_the_break_out(records_of: Reader) -> None:
    record = Record(words=["New", "York"], tags=["B-LOC", "I-LOC"], sentence_starts=[0, 1])
    content = "".join(conll.write([record]))
    assert content == "-DOCSTART- -X- -X- O\n\nNew -X- -X- B-LOC\nYork -X- -X- I-LOC\n\n"


def test_a_writer_refuses_tags_that_are_not_well_formed() -> None:
    with pytest.raises(iob2.IOB2Error):
        list(conll.write([Record(words=["Ada"], tags=["I-PER"])]))


def test_tokens_without_any_blank_line_are_refused() -> None:
    with pytest.raises(FormatError, match="without a blank line"):
        list(conll.read(io.BytesIO(b"Ada O\n" * 100_002), "", Options(scheme="iob2")))


def test_wikigold_comes_back_to_the_letter(shared_data: Path, records_of: Reader) -> None:
    content = (shared_data / "wikigold" / "wikigold.conll").read_text()
    records = [apply(record, "fail") for record in records_of(content, "wikigold.conll")]
    whole = [record for record in records if record is not None]
    assert len(whole) == 145
    assert sum(len(record.words or []) for record in whole) == 39_007
    assert sum(len(iob2.spans_of(record.tags or [])) for record in whole) == 3_558
    assert "".join(conll.write(whole)) == content


def test_gum_news_comes_back_tag_for_tag(shared_data: Path, records_of: Reader) -> None:
    records = [apply(r, "fail") for r in records_of((shared_data / "gum_news" / "train.jsonl").read_bytes(), "t.jsonl")]
    whole = [record for record in records if record is not None]
    assert (len(whole), sum(len(iob2.spans_of(record.tags or [])) for record in whole)) == (20, 1042)
    for content, name in (("".join(conll.write(whole)), "a.conll"), ("".join(jsonl.write(whole)), "a.jsonl")):
        again = records_of(content, name)
        assert [(r.words, r.tags, r.sentence_starts) for r in again] == [
            (r.words, r.tags, r.sentence_starts) for r in whole
        ]
