import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.exchange.formats import doccano, found
from annotate.exchange.records import Record
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.hostile import articles, differences, read_back

ROW = '{"text": "EU rejects German call to boycott British lamb.", "label": [[0, 2, "ORG"], [11, 17, "MISC"]]}'


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        ROW.replace("label", "labels"),
        '{"text": "EU met.", "label": []}',
        '{"text": "EU met.", "label": [], "id": 3, "Comments": ["sure?"]}',
        '{"text": "EU met.", "entities": [{"start_offset": 0, "end_offset": 2, "label": "ORG"}], "relations": []}',
        '{"id": 4, "data": "EU met.", "label": [[0, 2, "ORG"]]}',
    ],
)
@pytest.mark.parametrize("name", ["admin.jsonl", "all.json", "x.txt"])
def test_it_is_known_by_its_labels(row: str, name: str) -> None:
    assert found(name, f"{row}\n{row}\n".encode()) == "doccano"
    assert found(name, f"[{row},\n{row}]".encode()) == "doccano"


@pytest.mark.parametrize("row", ['{"text": "EU met.", "spans": []}', '{"text": "EU met.", "label": ["politics"]}'])
def test_other_rows_are_not_taken_for_it(row: str) -> None:
    assert found("a.jsonl", f"{row}\n{row}\n".encode()) == "jsonl"


def test_label_and_labels_are_read_end_exclusive(records_of: Reader) -> None:
    for content in (ROW, ROW.replace("label", "labels")):
        (record,) = records_of(content, "admin.jsonl")
        assert (record.errors, record.tags) == ([], ["B-ORG", "O", "B-MISC", "O", "O", "O", "O", "O", "O"])
        assert record.metadata == {}


def test_relations_are_left_out_with_a_notice_and_comments_kept(records_of: Reader) -> None:
    row = {
        "id": 7,
        "text": "Google was founded by Larry Page.",
        "entities": [
            {"id": 0, "start_offset": 0, "end_offset": 6, "label": "ORG"},
            {"id": 1, "start_offset": 22, "end_offset": 32, "label": "PER"},
        ],
        "relations": [{"from_id": 0, "to_id": 1, "type": "foundedAt"}],
        "Comments": ["sure?"],
        "desk": "business",
    }
    (record,) = records_of(json.dumps(row), "admin.jsonl")
    assert record.tags == ["B-ORG", "O", "O", "O", "B-PER", "I-PER", "O"]
    assert [(problem.severity, problem.kind) for problem in record.problems] == [("notice", "relations")]
    assert (record.external_id, record.metadata) == ("7", {"Comments": ["sure?"], "desk": "business"})


def test_a_bad_row_says_what_is_wrong_and_where(records_of: Reader) -> None:
    bad = '{"text": "EU met.", "label": [[0, 2, "ORG"], [1, 4, "MISC"]]}'
    first, second = records_of(f"{ROW}\n{bad}\n", "admin.jsonl")
    assert first.errors == []
    assert [(error.line, error.kind) for error in second.errors][-1] == (2, "span-overlap")


@given(st.lists(articles(), min_size=1, max_size=3))
def test_what_is_written_is_read_back(records_of: Reader, records: list[Record]) -> None:
    content = "".join(doccano.write(records))
    assert differences(records, read_back(records_of(content, "a.jsonl"))) == []


def test_it_is_written_as_doccano_reads_it() -> None:
    tagged = Record(
        text="😀 Ada met Bob.",
        offsets=[(0, 1), (2, 5), (6, 9), (10, 13), (13, 14)],
        tags=["O", "B-PER", "O", "B-PER", "O"],
        external_id="a",
    )
    raw = Record(text="Ada", offsets=[(0, 3)])
    assert [json.loads(line) for line in doccano.write([tagged, raw])] == [
        {"id": "a", "text": "😀 Ada met Bob.", "label": [[2, 5, "PER"], [10, 13, "PER"]]},
        {"text": "Ada"},
    ]
