import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.exchange.formats import found, prodigy
from annotate.exchange.records import Record, apply
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.hostile import articles, differences, read_back

TEXT = "Uber’s Lesson:\n😀 Silicon Valley"
PLACES = [(0, 4), (4, 6), (7, 13), (13, 14), (14, 15), (15, 16), (17, 24), (25, 31)]
TOKENS = [{"text": TEXT[s:e], "start": s, "end": e, "id": i} for i, (s, e) in enumerate(PLACES)]
SPANS = [
    {"start": 0, "end": 4, "token_start": 0, "token_end": 0, "label": "ORG"},
    {"start": 17, "end": 31, "token_start": 6, "token_end": 7, "label": "LOCATION"},
]
TASK: dict[str, Any] = {
    "text": TEXT,
    "meta": {"source": "The New York Times"},
    "_input_hash": 1886699658,
    "_task_hash": -1952856502,
    "tokens": TOKENS,
    "_session_id": None,
    "_view_id": "ner_manual",
    "spans": SPANS,
    "answer": "accept",
}


def read(records_of: Reader, *tasks: dict[str, Any]) -> list[Record]:
    return records_of("".join(json.dumps(task) + "\n" for task in tasks), "annotated.jsonl")


def test_its_tokens_are_kept_but_for_blank_ones_and_an_accepted_task_is_finished(records_of: Reader) -> None:
    (record,) = read(records_of, TASK)
    assert record.problems == ()
    whole = apply(record, "fail")
    assert whole is not None
    assert whole.words == ["Uber", "’s", "Lesson", ":", "😀", "Silicon", "Valley"]
    assert whole.tags == ["B-ORG", "O", "O", "O", "O", "B-LOCATION", "I-LOCATION"]
    assert (whole.text, whole.source, whole.status) == (TEXT, "The New York Times", None)
    assert whole.metadata == {"source": "The New York Times"}


@pytest.mark.parametrize("mark", [{"answer": "accept"}, {"_task_hash": 1}, {"spans": SPANS}, {"tokens": TOKENS}])
def test_it_is_known_by_what_only_prodigy_writes(mark: dict[str, Any]) -> None:
    line = json.dumps({"text": TEXT, **mark})
    assert found("x.txt", f"{line}\n{line}\n".encode()) == "prodigy"
    assert found("x.json", f"[{line}]".encode()) == "prodigy"


def test_text_with_spans_by_characters_alone_may_be_anybodys() -> None:
    line = json.dumps({"text": TEXT, "spans": [{"start": 0, "end": 4, "label": "ORG"}]})
    assert found("x.jsonl", f"{line}\n{line}\n".encode()) == "jsonl"


def test_spans_by_tokens_alone_include_their_last_token(records_of: Reader) -> None:
    spans = [{"token_start": 6, "token_end": 7, "label": "LOCATION"}]
    (record,) = read(records_of, {**TASK, "spans": spans})
    assert record.tags == ["O", "O", "O", "O", "O", "B-LOCATION", "I-LOCATION"]


def test_a_token_end_that_is_not_inclusive_is_told_and_the_characters_count(records_of: Reader) -> None:
    (record,) = read(records_of, {**TASK, "spans": [{**SPANS[0], "token_end": 1}]})
    assert [(p.severity, p.kind) for p in record.problems] == [("notice", "token-end")]
    assert record.tags == ["B-ORG", *["O"] * 6]


def test_ignored_and_rejected_tasks_are_left_out_and_told_each_with_its_line(records_of: Reader) -> None:
    records = read(records_of, TASK, {**TASK, "answer": "ignore"}, {**TASK, "answer": "reject"})
    assert [apply(record, "fail") is None for record in records] == [False, True, True]
    problems = [(p.line, p.record, p.severity, p.kind) for record in records for p in record.problems]
    assert problems == [(2, 2, "notice", "ignored"), (3, 3, "notice", "rejected")]


def test_a_task_without_tokens_gets_ours(records_of: Reader) -> None:
    task = {"text": "Uber’s Lesson", "spans": [{"start": 0, "end": 4, "label": "ORG"}], "answer": "accept"}
    (record,) = read(records_of, task)
    assert record.tags == ["B-ORG", "O", "O"]


def test_an_accepted_task_without_spans_has_no_entity_and_one_without_an_answer_is_raw(records_of: Reader) -> None:
    accepted, raw = read(records_of, {"text": "Uber.", "answer": "accept"}, {"text": "Uber.", "_task_hash": 1})
    assert (accepted.tags, raw.tags) == (["O", "O"], None)


