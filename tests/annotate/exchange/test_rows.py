"""Articles as JSON and CSV."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotate.exchange import FormatError, Options, fields, read
from annotate.exchange.records import CharSpan, Record, apply
from tests.annotate.exchange.conftest import Reader


def row(records_of: Reader, **values: Any) -> Record:
    record = records_of(json.dumps(values), "a.jsonl")[0]
    assert isinstance(record, Record)
    return record


def kinds(record: Record) -> list[str]:
    return [problem.kind for problem in record.errors]


def test_the_seed_sample_says_what_is_wrong_and_where(shared_data: Path) -> None:
    with (shared_data / "seed_sample.json").open("rb") as stream:
        records = list(read(stream, "seed_sample.json", Options()))
    errors = [(e.line, e.record, e.token, e.tag, e.kind) for record in records for e in record.errors]
    assert errors == [(4, 1, 6, "I-ORG", "orphan"), (5, 2, 7, "I-ORG", "orphan"), (6, 3, 3, "I-ORG", "orphan")]
    assert [record.errors[0].message.split("”")[0] for record in records[:3]] == ["“New", "“Geneva", "“Paris"]
    odd = [(p.record, p.token, p.tag, p.kind) for r in records for p in r.problems if p.severity == "notice"]
    assert odd == [(1, 7, "B-LOC", "label-change"), (2, 2, "B-ORG", "restart")]
    assert [record.split for record in records] == ["train", "train", "train", "validation"]


def test_the_seed_sample_is_repaired_skipped_or_refused(shared_data: Path) -> None:
    with (shared_data / "seed_sample.json").open("rb") as stream:
        records = list(read(stream, "seed_sample.json", Options()))
    repaired = [apply(record, "repair") for record in records]
    tags = [" ".join(record.tags or []) for record in repaired if record]
    assert tags[0] == "B-PER I-PER O O B-ORG O B-ORG B-LOC O"
    assert tags[2] == "B-PER I-PER O B-ORG O O O"
    assert [apply(record, "skip") is None for record in records] == [True, True, True, False]
    with pytest.raises(FormatError, match="Line 4: “New” is tagged I-ORG"):
        apply(records[0], "fail")


def test_an_unknown_way_to_meet_errors_is_refused(records_of: Reader) -> None:
    broken = row(records_of, tokens=["Ada", ""])
    with pytest.raises(ValueError, match="'banana' is no way to meet errors"):
        apply(broken, "banana")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"tokens": ["Ada", "met"], "tags": ["O"]}, "length"),
        ({"tokens": ["Ada"], "ner_tags": [0]}, "label-list"),
        ({"tokens": [], "tags": []}, "empty"),
        ({"tokens": ["Ada", ""], "tags": ["O", "O"]}, "empty-token"),
        ({"tokens": ["New York"], "tags": ["B-LOC"]}, "blank-token"),
        ({"tokens": ["Ada"], "tags": ["PER"]}, "malformed"),
        ({"tokens": ["Ada"], "tags": ["B--PER"]}, "label"),
        ({"tokens": ["Ada"], "tags": ["B-" + "x" * 51]}, "label"),
        ({"tokens": ["Ada", 3], "tags": ["O", "O"]}, "shape"),
        ({"tokens": ["Ada"], "tags": "O"}, "shape"),
        ({"tokens": ["Ada"], "tags": [None]}, "shape"),
        ({"tokens": ["Ada"], "text": "Bob", "tags": ["O"]}, "offsets"),
        ({"tokens": ["Ada"], "text": "Ada", "offsets": [[0, 2]], "tags": ["O"]}, "offsets"),
        ({"tokens": ["Ada"], "text": "Ada", "offsets": [[0, 9]], "tags": ["O"]}, "offsets"),
        ({"tokens": ["Ada"], "tags": ["O"], "sentence_starts": [0, 1]}, "sentences"),
        ({"sentences": [{"tokens": ["Ada"], "tags": []}]}, "length"),
        ({"text": ""}, "empty"),
        ({"text": " \u200b\n"}, "empty"),
        ({"text": "Ada\x00"}, "unstorable"),
        ({"text": "Ada \ud800"}, "unstorable"),
        ({"text": "Ada", "note": {"a": ["\x00"]}}, "unstorable"),
        ({"tokens": ["A\ud83d"], "tags": ["O"]}, "unstorable"),
        ({"text": "Ada met Bob", "label": [[0, 2, "PER"]]}, "span-edge"),
        ({"text": "Ada met Bob", "label": [[0, 4, "PER"]]}, "span-blank"),
        ({"text": "Ada met Bob", "label": [[0, 99, "PER"]]}, "span-range"),
        ({"text": "Ada met Bob", "label": [[3, 4, "PER"]]}, "span-range"),
        ({"text": "Ada met Bob", "label": [[0, 7, "PER"], [4, 11, "PER"]]}, "span-overlap"),
        ({"text": "Ada met Bob", "label": [[0, 3]]}, "span-shape"),
        ({"text": "Ada met Bob", "label": [[0, 3, ""]]}, "label"),
        ({"title": "Ada"}, "shape"),
        ({"text": "x " * 500_001}, "too-long"),
    ],
)
def test_a_bad_row_says_why_and_is_never_stored_as_it_is(records_of: Reader, values: dict[str, Any], kind: str) -> None:
    record = row(records_of, **values)
    assert kinds(record) == [kind]
    assert apply(record, "skip") is None


@pytest.mark.parametrize("row", [{"te\ud800xt": 1}, {"\x00": 1}, {"data": {"\x00\ud800": 1}}])
def test_what_is_said_of_a_bad_row_can_be_stored(records_of: Reader, row: dict[str, Any]) -> None:
    (error,) = records_of(json.dumps(row), "a.jsonl", format="jsonl")[0].errors
    assert "\x00" not in error.message
    assert error.message.encode().decode() == error.message


@pytest.mark.parametrize("line", ["{", "nonsense", "[1, 2]", "3", '{"text": NaN}', "[" * 100_000])
def test_a_bad_line_is_listed_and_the_others_are_read(records_of: Reader, line: str) -> None:
    records = records_of(f'{{"text": "Ada"}}\n\n{line}\n{{"text": "Bob"}}\n', "a.jsonl", format="jsonl")
    assert [len(record.errors) for record in records] == [0, 1, 0]
    assert (records[1].errors[0].line, records[1].errors[0].record) == (3, 2)
    assert records[1].errors[0].message.endswith(".")


def test_numbers_are_looked_up_in_the_label_list(records_of: Reader) -> None:
    line = '{"tokens": ["Ada", "met"], "ner_tags": [1, 0]}'
    assert records_of(line, "a.jsonl", labels=("O", "B-PER"))[0].tags == ["B-PER", "O"]
    bad = records_of(line, "a.jsonl", labels=("O",))[0]
    assert bad.errors[0].kind == "label-id"
    assert "0 to 0" in bad.errors[0].message


def test_spans_become_tags_by_code_points(records_of: Reader) -> None:
    record = row(records_of, text="😀 Ada met Bob King", label=[[10, 18, "PER"], [2, 5, "PER"], [2, 5, "PER"]])
    assert record.tags == ["O", "B-PER", "O", "B-PER", "I-PER"]
    spans = [{"start": 2, "end": 5, "label": "Some Name"}, {"start_offset": 10, "end_offset": 13, "label": "PER"}]
    record = row(records_of, text="😀 Ada met Bob King", spans=spans)
    assert record.tags == ["O", "B-Some_Name", "O", "B-PER", "O"]


def test_repair_cuts_tokens_at_the_edges_of_spans_and_leaves_out_blanks(records_of: Reader) -> None:
    record = row(records_of, text="Euro2024 in Berlin ", label=[[0, 4, "MISC"], [11, 19, "LOC"]])
    assert sorted(kinds(record)) == ["span-blank", "span-edge"]
    repaired = apply(record, "repair")
    assert repaired is not None
    assert repaired.words == ["Euro", "2024", "in", "Berlin"]
    assert repaired.tags == ["B-MISC", "O", "O", "B-LOC"]
    assert repaired.spans == [CharSpan(0, 4, "MISC"), CharSpan(12, 18, "LOC")]


def test_a_misshapen_span_is_told_and_the_article_keeps_the_others(records_of: Reader) -> None:
    spans = [[0, 3], [8, 11, "PER"], "x", {"start": 0, "label": "PER"}, [0, 3, 7]]
    record = row(records_of, text="Ada met Bob", label=spans)
    assert [(error.line, error.kind, error.message) for error in record.errors] == [
        (1, "span-shape", "A span is a list, not [start, end, label]."),
        (1, "span-shape", "A span is text, not [start, end, label]."),
        (1, "span-shape", "A span is {'start': 0, 'label': 'PER'}, not two numbers and a label."),
        (1, "span-shape", "A span is [0, 3, 7], not two numbers and a label."),
    ]
    assert apply(record, "skip") is None
    repaired = apply(record, "repair")
    assert repaired is not None
    assert repaired.tags == ["O", "O", "B-PER"]


def test_a_misshapen_suggestion_is_told_and_stops_nothing(records_of: Reader) -> None:
    good = {"start": 0, "end": 3, "label": "PER", "score": 0.5}
    record = row(records_of, text="Ada met Bob", suggestions=[good, {**good, "end": None}])
    assert [(p.severity, p.kind) for p in record.problems] == [("notice", "span-shape")]
    assert record.suggested == (CharSpan(0, 3, "PER", 0.5),)


def test_of_many_misshapen_spans_the_first_are_told_and_the_others_counted(records_of: Reader) -> None:
    record = row(records_of, text="Ada met Bob", label=[1] * 100_000)
    assert [error.message for error in record.errors[-2:]] == [
        "A span is a number, not [start, end, label].",
        "99,980 more of the article's spans cannot be read.",
    ]


def test_repair_splits_tokens_with_blanks_and_leaves_out_empty_ones(records_of: Reader) -> None:
    words = ["New York", "", "City", "", "is", " big\u00a0 "]
    record = row(
        records_of, tokens=words, tags=["B-LOC", "I-LOC", "I-LOC", "B-ORG", "I-ORG", "O"], sentence_starts=[0, 3]
    )
    repaired = apply(record, "repair")
    assert repaired is not None
    assert repaired.words == ["New", "York", "City", "is", "big"]
    assert repaired.tags == ["B-LOC", "I-LOC", "I-LOC", "B-ORG", "O"]
    assert repaired.text == "New York City\nis big"
    assert apply(row(records_of, tokens=["", " "], tags=["O", "O"]), "repair") is None


def test_repair_keeps_a_text_that_came_with_its_tokens(records_of: Reader) -> None:
    record = row(records_of, text="  New York is", tokens=["New York", "is"], tags=["B-LOC", "O"])
    repaired = apply(record, "repair")
    assert repaired is not None
    assert repaired.text == "  New York is"
    assert repaired.offsets == [(2, 5), (6, 10), (11, 13)]


def test_what_names_the_article_is_kept_and_the_rest_is_metadata(records_of: Reader) -> None:
    values = {
        "id": 7,
        "Title": "T",
        "text": "Ada",
        "lang": "en",
        "url": "http://x",
        "date": "2026-11-22",
        "split": "dev",
    }
    record = row(records_of, **values, beat="sport", meta={"desk": 3}, empty=None)
    assert (record.external_id, record.title, record.language) == ("7", "T", "en")
    assert (record.source, record.date, record.split) == ("http://x", "2026-11-22", "validation")
    assert record.metadata == {"beat": "sport", "desk": 3}


def test_a_title_too_long_for_its_field_is_kept_whole_in_the_metadata(records_of: Reader) -> None:
    record = row(records_of, text="Ada", title="x" * 600, id="y" * 300)
    assert (len(record.title), record.external_id) == (500, "")
    assert record.metadata == {"title": "x" * 600, "external_id": "y" * 300}
    assert [problem.kind for problem in record.problems] == ["long-field", "long-field"]
    assert record.errors == []


def test_sentences_are_tagged_apart(records_of: Reader) -> None:
    sentences = [{"tokens": ["in", "Rome"], "tags": ["O", "B-LOC"]}, {"tokens": ["Italy"], "tags": ["I-LOC"]}]
    record = row(records_of, id="a", sentences=sentences)
    assert (kinds(record), record.sentence_starts) == (["orphan"], [0, 2])
    repaired = apply(record, "repair")
    assert repaired is not None
    assert (repaired.tags, repaired.text) == (["O", "B-LOC", "B-LOC"], "in Rome\nItaly")


def test_sentences_of_one_document_on_lines_that_follow_are_one_article(records_of: Reader) -> None:
    lines = [{"id": str(n), "tokens": [f"w{n}"], "tags": ["O"], "doc": doc} for n, doc in enumerate("aabba")]
    records = records_of("\n".join(map(json.dumps, lines)), "a.jsonl")
    assert [(record.external_id, record.words) for record in records] == [
        ("a", ["w0", "w1"]),
        ("b", ["w2", "w3"]),
        ("a", ["w4"]),
    ]
    assert records[0].metadata == {}


def test_csv_knows_its_columns(records_of: Reader) -> None:
    content = 'Headline,Body,desk,date\nT,"Ada met\n""Bob""",sport,2026\n\nU, Bob,,\n'
    first, second = records_of(content, "a.csv")
    assert (first.title, first.text, first.date, first.metadata) == ("T", 'Ada met\n"Bob"', "2026", {"desk": "sport"})
    assert (second.text, second.line, second.metadata) == (" Bob", 5, {})


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_takes_other_delimiters_and_a_column_by_name(records_of: Reader, delimiter: str) -> None:
    content = delimiter.join(["text", "story"]) + "\n" + delimiter.join(["a", "Ada, met"]) + "\n"
    record = records_of(content, "a.csv", text_column="story")[0]
    assert (record.text, record.metadata) == ("Ada, met", {"text": "a"})


