import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate.models import Annotation, Conflict, Edit, Note, Offer, Prediction, Refused, Verdict
from tests.annotate.test_desk import act, counts
from tests.make import make_document, make_user, mentions_of, suggest, tags_of

pytestmark = pytest.mark.django_db
TEXT = "Ada joined NATOled forces in Rome."  # Ada joined NATOled forces in Rome .


@pytest.fixture
def ada():
    return make_user("ada")


def state_of(document):
    """Everything that counts in tokens."""
    document.refresh_from_db()
    rows = ("start", "end")
    return {
        "tokens": document.tokens,
        "starts": document.sentence_starts,
        "left_out": document.left_out,
        "tags": [(a.kind, a.tags) for a in document.annotations.order_by("pk")],
        "predictions": list(document.predictions.order_by("pk").values_list("spans", flat=True)),
        "valid": list(document.predictions.filter(tokens_revision=document.tokens_revision).values_list("pk")),
        "verdicts": list(document.verdicts.order_by("pk").values_list(*rows, "active")),
        "offers": list(document.offers.order_by("pk").values_list(*rows)),
        "notes": list(document.notes.order_by("pk").values_list(*rows)),
        "counts": counts(document),
    }


def furnished(ada, text=TEXT):
    """An article with something of every kind before, on and after its third token."""
    document = make_document(text)
    source = suggest(document, (0, 1, "PER", 0.9), (2, 4, "ORG", 0.7), (5, 6, "LOC", 0.9))
    act(document, "accept", 0, 1, "PER", by=ada, source=source.pk)
    act(document, "reject", 5, 6, "LOC", by=ada, source=source.pk)
    act(document, "tag", 2, 4, "ORG", by=ada)
    act(document, "leave_out", 6, 7, by=ada)
    Annotation.objects.create(
        document=document, kind="personal", author=ada, tags=["O"] * 2 + ["B-ORG"] + ["O"] * 4, token_count=7
    )
    for start, end in ((0, 1), (2, 3), (4, 6)):
        Offer.objects.create(document=document, batch=source_batch(document), start=start, end=end, label="PER")
        Note.objects.create(document=document, text="Sure?", start=start, end=end)
    Note.objects.create(document=document, text="On the whole")
    return document


def source_batch(document):
    return document.verdicts.first().batch


def test_a_split_mends_everything_that_counts_in_tokens(ada):
    document = furnished(ada)
    act(document, "split_token", 2, 4, by=ada)
    now = state_of(document)
    assert document.words() == ["Ada", "joined", "NATO", "led", "forces", "in", "Rome", "."]
    assert (document.token_count, document.tokens_revision) == (8, 1)
    assert now["left_out"] == [(7, 8)]
    assert now["tags"] == [
        ("gold", ["B-PER", "O", "B-ORG", "I-ORG", "I-ORG", "O", "O", "O"]),
        ("personal", ["O", "O", "B-ORG", "I-ORG", "O", "O", "O", "O"]),
    ]
    assert now["predictions"] == [[[0, 1, "PER", 0.9], [2, 5, "ORG", 0.7], [6, 7, "LOC", 0.9]]]
    assert len(now["valid"]) == 1
    assert now["verdicts"] == [(0, 1, True), (6, 7, True)]
    assert now["offers"] == [(0, 1), (2, 4), (5, 7)]
    assert now["notes"] == [(0, 1), (2, 4), (5, 7), (None, None)]
    edit = Edit.objects.latest("pk")
    assert (edit.how, edit.before, edit.after) == ("split", ["B-ORG", "I-ORG"], ["B-ORG", "I-ORG", "I-ORG"])
    assert document.text[edit.char_start : edit.char_end] == "led"


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    word=st.sampled_from(["NATOled", "👨‍👩‍👧‍👦é👍🏽", "שָׁלוֹם", "e\u0301a\u0308o", "中文字", "🇩🇪🇫🇷"]),
    token=st.integers(0, 6),
    place=st.integers(0, 20),
)
def test_undo_after_a_split_leaves_everything_as_it_was(ada, word, token, place):
    from annotate.models import Document
    from annotate.tokens import places_to_split

    words = ["Ada", "joined", word, "forces", "in", "Rome", "xy"]
    text = " ".join(words)
    document = make_document(text)
    starts = [sum(len(w) + 1 for w in words[:i]) for i in range(7)]
    offsets = [(start, start + len(word)) for start, word in zip(starts, words, strict=True)]
    Document.objects.filter(pk=document.pk).update(tokens=offsets, token_count=7, sentence_starts=[0, 3, 5])
    document = refurnished(Document.objects.get(pk=document.pk), ada)
    before, texts = state_of(document), mentions_of(document)
    places = places_to_split(words[token])
    act(document, "split_token", token, places[place % len(places)], by=ada)
    document.full_clean(exclude=["signature"])
    assert (document.token_count, mentions_of(document)) == (8, texts)
    act(document, "undo", by=ada)
    assert state_of(document) == before
    act(document, "redo", by=ada)
    assert document.token_count == 8
    act(document, "undo", by=ada)
    assert state_of(document) == before


