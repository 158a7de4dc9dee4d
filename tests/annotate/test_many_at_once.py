"""Several spans in one edit, and all the sure suggestions in one."""

from itertools import pairwise
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate import iob2
from annotate.desk import do, open_desk
from annotate.desk.tagging import _places
from annotate.forms import EditForm
from annotate.models import Ask, Conflict, DocumentLabel, Edit, Refused, Verdict
from tests.make import join, make_document, make_project, make_user, mentions_of, suggest, tags_of

pytestmark = pytest.mark.django_db


def act(document, verb, *args, by=None, base=None, source=None):
    gold = document.gold()
    seen = (gold.revision if gold else 0) if base is None else base
    with open_desk(document.pk, Ask(by, uuid4(), seen, source)) as desk:
        do(desk, verb, *args)
    document.refresh_from_db()


def spans(*given):
    return [iob2.Span(*one) for one in given]


@pytest.fixture
def ada():
    return make_user("ada")


def test_several_spans_are_one_edit_of_one_revision_undone_in_one_step(ada):
    document = make_document("Ada met Bob in Paris.")
    act(document, "tag_all", spans((0, 1, "PER"), (2, 3, "PER"), (4, 5, "LOC")), by=ada)
    assert mentions_of(document) == [("PER", "Ada"), ("PER", "Bob"), ("LOC", "Paris")]
    assert document.gold().revision == 1
    assert len(set(Edit.objects.values_list("batch", flat=True))) == 1
    assert dict(DocumentLabel.objects.values_list("label__name", "count")) == {"PER": 2, "LOC": 1}
    act(document, "undo", by=ada)
    assert mentions_of(document) == []
    act(document, "redo", by=ada)
    assert len(mentions_of(document)) == 3


def test_undoing_many_spans_asks_the_database_as_often_as_undoing_one(ada):
    asked = []
    for count in (1, 300):
        document = make_document("Ada " * count)
        act(document, "tag_all", spans(*((place, place + 1, "PER") for place in range(count))), by=ada)
        with CaptureQueriesContext(connection) as queries:
            act(document, "undo", by=ada)
        assert mentions_of(document) == []
        asked.append([query["sql"] for query in queries if query["sql"].startswith("SELECT")])
    few, many = asked
    assert len(few) == len(many)


@pytest.mark.parametrize(("place", "is_free"), [(0, False), (1, True), (2, False), (3, True), (4, False), (5, True)])
def test_undoing_many_spans_is_refused_where_somebody_changed_the_words_of_one(ada, place, is_free):
    document = make_document("Ada met Bob and Eve there.")
    act(document, "tag_all", spans((0, 1, "PER"), (2, 3, "PER"), (4, 5, "PER")), by=ada)
    act(document, "tag", place, place + 1, "ORG", by=make_user("bob"))
    if is_free:
        act(document, "undo", by=ada)
        assert len(mentions_of(document)) == 1
    else:
        with pytest.raises(Refused, match="bob has changed these words since"):
            act(document, "undo", by=ada)


def test_spans_that_these_touch_give_way_even_where_two_touch_one(ada):
    document = make_document("New York City and Bob and Rome")
    act(document, "tag_all", spans((0, 3, "LOC"), (4, 5, "PER"), (6, 7, "LOC")), by=ada)
    act(document, "tag_all", spans((0, 1, "ORG"), (2, 4, "MISC"), (4, 5, "PER")), by=ada)
    assert tags_of(document) == ["B-ORG", "O", "B-MISC", "I-MISC", "B-PER", "O", "B-LOC"]
    assert Edit.objects.latest("pk").end == 4
    act(document, "undo", by=ada)
    assert mentions_of(document) == [("LOC", "New York City"), ("PER", "Bob"), ("LOC", "Rome")]


def test_suggestions_that_several_spans_touch_are_judged_as_one_by_one(ada):
    document = make_document("Ada met Bob in Paris.")
    source = suggest(document, (0, 1, "PER", 0.9), (2, 3, "ORG", 0.9), (4, 5, "LOC", 0.9))
    act(document, "tag_all", spans((0, 1, "PER"), (2, 3, "PER")), by=ada, source=source.pk)
    assert list(Edit.objects.values_list("how", flat=True)) == ["accepted", "corrected"]
    assert list(Verdict.objects.order_by("start").values_list("kind", flat=True)) == ["accepted", "corrected"]
    act(document, "tag_all", spans((0, 1, "ORG"), (4, 5, "ORG")), by=ada, source=source.pk)
    assert set(Verdict.objects.filter(kind="corrected").values_list("start", flat=True)) == {0, 2, 4}