def test_a_span_inside_a_token_is_reported_and_repair_cuts_the_token(records_of: Reader) -> None:
    (record,) = read(records_of, {**TASK, "spans": [{"start": 7, "end": 9, "label": "MISC"}]})
    assert [error.kind for error in record.errors] == ["span-edge"]
    repaired = apply(record, "repair")
    assert repaired is not None
    assert repaired.words == ["Uber", "’s", "Le", "sson", ":", "😀", "Silicon", "Valley"]
    assert repaired.tags == ["O", "O", "B-MISC", *["O"] * 5]


def test_a_token_with_a_blank_inside_is_split_and_told(records_of: Reader) -> None:
    tokens = [{"text": "New York", "start": 0, "end": 8, "id": 0}]
    span = {"start": 0, "end": 8, "token_start": 0, "token_end": 0, "label": "LOC"}
    (record,) = read(records_of, {"text": "New York", "tokens": tokens, "spans": [span], "answer": "accept"})
    assert [(p.severity, p.kind) for p in record.problems] == [("notice", "blank-token")]
    assert record.tags == ["B-LOC", "I-LOC"]


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"tokens": [{"text": "Uber", "start": 1, "end": 5, "id": 0}]}, "offsets"),
        ({"tokens": [TOKENS[0], TOKENS[0]]}, "offsets"),
        ({"tokens": [{"text": "Uber"}]}, "offsets"),
        ({"tokens": ["Uber"]}, "shape"),
        ({"tokens": {}}, "shape"),
        ({"spans": {}}, "shape"),
        ({"spans": [{"start": 0, "end": 4}]}, "span-shape"),
        ({"spans": [{"token_start": 6, "token_end": 8, "label": "ORG"}]}, "span-range"),
        ({"spans": [{"token_start": 6, "label": "ORG"}]}, "span-range"),
        ({"spans": ["x"]}, "span-shape"),
        ({"answer": ["accept"], "spans": [{"start": 0, "end": 400, "label": "ORG"}]}, "span-range"),
    ],
)
def test_a_bad_task_says_what_is_wrong_and_where(records_of: Reader, changed: dict[str, Any], kind: str) -> None:
    first, second = read(records_of, TASK, {**TASK, **changed})
    assert first.errors == []
    assert [(error.line, error.kind) for error in second.errors] == [(2, kind)]
    assert second.errors[0].message.endswith(".")


def test_a_bad_span_is_left_out_and_the_task_keeps_the_others(records_of: Reader) -> None:
    spans = [{"token_start": 6, "token_end": 99, "label": "X"}, "x", SPANS[0]]
    (record,) = read(records_of, {**TASK, "spans": spans})
    assert [error.kind for error in record.errors] == ["span-range", "span-shape"]
    repaired = apply(record, "repair")
    assert repaired is not None
    assert repaired.tags == ["B-ORG", *["O"] * 6]


@given(st.lists(articles(own_tokens=True), min_size=1, max_size=3))
def test_what_is_written_is_read_back_token_by_token(records_of: Reader, records: list[Record]) -> None:
    content = "".join(prodigy.write(records))
    assert differences(records, read_back(records_of(content, "a.jsonl"))) == []


@given(articles(own_tokens=True, tagged=True))
def test_its_tokens_put_together_are_the_text_and_its_spans_lie_on_them(record: Record) -> None:
    (task,) = (json.loads(line) for line in prodigy.write([record]))
    tokens = task["tokens"]
    assert "".join(token["text"] + " " * token["ws"] for token in tokens) == record.text
    assert [token["id"] for token in tokens] == list(range(len(tokens)))
    for token in tokens:
        assert task["text"][token["start"] : token["end"]] == token["text"]
    for span in task["spans"]:
        assert tokens[span["token_start"]]["start"] == span["start"]
        assert tokens[span["token_end"]]["end"] == span["end"]


def test_it_is_written_as_prodigy_reads_it() -> None:
    finished = Record(text="Ada  King\n", offsets=[(0, 3), (5, 9)], tags=["B-PER", "I-PER"], status="finished")
    begun = Record(text="Ada", offsets=[(0, 3)], tags=["O"], status="in_progress")
    raw = Record(text="Ada", offsets=[(0, 3)], metadata={"desk": "sport"})
    ada = {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": False}
    assert [json.loads(line) for line in prodigy.write([finished, begun, raw])] == [
        {
            "text": "Ada  King\n",
            "meta": {},
            "tokens": [
                {**ada, "ws": True},
                {"text": " ", "start": 4, "end": 5, "id": 1, "ws": False},
                {"text": "King", "start": 5, "end": 9, "id": 2, "ws": False},
                {"text": "\n", "start": 9, "end": 10, "id": 3, "ws": False},
            ],
            "spans": [{"start": 0, "end": 9, "token_start": 0, "token_end": 2, "label": "PER"}],
            "answer": "accept",
        },
        {"status": "in_progress", "text": "Ada", "meta": {}, "tokens": [ada], "spans": []},
        {"text": "Ada", "meta": {"desk": "sport"}, "tokens": [ada]},
    ]
