"""JSON files as a whole: lists, objects of lists, lone articles, and what breaks them."""

import json

import pytest

from annotate.exchange import FormatError
from annotate.exchange.formats import READERS, found, jsonparts
from tests.annotate.exchange.conftest import Reader


def test_the_label_list_may_stand_after_the_splits(records_of: Reader) -> None:
    rows = [{"tokens": ["Ada"], "ner_tags": [1]}]
    content = json.dumps({"dev": rows, "test": rows, "other": rows, "empty": [], "label_list": ["O", "B-PER"]})
    records = records_of(content, "a.json")
    assert [record.tags for record in records] == [["B-PER"]] * 3
    assert [record.split for record in records] == ["validation", "test", None]


def test_a_json_list_and_a_lone_object_are_read_with_their_lines(records_of: Reader) -> None:
    records = records_of('[\n {"text": "Ada"},\n {"text":\n "Bob"}]', "a.json")
    assert [(record.text, record.line) for record in records] == [("Ada", 2), ("Bob", 3)]
    assert records_of('{"text": "Ada", "label": []}', "a.json")[0].text == "Ada"


TEXT = '"text": "Ada met Bob."'
SPANS = '"spans": [{"start": 0, "end": 3, "label": "PER"}]'
NOTES = '"notes": [{"by": "Eve"}]'


@pytest.mark.parametrize("name", ["a", "a.txt", "a.json"])
@pytest.mark.parametrize("members", [[TEXT, SPANS, NOTES], [SPANS, TEXT, NOTES]])
@pytest.mark.parametrize("between", [", ", ",\n "])
def test_an_object_with_a_text_is_one_article_and_its_spans_are_no_articles(
    records_of: Reader, name: str, members: list[str], between: str
) -> None:
    (record,) = records_of("{" + between.join(members) + "}", name)
    assert (record.errors, record.text, record.tags) == ([], "Ada met Bob.", ["B-PER", "O", "O", "O"])
    assert record.metadata == {"notes": [{"by": "Eve"}]}


def test_a_text_beside_the_splits_makes_no_article_of_them(records_of: Reader) -> None:
    records = records_of('{"text": "About this file", "train": [{"text": "Ada"}], "test": [{"text": "Bob"}]}', "a.json")
    assert [(record.text, record.split) for record in records] == [("Ada", "train"), ("Bob", "test")]


@pytest.mark.parametrize(
    ("lists", "too_many"),
    [('"zeros": [%s]', 101), ('"label_list": [%s]', 101), ('"a": [0], "label_list": ["O"], "b": [%s]', 99)],
)
def test_a_list_that_holds_no_articles_and_is_endless_is_refused(
    records_of: Reader, lists: str, too_many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonparts, "MOST_ITEMS", 100)
    content = '{"train": [{"text": "Ada"}],\n%s}'
    assert len(records_of(content % lists % "0", "a.json")) == 1
    with pytest.raises(FormatError, match=r"Line 2: .* is no list of articles, .* more than 100 items"):
        records_of(content % lists % ", ".join(["0"] * too_many), "a.json")


@pytest.mark.parametrize(
    "content", ["[", '[{"text": "Ada"}', '{"a": }', "[1 2]", "[] []", '{"train": [{"text": "A"},]}']
)
def test_json_that_breaks_is_refused_with_the_line(records_of: Reader, content: str) -> None:
    with pytest.raises(FormatError, match="JSON breaks at line 1"):
        records_of(content, "a.json", format="json")


@pytest.mark.parametrize("value", ["1e999", "-1e999", '{"deep": [1e999]}'])
@pytest.mark.parametrize(
    ("name", "form"), [("a.jsonl", "%s\n%s\n"), ("a.json", "[%s, %s]"), ("a", '{"train": [%s, %s]}')]
)
def test_a_number_without_end_breaks_its_record_alone(records_of: Reader, name: str, form: str, value: str) -> None:
    first, second = records_of(form % (f'{{"text": "Ada", "weight": {value}}}', '{"text": "Bob"}'), name)
    assert [problem.message for problem in first.errors] == ["The article holds a number that is too large to be kept."]
    assert (second.errors, second.text) == ([], "Bob")


@pytest.mark.parametrize("opens", ["[", '{"a": '])
@pytest.mark.parametrize("key", ["desk", "label", "tokens", "tags", "spans", "data", "ner", "meta", "sentences"])
@pytest.mark.parametrize("depth", [200, 400, 900])
def test_what_lies_deep_in_each_other_breaks_its_record_alone(
    records_of: Reader, opens: str, key: str, depth: int
) -> None:
    closes = "]" if opens == "[" else "}"
    deep = f"{opens * depth}1{closes * depth}"
    for shape in ('{"text": "Ada", "%s": %s}', '{"tokenized_text": ["Ada"], "%s": [[0, %s, "PER"]]}'):
        first, second = records_of(f'{shape % (key, deep)}\n{{"text": "Bob"}}\n', "a.jsonl", format="jsonl")
        assert [error.line for error in first.errors] == [1]
        assert first.metadata == {}
        assert second.text == "Bob"


def test_a_file_that_begins_with_a_deep_line_is_looked_at(records_of: Reader) -> None:
    assert found("a", b'{"a": ' + b"[" * 100_000 + b"\n{}") in READERS
