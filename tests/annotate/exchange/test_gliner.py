import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.exchange.choices import Choices
from annotate.exchange.formats import found, gliner
from annotate.exchange.records import Record, apply
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.hostile import articles, read_back

ROW = {"tokenized_text": ["Apple", "Inc.", "bought", "Beats"], "ner": [[0, 1, "organization"], [3, 3, "organization"]]}
LINE = json.dumps(ROW)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("data.json", f"[{LINE}, {LINE}]", "gliner"),
        ("data.json", json.dumps([ROW, ROW], indent=2), "gliner"),
        ("data.jsonl", f"{LINE}\n{LINE}\n", "gliner"),
        ("data.json", LINE, "gliner"),
        ("splits.json", json.dumps({"train": [ROW], "test": [ROW]}), "json"),
    ],
)
def test_the_last_token_of_an_entity_belongs_to_it(records_of: Reader, name: str, content: str, kind: str) -> None:
    assert found(name, content.encode()) == kind
    record = apply(records_of(content, name)[0], "fail")
    assert record is not None
    assert record.words == ROW["tokenized_text"]
    assert record.tags == ["B-organization", "I-organization", "O", "B-organization"]


@pytest.mark.parametrize(
    ("entities", "kind"),
    [
        ([[0, 4, "ORG"]], "span-range"),
        ([[2, 1, "ORG"]], "span-range"),
        ([[-1, 1, "ORG"]], "span-range"),
        ([["0", 1, "ORG"]], "span-range"),
        ([[0, 1, "ORG"], [1, 2, "PER"]], "span-overlap"),
        ([[0, 1, ""]], "label"),
        ([[0, 1]], "span-shape"),
        ({"0": 1}, "shape"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_where(records_of: Reader, entities: object, kind: str) -> None:
    first, second = records_of(f"{LINE}\n{json.dumps({**ROW, 'ner': entities})}\n", "data.jsonl")
    assert first.errors == []
    assert [(error.line, error.record, error.kind) for error in second.errors] == [(2, 2, kind)]
    assert second.errors[0].message.endswith(".")


def test_a_bad_entity_is_left_out_and_the_article_keeps_the_others(records_of: Reader) -> None:
    entities = [[0, 1, "ORG"], [1, 9, "ORG"], [0, 1], [0, 2, "DEAL"], [3, 3, "-"]]
    (record,) = records_of(json.dumps({**ROW, "ner": entities}), "data.jsonl")
    kinds = ["span-range", "span-shape", "label", "span-overlap"]
    assert sorted(error.kind for error in record.errors) == sorted(kinds)
    repaired = apply(record, "repair")
    assert repaired is not None
    assert repaired.tags == ["B-DEAL", "I-DEAL", "I-DEAL", "O"]
    assert apply(record, "repair", Choices(overlaps="innermost")).tags == ["B-ORG", "I-ORG", "O", "O"]


def test_tokens_with_blanks_and_empty_ones_are_told_and_entities_stay_on_their_words(records_of: Reader) -> None:
    row = {"tokenized_text": ["In", "New York", "", "City", " "], "ner": [[1, 3, "LOC"], [4, 4, "X"]]}
    (record,) = records_of(json.dumps(row), "data.jsonl")
    assert [(error.kind, error.token) for error in record.errors] == [
        ("blank-token", 1),
        ("empty-token", 2),
        ("empty-token", 4),
        ("span-range", None),
    ]
    repaired = apply(record, "repair")
    assert repaired is not None
    assert (repaired.words, repaired.tags) == (["In", "New", "York", "City"], ["O", "B-LOC", "I-LOC", "I-LOC"])


def test_tokens_without_entities_are_untagged_and_an_empty_list_is_an_answer(records_of: Reader) -> None:
    untagged, empty = records_of('{"tokenized_text": ["Ada"]}\n{"tokenized_text": ["Ada"], "ner": []}\n', "a.jsonl")
    assert (untagged.tags, empty.tags) == (None, ["O"])


@given(st.lists(articles(own_tokens=True, tagged=True), max_size=3))
def test_what_is_written_is_read_back(records_of: Reader, records: list[Record]) -> None:
    read = read_back(records_of("".join(gliner.write(records)), "a.json"))
    assert [(r.words, r.tags) for r in read] == [(r.words, r.tags) for r in records]


def test_it_is_written_as_gliner_reads_it() -> None:
    record = Record(words=["Apple", "Inc.", "Beats"], tags=["B-ORG", "I-ORG", "B-ORG"])
    expected = {"tokenized_text": ["Apple", "Inc.", "Beats"], "ner": [[0, 1, "ORG"], [2, 2, "ORG"]]}
    assert json.loads("".join(gliner.write([record, record]))) == [expected, expected]