def test_csv_rows_with_too_many_or_few_columns_are_listed_by_line(records_of: Reader) -> None:
    records = records_of('text,title\nAda,1\nBob\n"a\nb",2\nx,y,z\n"q"r,3\n,4\nCy,5\n', "a.csv")
    assert [(r.line, kinds(r)) for r in records] == [
        (2, []),
        (3, ["columns"]),
        (4, []),
        (6, ["columns"]),
        (7, ["columns"]),
        (8, ["empty"]),
        (9, []),
    ]


def test_csv_without_a_text_column_is_refused(records_of: Reader) -> None:
    with pytest.raises(FormatError, match="found a, b"):
        records_of("a,b\n1,2\n", "a.csv")
    with pytest.raises(FormatError, match="looked for “story”"):
        records_of("text,b\n1,2\n", "a.csv", text_column="story")
    with pytest.raises(FormatError, match="empty"):
        records_of("", "a.csv")


def test_csv_takes_a_long_field(records_of: Reader) -> None:
    assert records_of("text\n" + "word " * 100_000 + "\n", "a.csv")[0].errors == []


def test_plain_text_is_kept_to_the_last_character(records_of: Reader) -> None:
    text = "\n A headline\r\n\r\nAda  met\u00a0Bob. \n"
    record = records_of(text, "2026-11-22 story.txt")[0]
    assert (record.text, record.title) == (text, "2026-11-22 story")
    whole = apply(record, "fail")
    assert whole is not None
    assert whole.words == ["A", "headline", "Ada", "met", "Bob", "."]