def refurnished(document, ada):
    source = suggest(document, (0, 1, "PER", 0.9), (2, 4, "ORG", 0.7), (5, 6, "LOC", 0.9))
    act(document, "accept", 0, 1, "PER", by=ada, source=source.pk)
    act(document, "reject", 5, 6, "LOC", by=ada, source=source.pk)
    act(document, "tag", 2, 4, "ORG", by=ada)
    act(document, "leave_out", 6, 7, by=ada)
    return document


def test_neighbours_of_one_batch_and_label_make_way_for_each_other(ada):
    document = make_document("Ada Bob Eve Kim")
    source = suggest(document, *[(i, i + 1, "PER", 0.9) for i in range(4)])
    act(document, "finish", by=ada, source=source.pk)
    act(document, "reopen", by=ada)
    act(document, "split_token", 0, 1, by=ada)
    assert sorted(Verdict.objects.values_list("start", "end")) == [(0, 2), (2, 3), (3, 4), (4, 5)]
    act(document, "undo", by=ada)
    assert sorted(Verdict.objects.values_list("start", "end")) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_half_can_be_tagged_and_then_the_split_is_undone_only_after_that(ada):
    document = make_document(TEXT)
    act(document, "split_token", 2, 4, by=ada)
    act(document, "tag", 2, 3, "ORG", by=ada)
    assert mentions_of(document) == [("ORG", "NATO")]
    act(document, "undo", by=ada)
    act(document, "undo", by=ada)
    assert document.words()[2] == "NATOled"
    act(document, "redo", by=ada)
    act(document, "redo", by=ada)
    assert mentions_of(document) == [("ORG", "NATO")]


@pytest.mark.parametrize(("verb", "args"), [("tag", (2, 3, "ORG")), ("tag", (3, 4, "ORG")), ("split_token", (2, 2))])
def test_undo_of_a_split_is_refused_where_somebody_touched_a_half_since(ada, verb, args):
    document = make_document(TEXT)
    act(document, "split_token", 2, 4, by=ada)
    act(document, verb, *args, by=make_user("bob"))
    with pytest.raises(Refused, match="bob has changed these words"):
        act(document, "undo", by=ada)


def test_undo_of_a_split_is_refused_where_a_note_tells_the_halves_apart(ada):
    document = make_document(TEXT)
    act(document, "split_token", 2, 4, by=ada)
    Note.objects.create(document=document, text="Sure?", start=3, end=4)
    with pytest.raises(Refused, match="said of one half"):
        act(document, "undo", by=ada)
    assert document.token_count == 8


def test_what_a_model_said_of_the_halves_is_left_behind_when_they_are_joined(ada):
    document = make_document(TEXT)
    act(document, "split_token", 2, 4, by=ada)
    source = suggest(document, (2, 3, "ORG", 0.9))
    Prediction.objects.update(tokens_revision=1)
    assert [s.end for s in document.open_suggestions([])] == [3]
    act(document, "undo", by=ada)
    assert document.open_suggestions([]) == []
    assert source.predictions.get().spans == [[2, 3, "ORG", 0.9]]


def test_changes_made_before_somebody_elses_split_are_undone_where_their_words_now_are(ada):
    document = make_document(TEXT)
    act(document, "tag", 5, 6, "LOC", by=ada)
    act(document, "tag", 2, 3, "ORG", by=ada)
    act(document, "split_token", 0, 1, by=make_user("bob"))
    act(document, "undo", by=ada)
    assert mentions_of(document) == [("LOC", "Rome")]
    act(document, "undo", by=ada)
    assert tags_of(document) == ["O"] * 8


def test_a_change_whose_own_token_was_split_since_is_not_undone(ada):
    document = make_document(TEXT)
    act(document, "tag", 2, 3, "ORG", by=ada)
    act(document, "split_token", 2, 4, by=make_user("bob"))
    with pytest.raises(Refused, match="split or joined since"):
        act(document, "undo", by=ada)
    assert mentions_of(document) == [("ORG", "NATOled")]


def test_a_page_with_the_tokens_as_they_were_is_told_whatever_it_touches(ada):
    document = make_document(TEXT)
    act(document, "split_token", 2, 4, by=ada)
    with pytest.raises(Conflict, match="split or joined since"):
        act(document, "tag", 5, 6, "LOC", by=make_user(), base=0)
    assert mentions_of(document) == []


@pytest.mark.parametrize(("start", "at"), [(2, 7), (2, 99), (6, 1), (7, 1)])
def test_a_split_that_leaves_no_two_tokens_is_refused(ada, start, at):
    document = make_document(TEXT)
    with pytest.raises(Refused, match=r"cannot be split there|outside the article"):
        act(document, "split_token", start, at, by=ada)
    assert (document.token_count, document.gold()) == (7, None)


def test_the_tokens_of_a_finished_article_change_only_after_it_is_reopened(ada):
    document = make_document(TEXT, finished=True)
    with pytest.raises(Refused, match="Reopen it first"):
        act(document, "split_token", 2, 4, by=ada)
    act(document, "reopen", by=ada)
    act(document, "split_token", 2, 4, by=ada)
    act(document, "finish", by=make_user())
    with pytest.raises(Refused, match="Reopen it first"):
        act(document, "undo", by=ada)
