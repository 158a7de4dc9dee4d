import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate import iob2
from annotate.exchange import FormatError, Options, resolve
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
    (record,) = records_of("-DOCSTART- O\n\nAda B-PER\n\nKing I-PER\nx X-PER\n", "a.conll")
    assert [(e.line, e.token, e.kind) for e in record.errors] == [(5, 1, "orphan"), (6, 2, "malformed")]
    assert apply(record, "repair") is None


def test_articles_are_named_where_they_begin(records_of: Reader) -> None:
    content = "-DOCSTART- (1 EU)\n\nAda O\n\n-DOCSTART- -X- -X- O (2 Rome)\nBob B-PER\n\n-DOCSTART- ()\n\nCy O\n"
    records = records_of(content, "a.conll")
    assert [(record.external_id, record.words) for record in records] == [
        ("1 EU", ["Ada"]),
        ("2 Rome", ["Bob"]),
        ("", ["Cy"]),
    ]


def test_comments_are_no_tokens_and_begin_articles(records_of: Reader) -> None:
    content = (
        "# newdoc id = a-1\n# sent_id = 1\n# text = I met O # I-95\nI\tO\nmet\tO\n\n#\tof the same\n#\tO\n#me\tO\n\n"
        "# newdoc\nAda\tB-PER\n"
    )
    first, second = records_of(content, "a.conllu")
    assert (first.external_id, first.words, first.sentence_starts) == ("a-1", ["I", "met", "#", "#me"], [0, 2])
    assert (second.external_id, second.words, first.errors + second.errors) == ("", ["Ada"], [])
    content = (
        "#begin document (bc/cctv); part 000\nAda - B-PER\n\n#end document\n#begin document (x); part 1\nBob - O\n"
    )
    assert [(r.external_id, r.words) for r in records_of(content, "a.conll")] == [("bc/cctv", ["Ada"]), ("x", ["Bob"])]


def test_a_hash_in_the_midst_of_columns_is_reported_and_not_taken_for_a_comment(records_of: Reader) -> None:
    (record,) = records_of("Ada NN B-PER\n# O\n#me\n", "a.conll")
    assert [(e.line, e.kind) for e in record.errors] == [(2, "columns")]


def test_numbered_tokens_and_any_number_of_columns(records_of: Reader) -> None:
    content = (
        "# global.columns = ID FORM LEMMA NE\n1-2\tdon't\t_\t_\n1\tdo\tdo\tO\n2\tn't\tnot\tO\n\n1\tAda\tAda\tB-PER\n"
    )
    (record,) = records_of(content, "a.conllup")
    assert (record.words, record.tags, record.errors) == (["do", "n't", "Ada"], ["O", "O", "B-PER"], [])
    assert "the words were read from column 2 and the tags from column 4" in record.problems[-1].message
    wide = "".join(f"{word} " + "x " * 40 + f"{tag}\n" for word, tag in (("Ada", "B-PER"), ("left", "O")))
    assert records_of(wide, "a.conll")[0].tags == ["B-PER", "O"]


def test_lists_of_numbers_are_words_where_nothing_else_is(records_of: Reader) -> None:
    words = ["1", "2", "3"]
    content = "".join(conll.write([Record(words=words, tags=["O", "O", "O"], sentence_starts=[0])]))
    assert records_of(content, "a.conll")[0].words == words


def test_tags_before_the_last_column_are_found(records_of: Reader) -> None:
    (record,) = records_of("Ada B-PER 0.91\nsang O 0.99\nin O 0.80\n", "a.txt")
    assert (record.words, record.tags) == (["Ada", "sang", "in"], ["B-PER", "O", "O"])
    assert "the tags from column 2" in record.problems[-1].message


def test_the_column_of_the_tags_can_be_chosen(records_of: Reader) -> None:
    nested = "1\tIn\tO\tO\n2\tDeutsche\tB-ORG\tB-LOC\n3\tBank\tI-ORG\tO\n"
    for column in (3, -2):
        assert records_of(nested, "a.tsv", tag_column=column)[0].tags == ["O", "B-ORG", "I-ORG"]
    assert records_of(nested, "a.tsv")[0].tags == ["O", "B-LOC", "O"]
    for column in (1, 2, 5, -3):
        with pytest.raises(FormatError, match=f"Column {column} cannot hold the tags: the file has 4 columns"):
            records_of(nested, "a.tsv", tag_column=column)


def test_chunks_are_never_taken_for_entities(records_of: Reader) -> None:
    (record,) = records_of("Ada NNP B-NP PER\nmet VB B-VP O\nBob NNP B-NP PER\nx NN B-NP O\n", "a.conll")
    assert [error.kind for error in record.errors] == ["malformed", "malformed"]


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("bioes", "B-PER E-PER O S-ORG S-ORG"),
        ("bilou", "B-PER L-PER O U-ORG U-ORG"),
        ("ioe2", "I-PER E-PER O E-ORG E-ORG"),
        ("ioe1", "I-PER I-PER O E-ORG I-ORG"),
    ],
)
def test_other_schemes_are_told_and_read(records_of: Reader, scheme: str, tags: str) -> None:
    content = "".join(f"{word} {tag}\n" for word, tag in zip("abcde", tags.split(), strict=True))
    assert resolve(io.BytesIO(content.encode()), "a.conll", Options()).scheme == scheme
    rows = json.dumps({"tokens": list("abcde"), "tags": tags.split()}) + "\n"
    for text, name in ((content, "a.conll"), (rows * 2, "a.jsonl")):
        record = records_of(text, name)[0]
        assert (record.tags, record.errors) == (["B-PER", "I-PER", "O", "B-ORG", "B-ORG"], [])


def test_what_a_scheme_does_not_say_is_told_with_its_line(records_of: Reader) -> None:
    (record,) = records_of("-DOCSTART- O\n\na B-PER\nb O\n\nc E-PER\nd B-ORG\n", "a.conll")
    assert [(e.line, e.kind) for e in record.errors] == [(6, "orphan")]
    told = [problem for problem in record.problems if problem.kind == "unclosed"]
    assert [(problem.line, problem.tag) for problem in told] == [(3, "B-PER")]
    assert told[0].message.startswith("2 entities do not end as BIOES writes it, the first at “a”")


def test_a_heading_without_end_is_read_at_once(records_of: Reader) -> None:
    for line in ("-DOCSTART-" + " O" * 200_000 + " x", "-DOCSTART- " + "(" * 400_000, "# " + "a = " * 100_000):
        assert len(records_of(f"Ada O\n{line}\nBob O\n", "a.conll", format="conll")) == 1


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
