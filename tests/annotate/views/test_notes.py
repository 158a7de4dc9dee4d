from datetime import UTC, datetime

import pytest
from django.urls import reverse

from annotate.models import Document, Edit, Note
from tests.make import join, make_document, make_project, make_user

pytestmark = pytest.mark.django_db
TEXT = "Ada met 👩‍👩‍👧 Bob in Paris."


@pytest.fixture
def ada(client):
    user = make_user("ada")
    make_project(manager=user)
    client.force_login(user)
    return user


@pytest.fixture
def bob(client, ada):
    return join(make_document(TEXT).project, make_user("bob"), "annotator")


def post(client, name, document, *note, **data):
    """As the page does it, with JavaScript."""
    return client.post(reverse(name, args=[document.pk, *note]), data, headers={"HX-Request": "true"})


def html(response):
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def write(document, text="Is this one?", by=None, **fields):
    return Note.objects.create(document=document, author=by, text=text, **fields)


def test_a_note_on_words_quotes_them_and_a_note_on_the_article_quotes_none(client, ada):
    document = make_document(TEXT)
    answer = html(post(client, "note_new", document, text="Who?\r\n<b>Ada</b>", start=2, end=4, words=0))
    assert 'data-s="2" data-e="4">“👩‍👩‍👧 Bob”' in answer
    assert "Who?<br>&lt;b&gt;Ada&lt;/b&gt;" in answer
    assert "<html" not in answer
    answer = html(post(client, "note_new", document, text="Dull.", start="", end="", words=0))
    assert answer.count("data-s=") == 1
    assert list(Note.objects.values_list("author__username", "start", "end")) == [("ada", 2, 4), ("ada", None, None)]


def test_a_note_meant_for_the_whole_article_forgets_the_words(client, ada):
    document = make_document(TEXT)
    post(client, "note_new", document, text="Dull.", start=2, end=4, words=0, whole="on")
    assert Note.objects.get().start is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"text": "  "}, "Write what you want to say first."),
        ({"text": "x" * 2001}, "at most 2,000 characters; this one has 2,001"),
        ({"text": "Hm", "start": 3, "end": 99}, "outside the article"),
        ({"text": "Hm", "start": 3, "end": 3}, "outside the article"),
        ({"text": "Hm", "start": -1, "end": 2}, "outside the article"),
        ({"text": "Hm", "start": 1}, "outside the article"),
        ({"text": "Hm", "start": "one", "end": 2}, "Enter a whole number"),
        ({"text": "Hm", "start": 1, "end": 2, "words": 7}, "cut anew meanwhile"),
        ({"text": "H\0m"}, "Null characters are not allowed"),
    ],
)
@pytest.mark.parametrize("headers", [{"HX-Request": "true"}, {}])
def test_a_note_that_cannot_be_is_refused_in_words_and_what_was_typed_stays(client, ada, data, says, headers):
    document = make_document(TEXT)
    answer = html(client.post(reverse("note_new", args=[document.pk]), data, headers=headers))
    assert says in answer
    assert data["text"].replace("\0", "").strip()[:20] in answer.partition("<textarea")[2].replace("\0", "")
    assert not Note.objects.exists()


def test_a_flag_whose_note_cannot_be_is_refused_as_a_whole(client, ada):
    document = make_document(TEXT)
    answer = html(post(client, "document_flag", document, text="x" * 2001))
    assert "at most 2,000 characters" in answer
    assert "x" * 2001 in answer
    assert (Note.objects.count(), Document.objects.get().flagged) == (0, False)


def test_a_second_click_adds_no_second_note(client, ada):
    document = make_document(TEXT)
    for _ in range(2):
        post(client, "note_new", document, text="Who?", start=0, end=1)
    assert Note.objects.count() == 1
    post(client, "note_new", document, text="Who?")
    assert Note.objects.count() == 2


