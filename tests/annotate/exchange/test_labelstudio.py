import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate import iob2
from annotate.exchange.formats import found, labelstudio
from annotate.exchange.records import CharSpan, Record, apply
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.hostile import articles, differences, read_back, suggested

TEXT = "President Obama is speaking at 3pm today in New York."
EMOJI = "😀😀 Ada met Bob."


def result(start: int, end: int, label: str, quote: str | None = None, **more: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": [label], **({} if quote is None else {"text": quote})}
    return {"id": "a1", "from_name": "label", "to_name": "text", "type": "labels", "value": value, **more}


OBAMA = result(10, 15, "PER", "Obama")
NEW_YORK = result(44, 52, "LOC", "New York")


def annotation(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"completed_by": 1, "was_cancelled": False, "ground_truth": False, "result": list(results), **more}


def task(*annotations: dict[str, Any], text: str = TEXT, **more: Any) -> dict[str, Any]:
    return {"id": 12, "annotations": list(annotations), "predictions": [], "data": {"text": text}, **more}


def read(records_of: Reader, *tasks: dict[str, Any]) -> list[Record]:
    return records_of(json.dumps(list(tasks)), "project-1.json")


def spans(record: Record) -> list[tuple[str, str]]:
    assert record.text is not None
    return [(record.text[span.start : span.end], span.label) for span in record.entities()]


def notices(record: Record) -> list[str]:
    assert record.errors == []
    return [problem.kind for problem in record.problems]


def test_annotations_become_tags_and_predictions_suggestions_with_their_scores(records_of: Reader) -> None:
    row = task(annotation(NEW_YORK), predictions=[{"score": 0.9, "result": [{**OBAMA, "score": 0.997}]}])
    (record,) = read(records_of, row)
    assert (notices(record), spans(record)) == ([], [("New York", "LOC")])
    assert record.suggested == (CharSpan(10, 15, "PER", 0.997),)
    assert (record.external_id, record.metadata) == ("12", {})


def test_a_task_with_predictions_alone_is_untagged(records_of: Reader) -> None:
    (record,) = read(records_of, {"data": {"text": TEXT}, "predictions": [{"result": [OBAMA]}]})
    assert (record.tags, record.suggested) == (None, (CharSpan(10, 15, "PER"),))


def test_an_annotation_without_results_says_that_there_is_no_entity(records_of: Reader) -> None:
    empty, untouched = read(records_of, task(annotation()), task())
    assert (set(empty.tags or []), untouched.tags) == ({"O"}, None)


@pytest.mark.parametrize("name", ["project.json", "tasks.jsonl", "x.txt"])
def test_it_is_known_as_a_list_as_lines_and_alone(records_of: Reader, name: str) -> None:
    row = task(annotation(NEW_YORK))
    line = json.dumps(row)
    alone = json.dumps(row, indent=None if name.endswith("l") else 2)
    for content, count in ((f"[{line},\n{line}]", 2), (f"{line}\n{line}\n", 2), (alone, 1)):
        assert found(name, content.encode()) == "labelstudio"
        assert [spans(record) for record in records_of(content, name)] == [[("New York", "LOC")]] * count


def test_the_short_form_is_read_too(records_of: Reader) -> None:
    row = {"id": 12, "text": TEXT, "label": [OBAMA["value"], NEW_YORK["value"]], "annotator": 1, "lead_time": 4.2}
    content = json.dumps([row, row])
    assert found("project.json", content.encode()) == "labelstudio"
    record = records_of(content, "project.json")[0]
    assert (notices(record), spans(record)) == ([], [("Obama", "PER"), ("New York", "LOC")])
    assert (record.external_id, record.metadata) == ("12", {"annotator": 1, "lead_time": 4.2})


def test_metadata_in_a_row_with_a_text_of_its_own_makes_no_task_of_it() -> None:
    assert found("a.json", b'[{"text": "Ada", "data": {"desk": "sport"}}]') == "json"


def test_the_other_data_of_a_task_names_the_article_or_is_kept(records_of: Reader) -> None:
    data = {"text": TEXT, "title": "T", "url": "http://x", "date": "2026", "split": "dev", "desk": {"name": "sport"}}
    (record,) = read(records_of, task(data=data, meta={"batch": 3}))
    assert (record.title, record.source, record.date, record.split) == ("T", "http://x", "2026", "validation")
    assert record.metadata == {"desk": {"name": "sport"}, "batch": 3}


@pytest.mark.parametrize(
    "data",
    [
        {"story": TEXT},
        {"story": TEXT, "note": "short"},
        {"text": "A headline", "story": TEXT},
        {"note": TEXT + " And more.", "story": TEXT},
    ],
)
def test_the_text_is_found_whatever_the_labeling_config_calls_it(records_of: Reader, data: dict[str, str]) -> None:
    (record,) = read(records_of, task(annotation(result(44, 52, "LOC", "New York", to_name="story")), data=data))
    assert (record.text, spans(record)) == (TEXT, [("New York", "LOC")])


def test_the_text_column_that_is_asked_for_wins(records_of: Reader) -> None:
    content = json.dumps([task(data={"text": "A headline", "story": TEXT})])
    assert records_of(content, "a.json", text_column="story")[0].text == TEXT
    (record,) = records_of(content, "a.json", text_column="body")
    assert [error.message for error in record.errors] == ["The task's data has no “body”; it has text, story."]


def test_skipped_annotations_do_not_count(records_of: Reader) -> None:
    skipped = annotation(OBAMA, was_cancelled=True)
    first, second = read(records_of, task(skipped, annotation(NEW_YORK)), task(skipped))
    assert (notices(first), spans(first)) == ([], [("New York", "LOC")])
    assert (notices(second), second.tags) == (["cancelled"], None)


def test_of_several_annotators_the_ground_truth_counts_or_what_most_agree_on(records_of: Reader) -> None:
    one, two = annotation(OBAMA), annotation(NEW_YORK)
    agreed, outvoted, true = read(
        records_of,
        task(one, one),
        task(one, two, {**two, "lead_time": 3}),
        task(two, two, {**one, "ground_truth": True}),
    )
    assert (notices(agreed), spans(agreed)) == ([], [("Obama", "PER")])
    assert (notices(outvoted), spans(outvoted)) == (["annotators"], [("New York", "LOC")])
    assert "(2)" in outvoted.problems[0].message
    assert (notices(true), spans(true)) == ([], [("Obama", "PER")])


def test_of_several_predictions_the_last_is_taken_and_told(records_of: Reader) -> None:
    predictions = [{"model_version": "v1", "result": [OBAMA]}, {"model_version": "v2", "result": [NEW_YORK]}]
    (record,) = read(records_of, task(predictions=predictions))
    assert (notices(record), record.suggested) == (["predictions"], (CharSpan(44, 52, "LOC"),))
    assert "v2" in record.problems[0].message


def test_of_several_labels_on_a_span_the_first_is_taken_and_told(records_of: Reader) -> None:
    both = {**OBAMA, "value": {**OBAMA["value"], "labels": ["PER", "POLITICIAN"]}}
    none = {**NEW_YORK, "value": {**NEW_YORK["value"], "labels": []}}
    (record,) = read(records_of, task(annotation(both, none)))
    assert (notices(record), spans(record)) == (["several-labels", "no-label"], [("Obama", "PER")])


def test_results_that_are_no_spans_are_left_out_with_a_notice(records_of: Reader) -> None:
    choice = {"from_name": "topic", "to_name": "text", "type": "choices", "value": {"choices": ["politics"]}}
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    (record,) = read(records_of, task(annotation(choice, OBAMA, relation)))
    assert (notices(record), spans(record)) == (["results"], [("Obama", "PER")])
    assert "choices, relation" in record.problems[0].message


@pytest.mark.parametrize("quotes", [("Ada", "Bob"), (None, None), (None, "Bob")])
def test_offsets_are_code_points(records_of: Reader, quotes: tuple[str | None, str | None]) -> None:
    results = [result(3, 6, "PER", quotes[0]), result(11, 14, "PER", quotes[1])]
    (record,) = read(records_of, task(annotation(*results), text=EMOJI))
    assert (notices(record), spans(record)) == ([], [("Ada", "PER"), ("Bob", "PER")])


@pytest.mark.parametrize("quotes", [("Ada", "Bob"), (None, "Bob")])
def test_offsets_are_utf16_code_units_where_the_quotes_show_it(
    records_of: Reader, quotes: tuple[str | None, str | None]
) -> None:
    results = [result(5, 8, "PER", quotes[0]), result(13, 16, "PER", quotes[1])]
    (record,) = read(
        records_of, task(annotation(*results), text=EMOJI, predictions=[{"result": [result(3, 6, "PER", "Ada")]}])
    )
    assert (notices(record), spans(record)) == (["code-units"], [("Ada", "PER"), ("Bob", "PER")])
    assert record.suggested == (CharSpan(3, 6, "PER"),)


def test_a_span_that_is_not_what_its_result_quotes_is_an_error_and_stops_no_prediction(records_of: Reader) -> None:
    wrong = result(9, 14, "PER", "Obama")
    first, second = read(
        records_of, task(annotation(wrong)), task(annotation(), predictions=[{"result": [wrong, NEW_YORK]}])
    )
    assert [(error.kind, error.line) for error in first.errors] == [("span-quote", 1)]
    assert "“Obama” by its result, but “ Obam” in the text" in first.errors[0].message
    assert (notices(second), second.suggested) == (["span-quote"], (CharSpan(44, 52, "LOC"),))


@pytest.mark.parametrize("quote", ["New\nYork", "New York", "New\\nYork"])
def test_a_quote_may_have_other_blanks_than_the_text(records_of: Reader, quote: str) -> None:
    (record,) = read(records_of, task(annotation(result(3, 11, "LOC", quote)), text="In New\nYork."))
    assert (notices(record), spans(record)) == ([], [("New\nYork", "LOC")])


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"data": {}}, "shape"),
        ({"data": {"image": 3}}, "shape"),
        (task(text=""), "empty"),
        ({**task(), "annotations": {}}, "shape"),
        ({**task(), "annotations": ["x"]}, "shape"),
        (task(annotation(), predictions=[{"result": 3}]), "shape"),
        (task(annotation({"type": "labels", "value": {"start": 1, "end": 2}})), "span-shape"),
        (task(annotation({"type": "labels"})), "span-shape"),
        (task(annotation(result("1", 2, "PER"))), "span-shape"),  # type: ignore[arg-type]
        (task(annotation(result(10, 99, "PER"))), "span-range"),
        (task(annotation(result(-5, 3, "PER"))), "span-range"),
        (task(annotation(OBAMA, result(10, 18, "PER"))), "span-overlap"),
        (task(annotation(result(10, 14, "PER"))), "span-edge"),
    ],
)
def test_a_bad_task_says_what_is_wrong_and_where(records_of: Reader, row: dict[str, Any], kind: str) -> None:
    good = json.dumps(task(annotation(OBAMA)))
    first, second = records_of(f"[{good},\n{json.dumps(row)}]", "a.json")
    assert first.errors == []
    assert [(error.line, error.record, error.kind) for error in second.errors] == [(2, 2, kind)]
    assert second.errors[0].message.endswith(".")


