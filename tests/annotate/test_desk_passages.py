import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from annotate.models import Conflict, Document, Edit, Refused, State, Verdict
from annotate.signals import suggestions_wanted
from tests.annotate.test_desk import act, counts
from tests.make import make_document, make_user, mentions_of, suggest, tags_of

pytestmark = pytest.mark.django_db
TEXT = "By Ada Lovelace, Reuters. Bob met Eve in Rome."  # By Ada Lovelace , Reuters . Bob met Eve in Rome .


@pytest.fixture
def ada():
    return make_user("ada")


def test_leaving_a_passage_out_takes_its_entities_with_it_and_undo_brings_both_back(ada):
    document = make_document(TEXT, PER="Ada Bob", ORG="Reuters")
    act(document, "leave_out", 0, 6, by=ada)
    assert document.left_out == [(0, 6)]
    assert mentions_of(document) == [("PER", "Bob")]
    assert counts(document) == {"PER": 1}
    edit = Edit.objects.latest("pk")
    assert (edit.how, edit.start, edit.end, edit.before[1]) == ("left_out", 0, 6, "B-PER")
    act(document, "undo", by=ada)
    assert (document.left_out, counts(document)) == ([], {"PER": 2, "ORG": 1})
    act(document, "redo", by=ada)
    assert (document.left_out, counts(document)) == ([(0, 6)], {"PER": 1})


def test_taking_in_is_logged_undone_and_redone_and_brings_no_tag(ada):
    document = make_document(TEXT, PER="Ada")
    act(document, "leave_out", 0, 6, by=ada)
    act(document, "leave_out", 8, 9, by=ada)
    act(document, "take_in", 3, 4, by=ada)
    assert document.left_out == [(8, 9)]
    assert Edit.objects.latest("pk").how == "taken_in"
    act(document, "undo", by=ada)
    assert document.left_out == [(0, 6), (8, 9)]
    act(document, "redo", by=ada)
    act(document, "take_in", 0, 12, by=ada)
    assert document.left_out == []
    for _ in range(4):
        act(document, "undo", by=ada)
    assert document.left_out == []
    assert mentions_of(document) == [("PER", "Ada")]


def test_a_passage_may_not_cut_an_entity_nor_overlap_another(ada):
    document = make_document(TEXT)
    act(document, "tag", 1, 3, "PER", by=ada)
    with pytest.raises(Refused, match="cut an entity in two") as refused:
        act(document, "leave_out", 2, 5, by=ada)
    assert refused.value.span == (1, 5)
    act(document, "leave_out", 4, 6, by=ada)
    with pytest.raises(Refused, match="left out already"):
        act(document, "leave_out", 5, 8, by=ada)
    with pytest.raises(Refused, match="Nothing is left out here"):
        act(document, "take_in", 7, 8, by=ada)
    with pytest.raises(Refused, match="outside the article"):
        act(document, "leave_out", 3, 99, by=ada)
    assert document.left_out == [(4, 6)]


def test_nothing_is_tagged_or_judged_in_a_passage_that_is_left_out(ada):
    document = make_document(TEXT)
    source = suggest(document, (1, 3, "PER", 0.9), (6, 7, "PER", 0.9))
    act(document, "leave_out", 0, 6, by=ada)
    for verb in ("tag", "accept", "reject"):
        with pytest.raises(Refused, match="left out; take it in first"):
            act(document, verb, 1, 3, "PER", by=ada, source=source.pk)
    with pytest.raises(Refused, match="left out; take it in first"):
        act(document, "tag", 5, 8, "PER", by=ada)
    assert [s.start for s in document.open_suggestions([])] == [6]


def test_finish_neither_takes_nor_waits_for_what_was_suggested_in_a_passage_left_out(ada):
    document = make_document(TEXT)
    source = suggest(document, (1, 3, "PER", 0.99), (4, 5, "ORG", 0.1), (6, 7, "PER", 0.9))
    act(document, "leave_out", 0, 6, by=ada)
    act(document, "finish", by=ada, source=source.pk)
    assert document.state == State.FINISHED
    assert mentions_of(document) == [("PER", "Bob")]


def test_an_accepted_suggestion_is_open_again_when_its_passage_is_taken_in(ada):
    document = make_document(TEXT)
    source = suggest(document, (1, 3, "PER", 0.9), (4, 5, "ORG", 0.9))
    act(document, "accept", 1, 3, "PER", by=ada, source=source.pk)
    act(document, "reject", 4, 5, "ORG", by=ada, source=source.pk)
    act(document, "leave_out", 0, 6, by=ada)
    act(document, "take_in", 0, 6, by=ada)
    assert [s[:3] for s in document.open_suggestions(document.gold().spans())] == [(1, 3, "PER")]
    act(document, "undo", by=ada)
    act(document, "undo", by=ada)
    assert mentions_of(document) == [("PER", "Ada Lovelace")]
    assert Verdict.objects.filter(active=True).count() == 2


def test_taking_a_passage_in_asks_the_models_to_read_it(ada, django_capture_on_commit_callbacks):
    document = make_document(TEXT)
    suggest(document, (6, 7, "PER", 0.9))
    heard = []
    suggestions_wanted.connect(listener := lambda project, **kwargs: heard.append(project), weak=False)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            act(document, "leave_out", 0, 6, by=ada)
        assert (heard, document.predictions.get().uncertainty) == ([], 0.5)
        with django_capture_on_commit_callbacks(execute=True):
            act(document, "take_in", 0, 6, by=ada)
    finally:
        suggestions_wanted.disconnect(listener)
    assert heard == [document.project]
    assert document.predictions.get().uncertainty is None
    assert [s.start for s in document.open_suggestions([])] == [6]


def test_undo_is_refused_where_somebody_took_the_passage_in_since(ada):
    document = make_document(TEXT, PER="Ada")
    act(document, "leave_out", 0, 6, by=ada)
    act(document, "take_in", 0, 6, by=make_user("bob"))
    with pytest.raises(Refused, match="bob has changed these words"):
        act(document, "undo", by=ada)
    assert document.left_out == []


def test_a_page_that_does_not_know_of_a_passage_left_out_is_told(ada):
    document = make_document(TEXT)
    act(document, "leave_out", 0, 6, by=ada)
    with pytest.raises(Conflict):
        act(document, "tag", 1, 3, "PER", by=make_user(), base=0)
    act(document, "tag", 6, 7, "PER", by=make_user(), base=0)
    assert mentions_of(document) == [("PER", "Bob")]


@pytest.mark.parametrize("passages", [[(0, 0)], [(2, 4), (3, 5)], [(4, 5), (0, 1)], [[1, 2, 3]], ["ab"], {"a": 1}])
def test_no_write_path_takes_passages_that_are_empty_or_overlap(passages):
    document = make_document(TEXT)
    document.left_out = passages
    for write in (
        document.save,
        lambda: Document.objects.filter(pk=document.pk).update(left_out=passages),
        lambda: Document.objects.bulk_update([document], ["left_out"]),
    ):
        with pytest.raises(ValidationError), transaction.atomic():
            write()
    assert Document.objects.get().left_out == []


def test_bulk_writes_store_passages_as_a_save_does():
    document = make_document(TEXT)
    document.left_out = [(0, 2), (4, 6)]
    Document.objects.bulk_update([document], ["left_out"])
    assert Document.objects.get(left_out=[(0, 2), (4, 6)]).left_out == [(0, 2), (4, 6)]
    assert tags_of(document) == []
