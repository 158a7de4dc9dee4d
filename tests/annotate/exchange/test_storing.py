"""What an import leaves in the project: annotations, log, counts, groups and splits."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from annotate.exchange import near, storing
from annotate.exchange.checking import checked
from annotate.exchange.hidden import hidden_at
from annotate.exchange.records import CharSpan, Record, apply, passed_over
from annotate.models import Annotation, Document, DocumentLabel, Import, Prediction, Project, Source
from tests.annotate.exchange.handing_in import imported, row, storable, upload
from tests.make import make_project, make_user

pytestmark = pytest.mark.django_db
STORY = (
    "Ada King met Bob Stone in Paris on Monday to talk about the long and patient work of counting every boat that "
    "passes under the old bridge before the winter storms begin to close the harbour again"
)
ARTICLE = STORY.split()


def test_an_import_leaves_annotation_log_and_counts_behind() -> None:
    user = make_user()
    waiting = upload(make_project(), [row(1), row(2, tags=["O"] * 41)])
    Import.objects.update(created_by=user)
    imported(waiting)
    tagged, untagged = Annotation.objects.order_by("pk")
    assert (tagged.status, tagged.blind, tagged.revision, tagged.finished_by) == ("finished", None, 1, None)
    edit = tagged.edits.get()
    assert (edit.how, edit.author, edit.start, edit.end) == ("imported", user, 0, 1)
    assert (edit.before, edit.after) == (["O"], ["B-PER"])
    assert (edit.char_start, edit.char_end, edit.status_before, edit.status_after) == (0, 3, "raw", "finished")
    assert untagged.edits.get().after == []
    assert [(c.document, c.label.name, c.count) for c in DocumentLabel.objects.all()] == [(tagged.document, "PER", 1)]


def test_texts_without_tags_arrive_raw_and_unchanged() -> None:
    text = "  Ada  met\u00a0Bob.\r\n\r\n😀 Bob left. \n"
    imported(upload(make_project(), text))
    document = Document.objects.get()
    assert (document.text, document.state, document.title) == (text, "raw", "file0")
    assert document.gold() is None
    assert document.words()[:3] == ["Ada", "met", "Bob"]
    assert document.sentence_starts == [0, 4]


def test_a_pasted_article_gets_the_title_that_was_given() -> None:
    imported(upload(make_project(), "Ada met Bob.", format="txt", title="A walk"))
    assert Document.objects.get().title == "A walk"


def test_tags_can_come_as_suggestions() -> None:
    imported(upload(make_project(), [row(1)], as_="suggestions", split="train"))
    document = Document.objects.get()
    assert (document.state, document.gold()) == ("raw", None)
    assert Prediction.objects.get().source.kind == Source.Kind.IMPORT
    assert [s[:4] for s in document.open_suggestions([])] == [(0, 1, "PER", None)]


def test_a_suggestion_keeps_the_score_that_its_file_gives_and_gets_none_made_up() -> None:
    spans: list[dict[str, Any]] = [
        {"start": 0, "end": 8, "label": "A PER", "score": 0.75},
        {"start": 13, "end": 22, "label": "PER", "confidence": 1},
        {"start": 26, "end": 31, "label": "LOC"},
        {"start": 35, "end": 41, "label": "DATE", "probability": 97},
    ]
    row = {"text": STORY, "spans": spans}
    imported(upload(make_project(), [row], format="jsonl", as_="suggestions", split="train"))
    assert Prediction.objects.get().spans == [
        [0, 2, "A_PER", 0.75],
        [3, 5, "PER", 1],
        [6, 7, "LOC", None],
        [8, 9, "DATE", None],
    ]


def test_a_score_stays_with_a_span_that_repair_cuts_out_of_a_token() -> None:
    row = {"text": STORY, "spans": [{"start": 1, "end": 9, "label": "PER", "score": 0.5}]}
    imported(upload(make_project(), [row], format="jsonl", as_="suggestions", split="train"), "repair")
    assert Prediction.objects.get().spans == [[1, 3, "PER", 0.5]]


def with_suggestions(*suggested: CharSpan, **content: Any) -> Record:
    return checked(Record(text="Ada met Bob in Paris.", suggested=suggested, **content))


def stored(record: Record, as_: str = "finished") -> Document:
    whole = apply(record, "repair")
    assert whole is not None
    storing.store(make_project(), [whole], as_, "train")
    return Document.objects.get()


def test_what_a_machine_said_is_kept_as_suggestions_beside_what_people_tagged() -> None:
    suggested = (CharSpan(8, 11, "A PER", 0.75), CharSpan(15, 20, "LOC"))
    document = stored(with_suggestions(*suggested, spans=[CharSpan(0, 3, "PER")]))
    gold = document.gold()
    assert gold is not None
    assert (document.state, gold.tags) == ("finished", ["B-PER", "O", "O", "O", "O", "O"])
    prediction = Prediction.objects.get()
    assert (prediction.source.kind, prediction.spans) == ("import", [[2, 3, "A_PER", 0.75], [4, 5, "LOC", None]])
    assert set(document.project.label_names()) >= {"A_PER", "PER", "LOC"}


def test_an_article_with_suggestions_alone_is_still_to_be_tagged() -> None:
    document = stored(with_suggestions(CharSpan(0, 3, "PER")))
    assert (document.state, document.gold()) == ("raw", None)
    assert [s[:3] for s in document.open_suggestions([])] == [(0, 1, "PER")]


def test_where_all_come_as_suggestions_people_count_for_more_than_machines() -> None:
    record = with_suggestions(CharSpan(8, 11, "PER"), spans=[CharSpan(0, 3, "PER")])
    assert [s[:3] for s in stored(record, "suggestions").open_suggestions([])] == [(0, 1, "PER")]


def test_suggestions_that_fit_no_tokens_are_left_out_with_a_notice_and_stop_nothing() -> None:
    bad = [CharSpan(1, 3, "PER"), CharSpan(3, 5, "PER"), CharSpan(0, 99, "PER"), CharSpan(8, 14, "LOC")]
    bad += [CharSpan(4, 3, "PER"), CharSpan(15, 20, ""), CharSpan(15, 20, "-"), CharSpan(15, 20, "x" * 51)]
    record = with_suggestions(*bad, CharSpan(8, 11, "PER"), CharSpan(8, 11, "PER", 0.5), spans=[])
    assert [(problem.severity, problem.kind) for problem in record.problems] == [("notice", "suggestions")]
    assert record.problems[0].message.startswith("8 of the article's 9 suggestions")
    assert record.suggested == (CharSpan(8, 11, "PER", 0.5),)


def test_suggestions_may_fit_tokens_as_repair_cuts_them() -> None:
    record = with_suggestions(CharSpan(0, 2, "PER", 0.5), spans=[CharSpan(0, 2, "PER")])
    whole = apply(record, "repair")
    assert whole is not None
    assert whole.suggestions() == [(0, 1, "PER", 0.5)]


def test_a_record_that_is_none_by_its_own_file_is_left_out_and_told() -> None:
    record = passed_over(3, 2, "rejected", "It was rejected.")
    assert [apply(record, way) for way in ("fail", "skip", "repair")] == [None] * 3
    assert (record.errors, record.problems[0][:2]) == ([], (3, 2))


def test_labels_that_the_project_lacks_are_made() -> None:
    done = imported(upload(make_project(labels=["ORG"]), [row(1)]))
    assert (done.preview["new_labels"], done.report["new_labels"]) == (["PER"], ["PER"])
    assert Project.objects.get().label_names() == ["ORG", "PER"]


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ({}, "same_id", "Nothing new: all 2 articles are already there by their id."),
        ({"id": ""}, "exact", "Nothing new: the project has all 2 articles already."),
    ],
)
def test_a_second_import_of_the_same_file_brings_nothing_in(given: dict[str, str], kind: str, says: str) -> None:
    project = make_project()
    rows = [row(number, **given) for number in (1, 2, 3)]
    imported(upload(project, rows[:2]))
    again = imported(upload(project, rows[:2]))
    assert (again.preview["duplicates"], again.preview["known"], again.preview["coming"]) == (2, {kind: 2}, 0)
    assert (again.status, again.error) == (Import.Status.FAILED, says)
    more = imported(upload(project, [rows[0], rows[2]]))
    assert (more.report["articles"], more.report["known"], more.report["left_out"]) == (1, {kind: 1}, 1)


def test_texts_that_differ_by_case_alone_come_in_once_each_however_often_they_are_imported() -> None:
    project = make_project()
    both = [{"text": STORY}, {"text": STORY.upper()}]
    assert imported(upload(project, both)).report["known"] == {"near": 1}
    assert imported(upload(project, both)).preview["known"] == {"exact": 2}
    assert project.documents.count() == 2


def test_another_article_with_a_taken_id_is_left_out_or_keeps_it_in_the_metadata() -> None:
    project = make_project()
    rows = [row(1), row(2, id="a1")]
    left = imported(upload(project, rows))
    assert (left.report["articles"], left.report["known"]) == (1, {"other_text": 1})
    assert [p["message"] for p in left.report["problems"]] == [
        "The project has the id 'a1' with another text: left out."
    ]
    for _ in range(2):  # what has come in without its id does not come again
        imported(upload(project, rows, taken="keep"))
    first, second = Document.objects.all()
    assert (first.external_id, second.external_id, second.metadata) == ("a1", "", {"id": "a1"})


def test_two_imports_at_once_that_share_ids_both_come_in() -> None:
    project = make_project()
    first, second = (storing.Intake(project, hidden=hidden_at(number)) for number in (1, 2))
    for intake, number, name in [(first, 1, "a"), (second, 2, "b"), (first, 3, "b"), (second, 4, "a")]:
        intake.write([near.prepare(record) for record in storable(row(number, id=name))])
    found = Document.objects.order_by("pk").values_list("external_id", "metadata")
    assert list(found) == [("a", {}), ("b", {}), ("", {"id": "b"}), ("", {"id": "a"})]
    assert [problem.kind for _, problem in first.stored.problems + second.stored.problems] == ["id-taken"] * 2


def test_near_duplicates_in_two_imports_at_once_do_not_part() -> None:
    project = make_project()
    first, second = (storing.Intake(project, hidden=hidden_at(number)) for number in (1, 2))
    first.write([near.prepare(record) for record in storable({"text": STORY, "split": "validation"})])
    nearly = " ".join([*ARTICLE[:-1], "soon"])
    second.write([near.prepare(record) for record in storable({"text": nearly, "split": "train"}, {"text": STORY})])
    held, aside, same = Document.objects.order_by("pk")
    assert held.group == aside.group == same.group
    assert (held.split, aside.split, same.split) == ("validation", "aside", "validation")
    held.delete()
    assert same.near_keys.exists()


def test_near_duplicates_share_their_group_and_side() -> None:
    project = make_project(validation_share=50)
    nearly = [*ARTICLE[:-1], "soon"]
    imported(upload(project, " ".join(ARTICLE)))
    imported(upload(project, " ".join(nearly), [row(1)]))
    first, second, other = Document.objects.all()
    assert (first.group, first.split) == (second.group, second.split)
    assert other.group != first.group


def test_the_split_of_an_article_is_the_same_in_every_project() -> None:
    many = [row(number) for number in range(30)]
    splits = []
    for name in ("one", "two"):
        imported(upload(make_project(name), many))
        splits.append(list(Document.objects.filter(project__name=name).values_list("split", flat=True)))
    assert splits[0] == splits[1]
    assert set(splits[0]) == {"train", "validation"}


def test_an_article_near_to_the_other_side_is_held_aside_and_reported() -> None:
    project = make_project()
    imported(upload(project, " ".join(ARTICLE), split="validation"))
    done = imported(upload(project, [{"text": " ".join([*ARTICLE[:-1], "soon"]), "title": "Again"}], split="train"))
    assert done.report["aside"] == 1
    assert [p["message"].split(":")[0] for p in done.report["problems"]] == ["“Again”"]
    assert list(Document.objects.values_list("split", flat=True)) == ["validation", "aside"]


def sides_after(project: Project, **split: str) -> list[str]:
    """The sides of all articles after one more like the STORY has come in."""
    storing.store(project, storable({"text": " ".join([*ARTICLE[:-1], "soon"]), **split}))
    return list(project.documents.order_by("pk").values_list("split", flat=True))


def test_a_deleted_article_meets_no_near_duplicate_on_the_other_side_when_it_is_restored() -> None:
    project = make_project()
    storing.store(project, storable({"text": STORY, "split": "validation"}))
    project.documents.update(deleted_at=timezone.now())
    assert sides_after(project, split="train") == ["validation", "aside"]


def test_an_article_is_found_when_the_one_like_it_that_came_before_is_deleted() -> None:
    project = make_project()
    for text in (STORY, STORY.upper()):
        storing.store(project, storable({"text": text, "split": "validation"}))
    project.documents.filter(text=STORY).update(deleted_at=timezone.now())
    assert sides_after(project, split="train") == ["validation", "validation", "aside"]


def test_an_article_is_found_though_the_one_like_it_that_came_before_is_held_aside() -> None:
    project = make_project()
    for text, side in ((STORY, "aside"), (STORY.upper(), "train")):
        storing.store(project, storable({"text": text, "split": side}))
    assert sides_after(project, split="validation") == ["aside", "train", "aside"]


@pytest.mark.parametrize(("given", "kept"), [({}, {}), ({"id": "a1"}, {"id": "a1"})])
def test_a_deleted_article_can_be_imported_again(given: dict[str, str], kept: dict[str, str]) -> None:
    project = make_project()
    storing.store(project, storable({"text": STORY, **given}))
    project.documents.update(deleted_at=timezone.now())
    assert storing.store(project, storable({"text": STORY, **given})).articles == 1
    again = project.documents.get(deleted_at=None)
    assert (again.external_id, again.metadata) == ("", kept)


def test_a_forced_split_is_that_of_all() -> None:
    imported(upload(make_project(), [row(1), row(2, split="train")], split="test"))
    assert set(Document.objects.values_list("split", flat=True)) == {"test"}


@pytest.mark.slow
def test_no_near_duplicate_crosses_the_split_of_real_articles(shared_data: Path) -> None:
    names = ["gum_news/train.jsonl", "gum_news/dev.jsonl", "gum_news/test.jsonl", "wikigold/articles.jsonl"]
    contents = [(shared_data / name).read_bytes() for name in names]
    project = make_project()
    done = imported(upload(project, *contents))
    assert done.report["articles"] == 20 + 2 + 2 + 145
    sides: dict[str, set[str]] = {}
    for group, side in Document.objects.exclude(split="aside").values_list("group", "split"):
        sides.setdefault(group, set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_a_real_article_that_comes_again_with_a_word_more_stays_on_its_side(shared_data: Path) -> None:
    project = make_project()
    imported(upload(project, (shared_data / "gum_news" / "train.jsonl").read_bytes()))
    first = list(project.documents.order_by("pk"))
    longer = [{"tokens": [*one.words(), "Again"], "tags": ["O"] * (one.token_count + 1)} for one in first]
    imported(upload(project, longer))
    again = project.documents.order_by("pk").values_list("split", flat=True)[len(first) :]
    assert list(again) == [one.split for one in first]
    assert {one.split for one in first} == {"train", "validation"}