def test_a_bad_result_is_left_out_and_the_task_keeps_the_others(records_of: Reader) -> None:
    bad = [{"type": "labels", "value": {}}, result(0, 9, "PER", "Obama"), OBAMA]
    tagged, predicted = read(records_of, task(annotation(*bad)), task(predictions=[{"result": bad}]))
    assert [error.kind for error in tagged.errors] == ["span-shape", "span-quote"]
    repaired = apply(tagged, "repair")
    assert repaired is not None
    assert [span.label for span in repaired.spans or []] == ["PER"]
    assert (predicted.errors, notices(predicted)) == ([], ["span-shape", "span-quote"])
    assert len(predicted.suggested) == 1


@given(st.lists(articles() | suggested(), max_size=3))
def test_what_is_written_is_read_back(records_of: Reader, records: list[Record]) -> None:
    content = "".join(labelstudio.write(records))
    assert differences(records, read_back(records_of(content, "a.json"))) == []


def test_it_is_written_as_label_studio_reads_it() -> None:
    tagged = Record(
        text="😀 Ada left.",
        offsets=[(0, 1), (2, 5), (6, 10), (10, 11)],
        tags=["O", "B-PER", "O", "O"],
        status="finished",
        title="T",
        metadata={"desk": "sport"},
    )
    value = {"start": 2, "end": 5, "text": "Ada", "labels": ["PER"]}
    named = {"id": "s0", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    raw = replace(tagged, tags=None, metadata={}, suggested=(CharSpan(2, 5, "PER", 0.5),))
    data = {"title": "T", "text": "😀 Ada left."}
    assert json.loads("".join(labelstudio.write([tagged, raw]))) == [
        {
            "data": data,
            "meta": {"desk": "sport"},
            "annotations": [{"result": [named], "was_cancelled": False, "ground_truth": False}],
        },
        {"data": data, "meta": {}, "predictions": [{"result": [{**named, "score": 0.5}]}]},
    ]


def test_its_conll_export_has_an_article_a_task(records_of: Reader) -> None:
    content = "-DOCSTART- -X- O\nWe -X- _ O\ngave -X- _ O\nJane -X- _ B-Person\nSmith -X- _ I-Person\n\nBye -X- _ O\n\n"
    assert found("project.conll", content.encode()) == "conll"
    first, second = records_of(content, "project.conll")
    assert (first.words, second.words) == (["We", "gave", "Jane", "Smith"], ["Bye"])
    assert [tuple(span) for span in iob2.spans_of(first.tags or [])] == [(2, 4, "Person")]
    assert (len(notices(first)), notices(second)) == (1, [])
    assert "Label Studio" in first.problems[0].message
