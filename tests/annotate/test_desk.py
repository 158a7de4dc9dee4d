from uuid import uuid4

import pytest

from annotate.desk import do, open_desk
from annotate.models import Ask, Conflict, Document, DocumentLabel, Edit, Refused, State, Verdict
from annotate.models.prediction import Suggestion
from tests.make import join, make_document, make_project, make_user, mentions_of, suggest, tags_of

pytestmark = pytest.mark.django_db


def act(document, verb, *args, by=None, base=None, source=None, batch=None):
    """One request: what a person does who sees the article as it is now, unless told otherwise."""
    gold = document.gold()
    seen = (gold.revision if gold else 0) if base is None else base
    with open_desk(document.pk, Ask(by, batch or uuid4(), seen, source)) as desk:
        do(desk, verb, *args)
    document.refresh_from_db()


def counts(document):
    return dict(DocumentLabel.objects.filter(document=document).values_list("label__name", "count"))


@pytest.fixture
def ada():
    return make_user("ada")


def test_a_tag_is_stored_as_iob2_with_its_count_its_state_and_a_line_in_the_log(ada):
    document = make_document("Ada Lovelace met Bob.")
    act(document, "tag", 0, 2, "PER", by=ada)
    assert tags_of(document) == ["B-PER", "I-PER", "O", "O", "O"]
    assert counts(document) == {"PER": 1}
    assert document.state == State.IN_PROGRESS
    edit = Edit.objects.get()
    assert (edit.how, edit.author, edit.before, edit.after) == ("hand", ada, ["O", "O"], ["B-PER", "I-PER"])
    assert (edit.char_start, edit.char_end) == (0, 12)


def test_the_log_points_at_code_points_and_undo_finds_the_words_there(ada):
    document = make_document("👩‍👩‍👧 and 🇩🇪 met Zoë\u0301 Ada.")
    act(document, "tag", 5, 6, "PER", by=ada)
    edit = Edit.objects.get()
    assert document.text[edit.char_start : edit.char_end] == mentions_of(document)[0][1] == "Ada"
    act(document, "undo", by=ada)
    assert mentions_of(document) == []


