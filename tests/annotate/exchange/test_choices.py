"""What a person chose for an import, and that it is what is done: spans, labels, duplicates, and the report of it."""

import json
from typing import Any

import pytest

from annotate import uploads
from annotate.exchange import already, problems
from annotate.exchange.choices import Choices
from annotate.models import Document, DocumentLabel, Prediction
from tests.annotate.exchange.handing_in import checked, imported, row, upload
from tests.make import make_project, mentions_of

pytestmark = pytest.mark.django_db
STORY = (
    "Ada King met Bob Stone in Foo2024 on Monday to talk about the long and patient work of counting every boat that "
    "passes under the old bridge before the winter storms begin to close the harbour again"
)


def story(*spans: tuple[int, int, str], **more: Any) -> dict[str, Any]:
    return {"text": STORY, "spans": [list(span) for span in spans], **more}


@pytest.mark.parametrize("name", ["edges", "overlaps", "exact", "near", "taken"])
def test_a_choice_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"'banana' is no choice for {name}"):
        Choices.of({name: "banana"})


def test_the_check_counts_what_there_is_to_choose_and_the_labels_as_the_file_has_them() -> None:
    rows = [story((26, 29, "GPE"), (0, 8, "PERSON"), (0, 3, "PERSON")), row(1, tags=["I-PERSON", *["O"] * 40]), row(2)]
    found = checked(upload(make_project(), rows, labels={"PERSON": "PER"})).preview
    assert found["faults"] == {"edges": 1, "overlaps": 1}
    assert (found["articles"], found["repairable"], found["left_out"], found["coming"]) == (3, 1, 0, 3)
    assert found["labels"] == {"PERSON": 3, "GPE": 1, "PER": 1}
    assert found["first"][0]["mentions"] == [["PER", "Ada King"], ["GPE", "Foo"]]
    assert checked(upload(make_project("B"), rows, on_error="skip")).preview["coming"] == 2


@pytest.mark.parametrize(
    ("edges", "kept"),
    [
        ("split", [("PER", "Ada King"), ("LOC", "Foo")]),
        ("snap", [("PER", "Ada King"), ("LOC", "Foo2024")]),
        ("drop", [("PER", "Ada King")]),
    ],
)
def test_what_was_chosen_for_spans_is_in_the_options_and_is_done(edges: str, kept: list[tuple[str, str]]) -> None:
    waiting = upload(make_project(), [story((26, 29, "LOC"), (0, 8, "PER"), (0, 3, "PER"))])
    done = imported(waiting, "fail", edges=edges, overlaps="outermost")
    assert (done.status, done.error) == ("done", "")
    assert mentions_of(Document.objects.get()) == kept


def test_labels_are_renamed_merged_and_left_out_in_tags_and_in_spans_alike() -> None:
    project = make_project(labels=["PER"])
    tags = ["B-PERSON", "B-PER", "B-MISC", "I-MISC", *["O"] * 37]
    rows = [row(1, tags=tags), story((0, 8, "PERSON"), (13, 22, "PER"), (26, 33, "MISC"))]
    done = imported(upload(project, rows, labels={"PERSON": "PER", "MISC": ""}))
    assert [mentions_of(document) for document in Document.objects.order_by("pk")] == [
        [("PER", "Ada"), ("PER", "w1x0")],
        [("PER", "Ada King"), ("PER", "Bob Stone")],
    ]
    assert (done.report["labels"], done.report["new_labels"], project.label_names()) == ({"PER": 4}, [], ["PER"])
    assert list(DocumentLabel.objects.values_list("label__name", "count")) == [("PER", 2), ("PER", 2)]


def test_renamed_suggestions_keep_their_scores() -> None:
    spans = [{"start": 0, "end": 8, "label": "PERSON", "score": 0.5}, {"start": 26, "end": 33, "label": "MISC"}]
    options = {"labels": {"PERSON": "PER", "MISC": ""}, "as_": "suggestions", "split": "train"}
    imported(upload(make_project(), [{"text": STORY, "spans": spans}], format="jsonl", **options))
    assert Prediction.objects.get().spans == [[0, 2, "PER", 0.5]]


def nearly(text: str) -> str:
    return text.rsplit(" ", 1)[0] + " soon"


@pytest.mark.parametrize(
    ("chosen", "comes"),
    [({}, 3), ({"exact": "keep"}, 5), ({"near": "skip"}, 2), ({"exact": "keep", "near": "skip"}, 4)],
)
def test_exact_and_near_duplicates_are_counted_apart_and_kept_or_skipped(chosen: dict[str, str], comes: int) -> None:
    project = make_project()
    imported(upload(project, [{"text": STORY, "title": "Boats"}]))
    other = " ".join(row(1)["tokens"])
    rows = [{"text": text} for text in (STORY, nearly(STORY), other, other)]
    waiting = upload(project, rows, **chosen)
    done = imported(waiting)
    assert done.preview["known"] == done.report["known"] == {"exact": 2, "near": 1}
    assert done.preview["coming"] == done.report["articles"] == comes - 1
    assert project.documents.count() == comes
    assert [one["record"] for one in done.preview["examples"]["exact"]] == [1, 4]


def test_near_duplicates_within_a_long_file_are_counted_among_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(already, "COMPARED", 2)
    monkeypatch.setattr(already, "BATCH", 2)
    rows = [{"text": text} for text in (STORY, nearly(STORY), " ".join(row(1)["tokens"]), STORY.upper())]
    done = imported(upload(make_project(), rows))
    assert (done.preview["known"], done.report["known"]) == ({"near": 1}, {"near": 2})


def test_the_same_id_in_one_file_is_one_article() -> None:
    project = make_project()
    done = imported(upload(project, [row(1), row(1), row(2)], exact="keep"))
    assert (done.report["articles"], done.report["known"], done.preview["known"]) == (2, {"same_id": 1}, {"same_id": 1})


def test_the_report_holds_line_reason_and_record_and_a_spreadsheet_takes_it_for_text() -> None:
    bad = [
        {"text": "=1+1 is no sum \ud800", "title": "@Ada"},
        {"tokens": ["Ada", "met"], "tags": ["O"], "id": "+7"},
        row(3, tokens=["x"] * 41, tags=["I-PER", "O", "I-PER", *["O"] * 38]),
    ]
    done = imported(upload(make_project(), [*bad, row(1), row(1)]), "skip")
    path = uploads.problems_file(done)
    assert path is not None
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["line"], one["record"], one["kind"]) for one in lines] == [
        *[(1, 1, "unstorable"), (2, 2, "length"), (3, 3, "orphan"), (3, 3, "orphan")],
        (5, 5, "already-there"),
    ]
    assert lines[0]["article"] == {"title": "@Ada", "text": "=1+1 is no sum \ud800"}
    assert lines[1]["article"] == {"id": "+7", "words": ["Ada", "met"], "tags": ["O"]}
    assert ["article" in one for one in lines[2:]] == [True, False, True]
    header, first, second, *_ = problems.csv_lines(path)
    assert header.strip() == "severity,file,line,record,token,tag,kind,message,id,title,text"
    assert first.strip().endswith(",'@Ada,'=1+1 is no sum \ud800")
    assert second.strip().endswith(",'+7,,Ada met")


def test_a_line_that_cannot_be_read_is_in_the_report_with_its_place() -> None:
    done = imported(upload(make_project(), '{"text": "Ada"}\n{"text":\n', format="jsonl"), "skip")
    path = uploads.problems_file(done)
    assert path is not None
    assert [(one["line"], one["article"]) for one in map(json.loads, path.read_text().splitlines())] == [(2, {})]
