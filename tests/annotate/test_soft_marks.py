"""Soft marks: the same mention offered again in one article."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.desk import do, open_desk
from annotate.history import touched_since
from annotate.models import Ask, Conflict, Edit, How, Needless, Offer, Refused, Verdict
from tests.make import make_document, make_user, mentions_of, suggest

pytestmark = pytest.mark.django_db
TEXT = "Reuters says so. REUTERS said, Reuters says, and Reuters will say."  # at 0, 4, 7, 11
EXACT = (False, False)


def act(document, verb, *args, by=None, base=None, source=None):
    gold = document.gold()
    seen = (gold.revision if gold else 0) if base is None else base
    with open_desk(document.pk, Ask(by, uuid4(), seen, source)) as desk:
        do(desk, verb, *args)
    document.refresh_from_db()


def open_in(document):
    gold = document.gold()
    return [tuple(s[:3]) for s in document.open_suggestions(gold.spans() if gold else [])]


def soft(*starts):
    return [(start, start + 1, "ORG") for start in starts]


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture
def document(ada):
    """Reuters is tagged once, by Ada."""
    document = make_document(TEXT)
    act(document, "tag", 0, 1, "ORG", by=ada)
    return document


def test_the_other_mentions_are_offered_and_nothing_is_tagged_by_that(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    assert open_in(document) == soft(7, 11)
    assert mentions_of(document) == [("ORG", "Reuters")]
    assert all(s.soft and s.probability is None for s in document.open_suggestions([]))


def test_case_is_an_option(document, ada):
    act(document, "offer_like", 0, 1, True, False, by=ada)
    assert open_in(document) == soft(4, 7, 11)


def test_offers_are_taken_one_by_one_and_the_log_says_propagated(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "accept", 7, 8, "ORG", by=ada)
    assert mentions_of(document) == [("ORG", "Reuters"), ("ORG", "Reuters")]
    assert open_in(document) == soft(11)
    edit = Edit.objects.latest("pk")
    assert (edit.how, edit.author, edit.after, edit.source, edit.probability) == (
        *(How.PROPAGATED, ada, ["B-ORG"]),
        *(None, None),
    )


def test_offers_are_taken_together_and_given_back_in_one_step(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "take_all_offers", 2, by=ada)
    assert [span.start for span in document.gold().spans()] == [0, 7, 11]
    assert open_in(document) == []
    act(document, "undo", by=ada)
    assert [span.start for span in document.gold().spans()] == [0]
    assert open_in(document) == soft(7, 11)
    act(document, "redo", by=ada)
    assert [span.start for span in document.gold().spans()] == [0, 7, 11]


def test_undo_of_the_offering_takes_the_soft_marks_away_and_redo_brings_them_back(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "undo", by=ada)
    assert open_in(document) == []
    assert mentions_of(document) == [("ORG", "Reuters")]
    act(document, "redo", by=ada)
    assert open_in(document) == soft(7, 11)


def test_a_rejected_offer_does_not_come_back_in_this_article(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "reject", 7, 8, "ORG", by=ada)
    assert open_in(document) == soft(11)
    act(document, "accept", 11, 12, "ORG", by=ada)
    with pytest.raises(Refused, match="reads like “Reuters” but what was judged before"):
        act(document, "offer_like", 0, 1, *EXACT, by=ada)
    assert Verdict.objects.filter(kind="rejected", start=7, source=None, active=True).exists()


def test_a_taken_offer_that_is_removed_counts_as_rejected(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "take_all_offers", 2, by=ada)
    act(document, "clear", 7, 8, by=ada)
    assert open_in(document) == []
    act(document, "undo", by=ada)
    assert [span.start for span in document.gold().spans()] == [0, 7, 11]


def test_all_offers_are_dropped_in_one_step_and_back_after_undo(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "drop_offers", 2, by=ada)
    assert open_in(document) == []
    assert mentions_of(document) == [("ORG", "Reuters")]
    act(document, "undo", by=ada)
    assert open_in(document) == soft(7, 11)


def test_offers_that_the_page_did_not_show_are_not_taken_or_dropped_unseen(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    Offer.objects.create(document=document, batch=uuid4(), start=9, end=10, label="PER")
    for verb in ("take_all_offers", "drop_offers"):
        with pytest.raises(Conflict, match="soft marks of this article have changed"):
            act(document, verb, 2, by=ada)
    assert mentions_of(document) == [("ORG", "Reuters")]


def test_looking_again_where_the_marks_stand_says_so(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    with pytest.raises(Needless, match=r"^2 same mentions are marked: \+ tags them"):
        act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "accept", 7, 8, "ORG", by=ada)
    with pytest.raises(Needless, match=r"^1 same mention is marked: \+ tags it"):
        act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "accept", 11, 12, "ORG", by=ada)
    with pytest.raises(Refused, match="Nothing else"):
        act(document, "offer_like", 0, 1, *EXACT, by=ada)


def test_with_no_soft_mark_there_is_nothing_to_take_and_it_says_so(document, ada):
    for verb in ("take_all_offers", "drop_offers"):
        with pytest.raises(Refused, match="no soft mark"):
            act(document, verb, 0, by=ada)


def test_taking_on_an_old_base_is_refused_where_the_words_have_changed(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    base = document.gold().revision
    act(document, "tag", 7, 8, "PER", by=make_user())
    act(document, "clear", 7, 8, by=make_user())
    Offer.objects.create(document=document, batch=uuid4(), start=7, end=8, label="MISC")
    with pytest.raises(Conflict, match="changed in another window"):
        act(document, "take_all_offers", 2, by=ada, base=base)


def test_only_a_tagged_span_is_looked_for(document, ada):
    with pytest.raises(Refused, match="one tagged span"):
        act(document, "offer_like", 7, 8, *EXACT, by=ada)
    with pytest.raises(Refused, match="one tagged span"):
        act(document, "offer_like", 90, 91, *EXACT, by=ada)
    act(document, "tag", 1, 2, "MISC", by=ada)
    with pytest.raises(Refused, match="one tagged span"):
        act(document, "offer_like", 0, 2, *EXACT, by=ada)
    with pytest.raises(Refused, match="Nothing else in this article reads like “says”"):
        act(make_document("Reuters says", ORG="says"), "offer_like", 1, 2, *EXACT, by=ada)


def test_what_is_tagged_suggested_or_left_out_is_not_offered(document, ada):
    source = suggest(document, (7, 8, "PER", 0.4))
    document.left_out = [[11, 13]]
    document.save()
    with pytest.raises(Refused, match="Nothing else"):
        act(document, "offer_like", 0, 1, *EXACT, by=ada, source=source.pk)
    act(document, "offer_like", 0, 1, True, False, by=ada, source=source.pk)
    assert open_in(document) == [(7, 8, "PER"), *soft(4)]


def test_a_suggestion_of_a_new_model_goes_before_a_soft_mark(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    source = suggest(document, (6, 8, "ORG", 0.9))
    assert open_in(document) == [(6, 8, "ORG"), *soft(11)]
    act(document, "reject", 6, 8, "ORG", by=ada, source=source.pk)
    assert open_in(document) == soft(7, 11)


def test_a_new_model_is_no_reason_to_refuse_what_is_done_with_soft_marks(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    suggest(document, (2, 3, "MISC", 0.9))
    act(document, "accept", 7, 8, "ORG", by=ada)
    act(document, "reject", 11, 12, "ORG", by=ada)
    assert open_in(document) == [(2, 3, "MISC")]
    with pytest.raises(Conflict, match="New suggestions"):
        act(document, "finish", by=ada)


def test_finish_takes_no_soft_mark_and_waits_for_none(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "finish", by=ada)
    assert mentions_of(document) == [("ORG", "Reuters")]
    assert open_in(document) == []
    act(document, "reopen", by=ada)
    assert open_in(document) == soft(7, 11)


def test_a_finished_article_is_reopened_before_anything_is_offered_in_it(document, ada):
    act(document, "finish", by=ada)
    with pytest.raises(Refused, match="Reopen it first"):
        act(document, "offer_like", 0, 1, *EXACT, by=ada)


def test_an_offer_drawn_otherwise_is_a_tag_by_hand_and_is_not_offered_again(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    act(document, "tag", 7, 9, "PER", by=ada)
    assert Edit.objects.latest("pk").how == "hand"
    act(document, "tag", 11, 12, "ORG", by=ada)
    assert Edit.objects.latest("pk").how == "propagated"
    act(document, "clear", 7, 9, by=ada)
    assert open_in(document) == []


@pytest.mark.parametrize("split", ["validation", "test"])
def test_in_a_held_out_article_only_what_was_looked_for_there_is_offered(ada, split):
    document = make_document(TEXT, split=split)
    suggest(document, (4, 5, "ORG", 0.99))
    Offer.objects.create(document=document, batch=uuid4(), start=2, end=3, label="ORG")
    act(document, "tag", 0, 1, "ORG", by=ada)
    assert open_in(document) == []
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    assert open_in(document) == soft(7, 11)
    act(document, "take_all_offers", 2, by=ada)
    assert document.gold().blind is True


def test_two_offerings_of_the_same_words_show_one_soft_mark(document, ada):
    act(document, "offer_like", 0, 1, *EXACT, by=ada)
    Offer.objects.create(document=document, batch=uuid4(), start=7, end=8, label="ORG")
    assert open_in(document) == soft(7, 11)


def test_what_an_edit_touches_holds_the_soft_marks_that_come_and_go_with_it(document, ada):
    everywhere = {(0, 1), (7, 8), (11, 12)}
    for verb, given in (
        ("offer_like", (0, 1, *EXACT)),
        ("undo", ()),
        ("redo", ()),
        ("finish", ()),
        ("reopen", ()),
        ("take_all_offers", (2,)),
        ("undo", ()),
    ):
        before = document.gold().revision
        act(document, verb, *given, by=ada)
        assert set(touched_since(document.gold(), before).ranges) - {(0, 0)} >= everywhere - {(0, 1)}, verb
    before = document.gold().revision
    act(document, "tag", 7, 8, "PER", by=ada)
    assert set(touched_since(document.gold(), before).ranges) == {(7, 8)}


def test_taking_many_costs_no_more_queries_than_taking_two(ada):
    costs = []
    for count in (3, 40):
        document = make_document("Reuters says. " * count)
        act(document, "tag", 0, 1, "ORG", by=ada)
        with CaptureQueriesContext(connection) as offering:
            act(document, "offer_like", 0, 1, *EXACT, by=ada)
        with CaptureQueriesContext(connection) as taking:
            act(document, "take_all_offers", count - 1, by=ada)
        costs.append((len(offering), len(taking)))
        assert len(mentions_of(document)) == count
    assert costs[0] == costs[1]