def test_a_note_is_settled_once_and_may_be_opened_again(client, ada):
    document = make_document(TEXT)
    note = write(document)
    for user in (ada, join(document.project, make_user("bob"), "annotator")):
        client.force_login(user)
        assert "1 settled" in html(post(client, "note_settle", document, note.pk))
    note.refresh_from_db()
    assert note.settled_by == ada
    for _ in range(2):
        assert "settled" not in html(post(client, "note_reopen", document, note.pk)).replace("Settle", "")
    note.refresh_from_db()
    assert (note.settled_at, note.settled_by) == (None, None)


def test_a_deleted_note_comes_back_as_it_was(client, ada):
    document = make_document(TEXT)
    note = write(document, "Mine", by=make_user("cleo"), start=0, end=1)
    note.settle(ada)
    Note.objects.update(at=datetime(2026, 1, 2, tzinfo=UTC), settled_at=datetime(2026, 1, 3, tzinfo=UTC))
    before = Note.objects.values().get()
    restore = reverse("note_restore", args=[document.pk, note.pk])
    for _ in range(2):
        answer = html(post(client, "note_delete", document, note.pk))
        assert "The note is deleted." in answer
        assert f'hx-post="{restore}"' in answer
        assert not Note.objects.present().exists()
    for _ in range(2):
        assert "The note is back." in html(post(client, "note_restore", document, note.pk))
        assert Note.objects.values().get() == before


def test_only_its_author_or_a_manager_deletes_a_note(client, ada, bob):
    document = Document.objects.get()
    hers, his = write(document, by=ada), write(document, by=bob)
    client.force_login(bob)
    page = html(client.get(reverse("notes", args=[document.pk])))
    assert reverse("note_delete", args=[document.pk, his.pk]) in page
    assert reverse("note_delete", args=[document.pk, hers.pk]) not in page
    assert post(client, "note_delete", document, hers.pk).status_code == 403
    client.force_login(ada)
    assert "The note is deleted." in html(post(client, "note_delete", document, his.pk))
    assert list(Note.objects.present()) == [hers]


@pytest.mark.parametrize("who", ["author", "manager"])
def test_a_deleted_note_is_brought_back_by_its_author_or_a_manager_in_any_session(client, ada, bob, who):
    document = Document.objects.get()
    note = write(document, "Who is this?", by=bob)
    assert "1 deleted" in html(post(client, "note_delete", document, note.pk))
    client.force_login(bob if who == "author" else join(document.project, make_user(), "manager"))
    answer = html(client.get(reverse("notes", args=[document.pk])))
    assert "· deleted by ada," in answer
    assert "Bring back" in answer
    assert "No open note." in answer
    assert "The note is back." in html(post(client, "note_restore", document, note.pk))
    assert list(Note.objects.present()) == [note]


@pytest.mark.parametrize("role", ["annotator", "viewer"])
def test_others_neither_see_a_deleted_note_nor_bring_it_back(client, ada, bob, role):
    document = Document.objects.get()
    note = write(document, "Not nice.", by=bob)
    note.delete_softly(ada)
    client.force_login(join(document.project, make_user(), role))
    answer = html(client.get(reverse("notes", args=[document.pk])))
    assert "Not nice." not in answer
    assert "deleted" not in answer
    assert post(client, "note_restore", document, note.pk).status_code == 403
    assert not Note.objects.present().exists()


def test_a_deleted_note_is_neither_settled_nor_found_by_a_second_click(client, ada):
    document = make_document(TEXT)
    note = write(document, "Who?", by=ada)
    note.delete_softly(ada)
    assert "not there any more" in html(post(client, "note_settle", document, note.pk))
    post(client, "note_new", document, text="Who?")
    assert Note.objects.present().get() != note


@pytest.mark.parametrize("name", ["note_settle", "note_reopen", "note_delete", "note_restore"])
def test_a_note_that_somebody_deleted_meanwhile_is_said_to_be_gone(client, ada, name):
    document, other = make_document(TEXT), make_document(TEXT)
    note = write(document)
    assert "That note is not there any more." in html(post(client, name, other, note.pk))
    assert Note.objects.get().settled_at is None