def test_what_is_tagged_already_changes_nothing(ada):
    document = make_document("Ada met Bob.", PER="Ada Bob")
    count = Edit.objects.count()
    act(document, "tag_all", spans((0, 1, "PER"), (2, 3, "PER")), by=ada)
    assert Edit.objects.count() == count


def test_one_bad_span_stores_none(ada):
    document = make_document("Ada met Bob.")
    with pytest.raises(Refused, match="outside the article"):
        act(document, "tag_all", spans((0, 1, "PER"), (2, 9, "PER")), by=ada)
    with pytest.raises(Refused, match="no label “DRUG”"):
        act(document, "tag_all", spans((0, 1, "PER"), (2, 3, "DRUG")), by=ada)
    assert document.gold() is None


def test_on_an_old_base_only_words_that_are_untouched_are_tagged(ada):
    document = make_document("Ada met Bob in Paris.")
    act(document, "tag", 2, 3, "PER", by=make_user(), base=0)
    with pytest.raises(Conflict):
        act(document, "tag_all", spans((0, 1, "PER"), (2, 3, "ORG")), by=ada, base=0)
    act(document, "tag_all", spans((0, 1, "PER"), (4, 5, "LOC")), by=ada, base=0)
    assert len(mentions_of(document)) == 3


def test_many_spans_cost_no_more_queries_than_two(ada):
    costs = []
    for count in (2, 40):
        document = make_document("Ada met Bob. " * count)
        act(document, "tag_all", spans(*((4 * n, 4 * n + 2, "ORG") for n in range(count))), by=ada)
        with CaptureQueriesContext(connection) as queries:
            act(document, "tag_all", spans(*((4 * n, 4 * n + 1, "PER") for n in range(count))), by=ada)
        costs.append(len(queries))
        assert mentions_of(document) == [("PER", "Ada")] * count
    assert costs[0] == costs[1]


apart = (
    st.lists(st.integers(0, 30), unique=True, max_size=14)
    .map(sorted)
    .map(lambda cuts: [iob2.Span(a, b, "PER") for a, b in zip(cuts[::2], cuts[1::2], strict=False)])
)


@given(old=apart, new=apart)
@settings(max_examples=300)
def test_the_places_of_new_spans_are_apart_and_hold_whole_spans_only(old, new):
    places = list(_places(old, new))
    assert [span for place in places for span in place.new] == new
    assert all(earlier.high <= later.low for earlier, later in pairwise(places))
    for place in places:
        inside = [s for s in old if s.start < place.high and place.low < s.end]
        assert all(place.low <= s.start and s.end <= place.high for s in [*inside, *place.new])
    given_way = [span for place in places for span in place.old]
    assert given_way == [s for s in old if any(s.start < n.end and n.start < s.end for n in new)]


def test_sure_suggestions_are_accepted_together_as_if_one_by_one(ada):
    document = make_document("Ada met Bob in Paris, Texas.")
    source = suggest(document, (0, 1, "PER", 0.95), (2, 3, "PER", 0.9), (4, 5, "LOC", 0.89))
    act(document, "accept_all", 0.9, by=ada, source=source.pk)
    assert mentions_of(document) == [("PER", "Ada"), ("PER", "Bob")]
    assert set(Edit.objects.values_list("how", "probability")) == {("accepted", 0.95), ("accepted", 0.9)}
    assert not Verdict.objects.filter(at_finish=True).exists()
    act(document, "undo", by=ada, source=source.pk)
    assert len(document.open_suggestions([])) == 3


def test_nothing_as_sure_as_that_is_said(ada):
    document = make_document("Ada met Bob")
    source = suggest(document, (0, 1, "PER", 0.5))
    with pytest.raises(Refused, match="No suggestion is at or above 90%"):
        act(document, "accept_all", 0.9, by=ada, source=source.pk)


