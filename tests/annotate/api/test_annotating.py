from uuid import uuid4

import pytest

from annotate.desk import do, open_desk
from annotate.models import Ask, Edit, Verdict
from tests.asking import Program, is_problem
from tests.make import join, make_document, make_user, mentions_of, suggest, tags_of

pytestmark = pytest.mark.django_db
TEXT = "😀 Ada Lovelace met Bob in Paris."
ADA = {"start": 2, "end": 14, "label": "PER"}
BOB = {"start": 19, "end": 22, "label": "PER"}
PARIS = {"start": 26, "end": 31, "label": "LOC"}


@pytest.fixture
def document(project):
    return make_document(TEXT, project)


def judge(program, document, *verdicts, **seen):
    gold = document.gold()
    given = {"client_id": str(uuid4()), "base": gold.revision if gold else 0, "verdicts": list(verdicts)}
    return program.post(f"/documents/{document.pk}/verdicts", {**given, **seen})


def test_spans_in_code_points_become_tags_and_the_log_says_who(program, document):
    told = program.tag(document, spans=[ADA, PARIS]).json()
    assert tags_of(document) == ["O", "B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]
    assert (told["annotation"]["revision"], told["annotation"]["state"]) == (1, "in_progress")
    edit = document.edits.order_by("pk").first()
    assert (edit.author, edit.how, edit.char_start, edit.char_end) == (program.row.user, "hand", 2, 14)


def test_tags_and_spans_in_tokens_say_which_tokens_they_are_of(program, document):
    tags = ["O", "B-PER", "I-PER", "O", "O", "O", "O", "O"]
    is_problem(program.tag(document, tags=tags), 422)
    assert program.tag(document, tags=tags, tokens_revision=0).status_code == 200
    assert mentions_of(document) == [("PER", "Ada Lovelace")]
    spans = [{"start": 4, "end": 5, "label": "PER"}]
    is_problem(program.tag(document, spans=spans, unit="tokens"), 422)
    assert program.tag(document, spans=spans, unit="tokens", tokens_revision=0).status_code == 200
    assert mentions_of(document) == [("PER", "Bob")]


def test_what_is_there_already_is_left_untouched_and_what_is_not_wanted_goes(program, document):
    program.tag(document, spans=[ADA, BOB])
    count = Edit.objects.count()
    program.tag(document, spans=[BOB, PARIS])
    assert mentions_of(document) == [("PER", "Bob"), ("LOC", "Paris")]
    assert Edit.objects.count() == count + 2
    revision = document.gold().revision
    program.tag(document, spans=[BOB, PARIS])
    assert document.gold().revision == revision


def test_neighbours_of_one_label_stay_two(program, project):
    document = make_document("Ada Bob left.", project)
    program.tag(document, tags=["B-PER", "B-PER", "O", "O"], tokens_revision=0)
    assert mentions_of(document) == [("PER", "Ada"), ("PER", "Bob")]
    program.tag(document, tags=["B-PER", "I-PER", "O", "O"], tokens_revision=0)
    assert mentions_of(document) == [("PER", "Ada Bob")]


def test_the_same_id_sent_again_changes_nothing_and_answers_the_same(program, document):
    body = {"client_id": str(uuid4()), "base": 0, "spans": [ADA]}
    first = program.put(f"/documents/{document.pk}/annotation", body)
    again = program.put(f"/documents/{document.pk}/annotation", body)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert document.edits.count() == 1


def test_words_that_somebody_changed_since_are_refused_with_the_article_as_it_is(program, document):
    other = Program(join(document.project, make_user(), "annotator"))
    assert other.tag(document, spans=[{**ADA, "end": 5}]).status_code == 200
    told = is_problem(program.tag(document, base=0, spans=[ADA]), 409)
    assert [span["text"] for span in told["current"]["annotation"]["spans"]] == ["Ada"]
    assert told["current"]["annotation"]["revision"] == 1
    assert mentions_of(document) == [("PER", "Ada")]


def test_what_somebody_added_since_is_not_taken_away_unseen(program, document):
    Program(join(document.project, make_user(), "annotator")).tag(document, spans=[PARIS])
    is_problem(program.tag(document, base=0, spans=[ADA]), 409)
    assert mentions_of(document) == [("LOC", "Paris")]


def test_tokens_that_were_split_since_are_refused(program, document):
    with open_desk(document.pk, Ask.anew(program.row.user)) as desk:
        do(desk, "split_token", 2, 4)
    is_problem(program.tag(document, tags=["O"] * 8, tokens_revision=0), 409)
    told = program.tag(document, tags=["O"] * 9, tokens_revision=1)
    assert told.status_code == 200


@pytest.mark.parametrize(
    ("body", "place", "says"),
    [
        ({"spans": [ADA, {"start": 3, "end": 5, "label": "PER"}]}, "body.spans.1", "where tokens of the article do"),
        ({"spans": [ADA, {"start": 2, "end": 5, "label": "PER"}]}, "body.spans.0", "overlaps"),
        ({"spans": [{"start": 26, "end": 99, "label": "LOC"}]}, "body.spans.0", "where tokens of the article do"),
        ({"spans": [{"start": 26, "end": 31, "label": "LAW"}]}, "body", "There is no label “LAW”"),
        ({"tags": ["O"], "tokens_revision": 0}, "body.tags", "8 tokens, and here are 1 tags"),
        ({"tags": ["I-PER"] + ["O"] * 7, "tokens_revision": 0}, "body.tags", "not well-formed IOB2"),
        ({"tags": ["B-LAW"] + ["O"] * 7, "tokens_revision": 0}, "body", "There is no label “LAW”"),
        ({"spans": [], "tags": []}, "body", "not both"),
        ({}, "body", "Says nothing"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_place(program, document, body, place, says):
    [error] = is_problem(program.tag(document, **body), 422)["errors"]
    assert error["place"] == place
    assert says in error["detail"]
    assert document.gold() is None


def test_finished_with_all_entities_rejects_what_is_suggested_beside_them(program, document):
    source = suggest(document, (1, 3, "PER", 0.9), (4, 5, "ORG", 0.4), (6, 7, "LOC", 0.99))
    told = program.tag(document, spans=[ADA, BOB], finished=True, source=source.pk).json()
    assert told["annotation"]["state"] == "finished"
    assert told["suggestions"] == []
    assert mentions_of(document) == [("PER", "Ada Lovelace"), ("PER", "Bob")]
    kinds = {(v.start, v.label): v.kind for v in Verdict.objects.all()}
    assert kinds == {(1, "PER"): "accepted", (4, "ORG"): "corrected", (6, "LOC"): "rejected"}


def test_nobody_finishes_over_suggestions_that_they_have_not_seen(program, document):
    suggest(document, (6, 7, "LOC", 0.9))
    assert "New suggestions" in is_problem(program.tag(document, spans=[ADA], finished=True), 409)["detail"]
    assert document.gold() is None


def test_an_accepted_suggestion_that_goes_is_rejected_once(program, document):
    source = suggest(document, (1, 3, "PER", 0.9))
    program.tag(document, spans=[ADA], source=source.pk)
    told = program.tag(document, spans=[], finished=True, source=source.pk)
    assert told.status_code == 200, told.content
    assert list(Verdict.objects.order_by("pk").values_list("kind", flat=True)) == ["accepted", "rejected"]


def test_finished_alone_does_what_the_pages_key_does(program, document):
    source = suggest(document, (1, 3, "PER", 0.9), (6, 7, "LOC", 0.4))
    seen = {"source": source.pk, "finished": True}
    assert "one suggestion is below 80%" in is_problem(program.tag(document, **seen), 422)["detail"]
    judge(program, document, {"verdict": "rejected", **PARIS}, source=source.pk)
    assert program.tag(document, **seen).json()["annotation"]["state"] == "finished"
    assert mentions_of(document) == [("PER", "Ada Lovelace")]


def test_finished_false_reopens(program, document):
    program.tag(document, spans=[], finished=True)
    assert program.tag(document, finished=False).json()["annotation"]["state"] == "in_progress"
    program.tag(document, spans=[BOB], finished=True)
    told = program.tag(document, spans=[BOB, PARIS], finished=False).json()
    assert (told["annotation"]["state"], told["annotation"]["finished_by"]) == ("in_progress", None)


def test_an_article_without_entities_is_finished_by_an_empty_list(program, document):
    told = program.tag(document, spans=[], finished=True).json()
    assert (told["annotation"]["state"], told["annotation"]["finished_by"]) == ("finished", "ada")
    assert tags_of(document) == ["O"] * 8


def test_the_pages_undo_takes_back_the_whole_of_it(program, document):
    program.tag(document, spans=[BOB])
    program.tag(document, spans=[ADA, PARIS], finished=True)
    with open_desk(document.pk, Ask.anew(program.row.user, document.gold())) as desk:
        do(desk, "undo")
    document.refresh_from_db()
    assert mentions_of(document) == [("PER", "Bob")]
    assert document.state == "in_progress"


def test_suggestions_are_judged_and_corrected_in_one_edit(program, document):
    source = suggest(document, (1, 2, "PER", 0.6), (4, 5, "PER", 0.9), (6, 7, "ORG", 0.3))
    told = judge(
        program,
        document,
        {"verdict": "corrected", "start": 2, "end": 5, "label": "PER", "correction": ADA},
        {"verdict": "accepted", **BOB},
        {"verdict": "rejected", "start": 26, "end": 31, "label": "ORG"},
        source=source.pk,
    )
    assert told.status_code == 200, told.content
    assert told.json()["suggestions"] == []
    assert mentions_of(document) == [("PER", "Ada Lovelace"), ("PER", "Bob")]
    with open_desk(document.pk, Ask.anew(program.row.user, document.gold())) as desk:
        do(desk, "undo")
    document.refresh_from_db()
    assert mentions_of(document) == []
    assert len(document.open_suggestions([])) == 3


def test_verdicts_are_given_all_or_none(program, document):
    source = suggest(document, (1, 3, "PER", 0.9))
    told = judge(program, document, {"verdict": "accepted", **ADA}, {"verdict": "accepted", **BOB}, source=source.pk)
    assert "not open any more" in is_problem(told, 409)["detail"]
    assert document.gold() is None
    assert not Verdict.objects.exists()


def test_suggestions_of_a_model_that_was_not_seen_are_not_judged(program, document):
    suggest(document, (1, 3, "PER", 0.9))
    is_problem(judge(program, document, {"verdict": "accepted", **ADA}), 409)


def test_a_correction_elsewhere_is_none(program, document):
    source = suggest(document, (1, 3, "PER", 0.9))
    wrong = {"verdict": "corrected", **ADA, "correction": PARIS}
    told = is_problem(judge(program, document, wrong, source=source.pk), 422)
    assert told["errors"][0]["place"] == "body.verdicts.0.correction"
    is_problem(judge(program, document, {"verdict": "corrected", **ADA}), 422)
    is_problem(judge(program, document, {"verdict": "accepted", **ADA, "correction": BOB}), 422)


def test_a_viewer_tags_nothing(document):
    program = Program(join(document.project, make_user(), "viewer"))
    is_problem(program.tag(document, spans=[ADA]), 403)
    assert document.gold() is None
