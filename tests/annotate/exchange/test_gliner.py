import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.exchange.formats import found, gliner
from annotate.exchange.records import Record
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
    record = records_of(content, name)[0]
    assert (record.errors, record.words) == ([], ROW["tokenized_text"])
    assert record.tags == ["B-organization", "I-organization", "O", "B-organization"]


@pytest.mark.parametrize(
    ("entities", "kind"),
    [
        ([[0, 4, "ORG"]], "span-range"),
        ([[2, 1, "ORG"]], "span-range"),
        ([[-1, 1, "ORG"]], "span-range"),
        ([["0", 1, "ORG"]], "span-range"),
        ([[0, 1, "ORG"], [1, 2, "PER"]], "span-overlap"),
        ([[0, 1, ""]], "span-overlap"),
        ([[0, 1]], "shape"),
        ({"0": 1}, "shape"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_where(records_of: Reader, entities: object, kind: str) -> None:
    first, second = records_of(f"{LINE}\n{json.dumps({**ROW, 'ner': entities})}\n", "data.jsonl")
    assert first.errors == []
    assert [(error.line, error.record, error.kind) for error in second.errors] == [(2, 2, kind)]
    assert second.errors[0].message.endswith(".")


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
