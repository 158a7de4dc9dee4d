"""Files of other tools, from the upload to what is stored."""

import json
from typing import Any

import pytest

from annotate.models import Document, Prediction
from tests.annotate.exchange.handing_in import imported, upload
from tests.make import make_project

pytestmark = pytest.mark.django_db
STORY = "Ada King met Bob Stone in Paris on Monday to talk about the long and patient work of counting every boat."


def result(start: int, end: int, label: str, **more: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": STORY[start:end], "labels": [label]}
    return {"from_name": "label", "to_name": "text", "type": "labels", "value": value, **more}


def test_label_studios_people_tag_and_its_models_suggest() -> None:
    task = {
        "data": {"text": STORY},
        "annotations": [{"result": [result(0, 8, "PER")]}],
        "predictions": [{"result": [result(26, 31, "LOC", score=0.5)]}],
    }
    done = imported(upload(make_project(labels=["ORG"]), json.dumps([task]), split="train"))
    assert (done.preview["format"], done.preview["new_labels"]) == ("Label Studio", ["PER", "LOC"])
    assert (done.preview["entities"], done.preview["suggestions"]) == (1, 1)
    document = Document.objects.get()
    gold = document.gold()
    assert gold is not None
    assert (document.state, gold.tags[:3]) == ("finished", ["B-PER", "I-PER", "O"])
    assert Prediction.objects.get().spans == [[6, 7, "LOC", 0.5]]
    assert done.report["new_labels"] == ["PER", "LOC"]


def test_what_prodigy_ignored_or_rejected_is_counted_and_listed_and_stops_nothing() -> None:
    tasks: list[dict[str, Any]] = [
        {"text": f"{STORY} {answer}", "answer": answer, "spans": []} for answer in ("reject", "accept", "ignore")
    ]
    done = imported(upload(make_project(), tasks))
    assert done.preview["format"] == "Prodigy"
    assert (done.report["articles"], done.report["left_out"], done.report["notices"]) == (1, 2, 2)
    assert [(p["line"], p["kind"]) for p in done.report["problems"]] == [(1, "rejected"), (3, "ignored")]


def test_a_file_of_rejected_tasks_alone_says_that_nothing_is_left() -> None:
    done = imported(upload(make_project(), [{"text": STORY, "answer": "reject"}]))
    assert done.status == "failed"
    assert "nothing is left to import" in done.error
