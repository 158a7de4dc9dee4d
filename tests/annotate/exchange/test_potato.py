import json

from annotate.exchange.formats import found
from annotate.exchange.records import CharSpan
from tests.annotate.exchange.conftest import Reader

ITEM = {
    "id": "item_002",
    "text": "Apple announced it.",
    "predictions": {"entities": [{"start": 0, "end": 5, "label": "ORG", "confidence": 0.85}], "topic": "business"},
}


def test_predictions_become_suggestions_and_other_schemes_are_kept(records_of: Reader) -> None:
    line = json.dumps(ITEM)
    assert found("items.json", f"{line}\n{line}\n".encode()) == "potato"
    record = records_of(f"{line}\n", "items.jsonl")[0]
    assert (record.errors, record.tags) == ([], None)
    assert record.suggested == (CharSpan(0, 5, "ORG", 0.85),)
    assert (record.external_id, record.metadata) == ("item_002", {"predictions": {"topic": "business"}})


def test_a_bad_prediction_is_told_and_stops_nothing(records_of: Reader) -> None:
    good = {"start": 0, "end": 5, "label": "ORG"}
    bad = {**ITEM, "predictions": {"entities": [{"start": 0, "end": 5}, good]}}
    _, record = records_of(f"{json.dumps(ITEM)}\n{json.dumps(bad)}\n", "items.jsonl")
    assert [(p.line, p.severity, p.kind) for p in record.problems] == [(2, "notice", "span-shape")]
    assert record.suggested == (CharSpan(0, 5, "ORG"),)
