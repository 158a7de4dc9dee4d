import pytest
from django.urls import reverse

from tests.annotate.views.test_desk import post
from tests.make import join, make_document, make_project, make_user, mentions_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = make_user("ada")
    make_project(manager=user)
    client.force_login(user)
    return user


def places(client, document, index):
    return client.get(reverse("document_token", args=[document.pk, index]))


def test_the_places_of_a_token_are_shown_as_buttons_with_both_halves(client, ada, django_assert_max_num_queries):
    document = make_document("Ada joined <b>x today.")
    index = document.words().index("joined")
    with django_assert_max_num_queries(6):
        page = places(client, document, index).content.decode()
    assert page.count("<button") == 5
    assert f'data-verb="split_token" data-start="{index}" data-at="2"' in page
    assert "<bdi>jo</bdi>" in page
    assert "<bdi>ined</bdi>" in page
    assert "<html" not in page


def test_it_says_why_a_token_cannot_be_split(client, ada):
    assert "it is one character" in places(client, make_document("👨‍👩‍👧‍👦 sang"), 0).content.decode()
    finished = places(client, make_document("Ada sang", finished=True), 0).content.decode()
    assert "Reopen it first" in finished
    assert "<button" not in finished


def test_a_very_long_token_shows_its_first_places(client, ada):
    page = places(client, make_document("a" * 5000), 0).content.decode()
    assert page.count("<button") == 200
    assert "Split it here first" in page


def test_a_token_that_is_not_there_and_a_foreign_article_do_not_exist(client, ada):
    assert places(client, make_document("Ada sang"), 2).status_code == 404
    assert places(client, make_document("Ada sang", make_project("Foreign")), 0).status_code == 404


def test_a_viewer_is_shown_no_places_and_a_post_is_refused(client, ada):
    document = make_document("Ada sang")
    assert client.post(reverse("document_token", args=[document.pk, 0])).status_code == 405
    client.force_login(join(document.project, make_user(), "viewer"))
    assert places(client, document, 0).status_code == 403


def test_a_token_is_split_and_a_passage_left_out_and_taken_in_by_posts(client, ada):
    document = make_document("Ada joined NATOled forces.")
    post(client, document, "split_token", start=2, at=4)
    assert document.words()[2:4] == ["NATO", "led"]
    post(client, document, "leave_out", start=0, end=2)
    assert document.left_out == [(0, 2)]
    page = post(client, document, "tag", start=0, end=1, label="PER").content.decode()
    assert "This passage is left out; take it in first." in page
    post(client, document, "take_in", start=0, end=1)
    post(client, document, "tag", start=0, end=1, label="PER")
    assert mentions_of(document) == [("PER", "Ada")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"verb": "split_token", "start": 0}, "names no words"),
        ({"verb": "split_token", "start": 0, "at": 3}, "cannot be split there"),
        ({"verb": "leave_out", "start": 0}, "names no words"),
        ({"verb": "leave_out", "start": 0, "end": 99}, "outside the article"),
        ({"verb": "take_in", "start": 0, "end": 1}, "Nothing is left out here"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(client, ada, data, says):
    document = make_document("Ada met Bob.")
    assert says in post(client, document, **data).content.decode()
    assert document.gold() is None


def test_a_second_click_changes_nothing(client, ada):
    document = make_document("Ada met Bob.")
    again = {"client_id": "7c1f1e4e-0c5c-4f0e-9f5c-0f3f6b0d2a11", "base": 0}
    for _ in range(2):
        post(client, document, "split_token", start=0, at=1, **again)
    assert document.words()[:3] == ["A", "da", "met"]