def test_articles_of_a_text_file_are_parted_by_blank_lines(records_of: Reader) -> None:
    text = "\n\n Ada\nmet  Bob. \r\n\r\nIn Rome.\n\n\n\nCy slept.\n \n"
    one = records_of(text, "news.txt", blank_lines=1)
    assert [(r.line, r.title, r.text) for r in one] == [
        (3, "news 1", " Ada\nmet  Bob. "),
        (6, "news 2", "In Rome."),
        (10, "news 3", "Cy slept."),
    ]
    assert [r.text for r in records_of(text, "news.txt", blank_lines=2)] == [
        " Ada\nmet  Bob. \r\n\r\nIn Rome.",
        "Cy slept.",
    ]
    assert [r.text for r in records_of(text, "news.txt")] == [text]
    assert records_of("\n \n", "a.txt", blank_lines=1) == []


def test_one_article_of_many_that_is_too_long_is_told_with_its_line(records_of: Reader) -> None:
    found = records_of("Ada.\n\n" + "word\n" * 250_000 + "\nBob.\n", "a.txt", blank_lines=1)
    assert [(r.line, kinds(r)) for r in found] == [(1, []), (3, ["too-long"]), (250_004, [])]


def test_columns_of_a_table_can_be_chosen(records_of: Reader) -> None:
    content = "Nr,Überschrift,Tag,Fassung,date,Teil,text\n7,T,2026-11-23,Ada sang.,x,dev,y\n"
    columns = {"title": "Überschrift", "external_id": "Nr", "date": "Tag", "split": "Teil"}
    (record,) = records_of(content, "a.csv", text_column="Fassung", columns=columns)
    assert (record.text, record.title, record.external_id, record.date) == ("Ada sang.", "T", "7", "2026-11-23")
    assert (record.split, record.metadata) == ("validation", {"date": "x", "text": "y"})
    with pytest.raises(FormatError, match="There is no column “Nummer”, found Nr, Überschrift"):
        records_of(content, "a.csv", columns={"external_id": "Nummer"})


@pytest.mark.parametrize(
    ("told", "columns"),
    [("", {}), ("title = A b , id=Nr", {"title": "A b", "external_id": "Nr"})],
)
def test_chosen_columns_are_written_in_pairs(told: str, columns: dict[str, str]) -> None:
    assert fields.wished(told) == columns


@pytest.mark.parametrize(("told", "reason"), [("title", "does not say"), ("beat=x", "“beat” is none of title, id")])
def test_what_names_no_column_is_refused(told: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        fields.wished(told)