def test_an_edit_that_breaks_off_half_way_leaves_nothing(ada, monkeypatch):
    document = make_document("Ada met Bob", PER="Ada")
    before = (document.gold().revision, counts(document), Edit.objects.count())

    def breaks(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(DocumentLabel.objects, "say", breaks)  # the last that an edit writes
    with pytest.raises(ZeroDivisionError):
        act(document, "finish", by=ada)
    with pytest.raises(ZeroDivisionError):
        act(document, "tag", 2, 3, "PER", by=ada)
    document.refresh_from_db()
    assert (document.gold().revision, counts(document), Edit.objects.count()) == before
    assert mentions_of(document) == [("PER", "Ada")]
    assert document.state == State.IN_PROGRESS


def test_a_span_dragged_over_others_replaces_them_whole(ada):
    document = make_document("New York Times", LOC="New", PER="Times")
    act(document, "tag", 0, 2, "LOC", by=ada)
    assert mentions_of(document) == [("LOC", "New York"), ("PER", "Times")]
    act(document, "tag", 1, 3, "ORG", by=ada)
    assert mentions_of(document) == [("ORG", "York Times")]
    assert tags_of(document) == ["O", "B-ORG", "I-ORG"]
    assert counts(document) == {"ORG": 1}


def test_neighbours_of_one_label_stay_two(ada):
    document = make_document("Ada Bob")
    act(document, "tag", 0, 1, "PER", by=ada)
    act(document, "tag", 1, 2, "PER", by=ada)
    assert tags_of(document) == ["B-PER", "B-PER"]


def test_clearing_inside_a_span_removes_it_whole(ada):
    document = make_document("New York City is big")
    act(document, "tag", 0, 3, "LOC", by=ada)
    act(document, "clear", 1, 2, by=ada)
    assert tags_of(document) == ["O"] * 5
    assert counts(document) == {}


def test_a_label_of_another_project_is_refused():
    document = make_document()
    with pytest.raises(Refused, match="no label “DRUG”"):
        act(document, "tag", 0, 1, "DRUG")
    assert document.gold() is None


def test_a_selection_past_the_end_is_refused():
    with pytest.raises(Refused, match="outside the article"):
        act(make_document("Ada"), "tag", 0, 2, "PER")


def test_undo_and_redo_walk_the_whole_history_and_only_add_to_the_log(ada):
    document = make_document("Ada met Bob")
    act(document, "tag", 0, 1, "PER", by=ada)
    act(document, "tag", 2, 3, "PER", by=ada)
    act(document, "tag", 2, 3, "ORG", by=ada)
    act(document, "undo", by=ada)
    assert mentions_of(document) == [("PER", "Ada"), ("PER", "Bob")]
    act(document, "undo", by=ada)
    act(document, "undo", by=ada)
    assert mentions_of(document) == []
    with pytest.raises(Refused, match="nothing of yours to undo"):
        act(document, "undo", by=ada)
    act(document, "redo", by=ada)
    act(document, "redo", by=ada)
    act(document, "redo", by=ada)
    assert mentions_of(document) == [("PER", "Ada"), ("ORG", "Bob")]
    assert counts(document) == {"PER": 1, "ORG": 1}
    assert Edit.objects.count() == 9


def test_a_new_change_after_undo_ends_what_could_be_redone(ada):
    document = make_document("Ada met Bob")
    act(document, "tag", 0, 1, "PER", by=ada)
    act(document, "undo", by=ada)
    act(document, "tag", 2, 3, "PER", by=ada)
    with pytest.raises(Refused, match="nothing of yours to redo"):
        act(document, "redo", by=ada)


def test_undo_takes_back_only_my_own_change(ada):
    bob = make_user("bob")
    document = make_document("Ada met Bob")
    act(document, "tag", 0, 1, "PER", by=ada)
    act(document, "tag", 2, 3, "PER", by=bob)
    act(document, "undo", by=ada)
    assert mentions_of(document) == [("PER", "Bob")]


def test_undo_is_refused_with_the_reason_where_somebody_has_touched_the_words_since(ada):
    bob = make_user("bob")
    document = make_document("Ada met Bob")
    act(document, "tag", 0, 1, "PER", by=ada)
    act(document, "tag", 0, 1, "ORG", by=bob)
    with pytest.raises(Refused, match="bob has changed these words"):
        act(document, "undo", by=ada)
    assert mentions_of(document) == [("ORG", "Ada")]


def test_a_repeated_request_changes_nothing(ada):
    document, batch = make_document("Ada met Bob"), uuid4()
    act(document, "tag", 0, 1, "PER", by=ada, batch=batch, base=0)
    act(document, "clear", 0, 1, by=ada)
    act(document, "tag", 0, 1, "PER", by=ada, batch=batch, base=0)
    assert mentions_of(document) == []
    assert Edit.objects.count() == 2


def test_an_edit_on_an_old_base_lands_where_its_words_are_untouched_and_is_refused_where_not(ada):
    document = make_document("Ada met Bob")
    act(document, "tag", 0, 1, "PER", by=ada, base=0)
    act(document, "tag", 2, 3, "PER", by=make_user(), base=0)
    with pytest.raises(Conflict):
        act(document, "tag", 0, 1, "ORG", by=make_user(), base=0)
    assert mentions_of(document) == [("PER", "Ada"), ("PER", "Bob")]


def test_a_page_that_does_not_know_of_a_finish_changes_nothing_in_the_finished_article(ada):
    document = make_document("Ada met Bob")
    act(document, "finish", by=ada)
    with pytest.raises(Conflict, match="finished by now"):
        act(document, "tag", 0, 1, "PER", by=make_user(), base=0)
    assert mentions_of(document) == []


def test_finishing_without_an_entity_is_an_answer(ada):
    document = make_document("Nothing here.")
    act(document, "finish", by=ada)
    gold = document.gold()
    assert document.state == State.FINISHED
    assert (gold.status, gold.tags, gold.finished_by) == ("finished", ["O", "O", "O"], ada)


def test_finish_is_told_after_the_commit(ada, django_capture_on_commit_callbacks):
    from annotate.signals import document_finished

    heard = []
    document_finished.connect(listener := lambda document, **kwargs: heard.append(document.pk), weak=False)
    document = make_document()
    with django_capture_on_commit_callbacks(execute=True):
        act(document, "finish", by=ada)
    document_finished.disconnect(listener)
    assert heard == [document.pk]


def test_undo_of_finish_opens_the_article_again_and_gives_the_suggestions_back(ada):
    document = make_document("Ada met Bob")
    source = suggest(document, (0, 1, "PER", 0.9))
    act(document, "finish", by=ada, source=source.pk)
    assert mentions_of(document) == [("PER", "Ada")]
    act(document, "undo", by=ada, source=source.pk)
    assert document.state == State.IN_PROGRESS
    assert document.open_suggestions([]) == [Suggestion(0, 1, "PER", 0.9, source.pk)]
    assert Verdict.objects.get().active is False


def test_finish_takes_what_is_above_the_threshold_apart_from_an_explicit_accept(ada):
    document = make_document("Ada met Bob in Rome")
    source = suggest(document, (0, 1, "PER", 0.95), (2, 3, "PER", 0.85))
    act(document, "accept", 0, 1, "PER", by=ada, source=source.pk)
    act(document, "finish", by=ada, source=source.pk)
    assert mentions_of(document) == [("PER", "Ada"), ("PER", "Bob")]
    assert list(Edit.objects.values_list("how", "probability")) == [
        ("accepted", 0.95),
        ("accepted_at_finish", 0.85),
        ("finished", None),
    ]
    assert list(Verdict.objects.values_list("kind", "at_finish")) == [("accepted", False), ("accepted", True)]


def test_finish_is_refused_while_an_unsure_suggestion_is_not_judged(ada):
    document = make_document("Ada met Bob")
    source = suggest(document, (0, 1, "PER", 0.95), (2, 3, "PER", 0.5))
    with pytest.raises(Refused, match="one suggestion is below 80%") as refused:
        act(document, "finish", by=ada, source=source.pk)
    assert refused.value.span == (2, 3)
    assert document.state == State.RAW
    act(document, "reject", 2, 3, "PER", by=ada, source=source.pk)
    act(document, "finish", by=ada, source=source.pk)
    assert mentions_of(document) == [("PER", "Ada")]


def test_a_rejected_suggestion_does_not_come_back_with_the_next_model(ada):
    document = make_document("Ada met Bob")
    source = suggest(document, (0, 1, "PER", 0.9))
    act(document, "reject", 0, 1, "PER", by=ada, source=source.pk)
    document.project.current_source = None
    suggest(document, (0, 1, "PER", 0.97))
    assert document.open_suggestions([]) == []


def test_another_label_over_a_suggestion_corrects_it(ada):
    document = make_document("Paris Hilton sang")
    source = suggest(document, (0, 1, "LOC", 0.6))
    act(document, "tag", 0, 2, "PER", by=ada, source=source.pk)
    assert mentions_of(document) == [("PER", "Paris Hilton")]
    assert Edit.objects.get().how == "corrected"
    assert Verdict.objects.get().kind == "corrected"


def test_tagging_just_what_was_suggested_accepts_it(ada):
    document = make_document("Ada sang")
    source = suggest(document, (0, 1, "PER", 0.6))
    act(document, "tag", 0, 1, "PER", by=ada, source=source.pk)
    assert Edit.objects.get().how == "accepted"


def test_removing_an_accepted_suggestion_counts_as_rejecting_it(ada):
    document = make_document("Ada sang")
    source = suggest(document, (0, 1, "PER", 0.9))
    act(document, "accept", 0, 1, "PER", by=ada, source=source.pk)
    act(document, "clear", 0, 1, by=ada, source=source.pk)
    assert Verdict.objects.latest("pk").kind == "rejected"
    assert document.open_suggestions([]) == []


def test_suggestions_that_changed_behind_the_page_are_never_taken_unseen(ada):
    document = make_document("Ada met Bob")
    old = suggest(document, (0, 1, "PER", 0.9))
    document.project.current_source = None
    suggest(document, (2, 3, "PER", 0.9))
    with pytest.raises(Conflict, match="New suggestions"):
        act(document, "finish", by=ada, source=old.pk)
    assert document.state == State.RAW


@pytest.mark.parametrize("split", ["validation", "test"])
def test_held_out_articles_show_no_suggestion_and_their_gold_is_blind(ada, split):
    document = make_document("Ada met Bob", split=split)
    suggest(document, (0, 1, "PER", 0.99))
    assert document.open_suggestions([]) == []
    act(document, "finish", by=ada)
    assert mentions_of(document) == []
    assert document.gold().blind is True


def test_gold_made_with_suggestions_in_sight_is_flagged(ada):
    document = make_document("Ada met Bob")
    source = suggest(document, (0, 1, "PER", 0.9))
    act(document, "tag", 2, 3, "PER", by=ada, source=source.pk)
    assert document.gold().blind is False


def test_a_deleted_article_can_be_restored_with_all_it_had_and_the_log_says_who_did_it(ada):
    document = make_document("Ada met Bob", PER="Ada")
    document.delete_softly(ada)
    assert not Document.objects.present().exists()
    document.restore(ada)
    assert list(document.edits.filter(annotation=None).values_list("how", "author")) == [
        ("deleted", ada.pk),
        ("restored", ada.pk),
    ]
    assert mentions_of(Document.objects.present().get()) == [("PER", "Ada")]


def test_a_new_model_is_no_reason_to_refuse_a_tag_by_hand(ada):
    document = make_document("Ada met Bob")
    old = suggest(document)
    document.project.current_source = None
    suggest(document, (0, 1, "PER", 0.9))
    act(document, "tag", 2, 3, "PER", by=ada, source=old.pk)
    act(document, "tag", 0, 1, "ORG", by=ada, source=old.pk)
    assert mentions_of(document) == [("ORG", "Ada"), ("PER", "Bob")]
    assert not Verdict.objects.exists()


def test_another_label_on_an_accepted_suggestion_counts_as_correcting_it(ada):
    document = make_document("Ada sang")
    source = suggest(document, (0, 1, "PER", 0.9))
    act(document, "accept", 0, 1, "PER", by=ada, source=source.pk)
    act(document, "tag", 0, 1, "ORG", by=ada, source=source.pk)
    assert Verdict.objects.latest("pk").kind == "corrected"


def test_undo_of_my_finish_leaves_what_somebody_else_finished_since(ada):
    document, bob = make_document("Ada sang"), make_user("bob")
    act(document, "finish", by=ada)
    act(document, "reopen", by=bob)
    act(document, "finish", by=bob)
    with pytest.raises(Refused, match="finished or reopened this article since"):
        act(document, "undo", by=ada)
    assert document.state == State.FINISHED


def test_a_suggestion_with_a_label_that_the_project_has_not_is_refused_in_words(ada):
    document = make_document("Ada sang")
    source = suggest(document, (0, 1, "SHIP", 0.9))
    for verb, args in (("accept", (0, 1, "SHIP")), ("finish", ())):
        with pytest.raises(Refused, match="no label “SHIP”"):
            act(document, verb, *args, by=ada, source=source.pk)
    assert document.gold() is None


def test_a_viewer_sees_only_projects_of_their_own():
    viewer = join(make_project("Mine"), make_user(), "viewer")
    make_project("Foreign")
    from annotate.models import Project

    assert [p.name for p in Project.objects.visible_to(viewer)] == ["Mine"]