def test_an_article_is_flagged_with_a_note_and_the_log_says_who(client, ada):
    document = make_document(TEXT)
    answer = html(post(client, "document_flag", document, text="PER or ORG?", start=0, end=1, words=0))
    assert 'id="flag" class="flag" hx-swap-oob="true"><span aria-hidden="true">⚑</span> Flagged' in answer
    assert "PER or ORG?" in answer
    assert "ada" in answer.partition("since")[2]
    post(client, "document_flag", document, text="")
    assert Document.objects.get().flagged
    for _ in range(2):
        assert "</span> Flagged<" not in html(post(client, "document_unflag", document))
    assert not Document.objects.get().flagged
    assert list(Edit.objects.values_list("how", "author__username")) == [("flagged", "ada"), ("unflagged", "ada")]
    assert len(set(Edit.objects.values_list("batch", flat=True))) == 2


def test_what_one_writes_outlives_every_answer_but_the_one_to_it(client, ada):
    document = make_document(TEXT)
    note = write(document)
    assert "hx-preserve" in html(post(client, "note_settle", document, note.pk))
    assert "hx-preserve" in html(post(client, "document_unflag", document))
    assert "hx-preserve" not in html(post(client, "note_new", document, text="Who?"))
    assert "hx-preserve" not in html(post(client, "note_new", document, text=""))
    assert "hx-preserve" not in html(post(client, "document_flag", document, text="Who?"))


def test_without_javascript_every_action_leads_back_to_the_article(client, ada):
    document = make_document(TEXT)
    back = reverse("document", args=[document.pk]) + "#notes"
    note = write(document, by=ada)
    restore = reverse("note_restore", args=[document.pk, note.pk])
    for name in ("note_settle", "note_reopen", "note_delete"):
        assert client.post(reverse(name, args=[document.pk, note.pk])).url == back
    page = client.get(reverse("document", args=[document.pk])).content.decode()
    assert f'action="{restore}"' in page
    for address in (
        restore,
        reverse("document_flag", args=[document.pk]),
        reverse("document_unflag", args=[document.pk]),
    ):
        assert client.post(address).url == back
    assert client.post(reverse("note_new", args=[document.pk]), {"text": "Who?"}).url == back
    assert Note.objects.count() == 2


ACTIONS = ["note_new", "document_flag", "document_unflag", "note_settle", "note_reopen", "note_delete", "note_restore"]


def addressed(name, document, note):
    return reverse(name, args=[document.pk] if name in ACTIONS[:3] else [document.pk, note.pk])


@pytest.mark.parametrize("name", ACTIONS)
def test_reading_is_for_viewers_acting_is_not_and_strangers_find_nothing(client, ada, name):
    document = make_document(TEXT)
    note = write(document, "See here", by=ada)
    address = addressed(name, document, note)
    assert client.get(address).status_code == 405
    client.force_login(join(document.project, make_user(), "viewer"))
    page = html(client.get(reverse("notes", args=[document.pk])))
    assert "See here" in page
    assert 'hx-post="' not in page
    assert client.post(address, {"text": "x"}).status_code == 403
    client.force_login(make_user())
    assert client.post(address, {"text": "x"}).status_code == 404
    assert client.get(reverse("notes", args=[document.pk])).status_code == 404
    client.logout()
    assert reverse("sign_in") in client.post(address).url
    document.refresh_from_db()
    assert (document.flagged, Note.objects.get().settled_at) == (False, None)


def test_the_notes_of_an_article_cost_the_same_however_many(client, ada, bob, django_assert_num_queries):
    document = Document.objects.get()
    address = reverse("notes", args=[document.pk])
    for count in (1, 10):
        for _ in range(count):
            write(document, by=bob, start=0, end=2).settle(ada)
            write(document, by=bob)
        with django_assert_num_queries(5):
            client.get(address)


def test_a_note_on_words_that_are_cut_anew_since_breaks_no_page(client, ada):
    document = make_document(TEXT)
    write(document, start=document.token_count + 5, end=document.token_count + 6)
    assert "Is this one?" in html(client.get(reverse("notes", args=[document.pk])))