def test_suggestions_of_a_model_that_the_page_did_not_show_are_not_accepted_together(ada):
    document = make_document("Ada met Bob")
    suggest(document, (0, 1, "PER", 0.95))
    with pytest.raises(Conflict, match="New suggestions"):
        act(document, "accept_all", 0.9, by=ada, source=None)
    assert document.gold() is None


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_held_out_article_has_nothing_to_accept_together(ada, split):
    document = make_document("Ada met Bob", split=split)
    source = suggest(document, (0, 1, "PER", 0.95))
    with pytest.raises(Refused, match="tagged blind"):
        act(document, "accept_all", 0.5, by=ada, source=source.pk)


def form(verb, **fields):
    return EditForm({"client_id": str(uuid4()), "base": 0, "verb": verb, **fields})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "names no words"),
        ("[]", "names no words"),
        ("[[0, 1", "valid JSON"),
        ('{"start": 0}', "not lists of two token numbers and a label"),
        ("7", "not lists"),
        ("[7]", "not lists"),
        ('[[0, 1, "PER", 2]]', "not lists"),
        ('[[0, "1", "PER"]]', "not lists"),
        ('[[0, 1.5, "PER"]]', "not lists"),
        ('[[false, true, "PER"]]', "not lists"),
        ('[[-1, 1, "PER"]]', "not lists"),
        ('[[1, 1, "PER"]]', "not lists"),
        ('[[0, 1, ""]]', "not lists"),
        ('[[0, 1, "A\\u0000B"]]', "not lists"),
        ('[[0, 2, "PER"], [1, 3, "PER"]]', "overlap"),
        ("[" + ", ".join(f'[{n}, {n + 1}, "PER"]' for n in range(1001)) + "]", "At most 1,000"),
        ("[" * 100_000, "cannot be read"),
        ("[[" + "9" * 5000 + "]]", "cannot be read"),
    ],
)
def test_spans_that_cannot_be_tagged_are_refused_in_words(given, reason):
    bound = form("tag_all", spans=given)
    assert not bound.is_valid()
    assert reason in str(bound.errors)


def test_spans_are_cleaned_to_their_order():
    bound = form("tag_all", spans='[[4, 5, "LOC"], [0, 1, "PER"]]')
    assert bound.is_valid()
    assert bound.cleaned_data["spans"] == [(0, 1, "PER"), (4, 5, "LOC")]


@pytest.mark.parametrize("verb", ["accept_all", "take_all_offers", "drop_offers"])
@pytest.mark.parametrize("given", ["", "x", "-1", "nan"])
def test_what_is_judged_together_must_have_been_looked_at(verb, given):
    assert not form(verb, at_least=given, shown=given).is_valid()


@pytest.fixture
def page(client):
    project = make_project(manager=make_user("eve"))
    client.force_login(join(project, make_user("ada"), "annotator"))

    def post(document, verb, **fields):
        gold = document.gold()
        shown = {"client_id": uuid4(), "base": gold.revision if gold else 0, "verb": verb}
        source = document.project.current_source_id or ""
        return client.post(reverse("document_edit", args=[document.pk]), {**shown, "source": source, **fields})

    return post


def test_the_page_tags_offers_takes_and_accepts(page):
    document = make_document("Reuters met Reuters and reuters in Bonn. Bonn it is, in Rome")
    assert page(document, "tag_all", spans='[[0, 1, "ORG"], [6, 7, "LOC"]]').status_code == 200
    page(document, "offer_like", start=0, end=1, fold_case="on")
    page(document, "take_all_offers", shown=2)
    page(document, "offer_like", start=6, end=7)
    page(document, "drop_offers", shown=1)
    suggest(document, (13, 14, "LOC", 0.9))
    page(document, "accept_all", at_least="0.85")
    assert [text for _, text in mentions_of(document)] == ["Reuters", "Reuters", "reuters", "Bonn", "Rome"]


def test_a_viewer_may_do_none_of_it(client):
    project = make_project(manager=make_user("eve"))
    document = make_document("Ada met Ada", project=project)
    client.force_login(join(project, make_user("vic"), "viewer"))
    fields = {"client_id": uuid4(), "base": 0, "verb": "tag_all", "spans": '[[0, 1, "PER"]]'}
    assert client.post(reverse("document_edit", args=[document.pk]), fields).status_code == 403
    assert document.gold() is None
