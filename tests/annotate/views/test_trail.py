"""Reading along a list: from its page to an article, and from article to article in its order."""

import json
import re
from base64 import urlsafe_b64encode
from html import unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse

from annotate import listing, trail
from annotate.chosen import Cursor
from annotate.models import Edit, State
from tests.make import join, make_document, make_project, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def project(client):
    user = make_user("ada")
    client.force_login(user)
    return make_project(manager=user)


def opened(client, project, title, **query):
    """The page of the article that the list leads to."""
    page = client.get(reverse("documents", args=[project.slug]), query).content.decode()
    address = unescape(re.findall(rf'<a href="([^"]+)">{title}</a>', page)[0])
    return client.get(address).content.decode()


def link(page, mark):
    return unescape(re.findall(rf'<a [^>]*{mark} href="([^"]+)"', page)[0])


def go(client, page, mark):
    return client.get(link(page, mark), follow=True).content.decode()


def heading(page):
    return re.findall(r"<h1>([^<]*)</h1>", page)[0]


def standing(page):
    return " ".join(re.sub(r"<[^>]+>", " ", re.findall(r'<p class="soft trail">(.*?)</p>', page, re.DOTALL)[0]).split())


def finish(client, page, document, **more):
    """As the page's own form would."""
    hidden = {name: unescape(re.findall(rf'name="{name}" value="([^"]*)"', page)[0]) for name in ("list", "place")}
    gold = document.gold()
    edit = {"client_id": uuid4(), "base": gold.revision if gold else 0, "source": "", "verb": "finish", "go_on": "on"}
    return client.post(reverse("document_edit", args=[document.pk]), {**edit, **hidden, **more}, headers=HTMX)


@pytest.fixture
def herald(project):
    """Three articles of one paper, against the order of their titles, and others between them."""
    for title in ("C", "x", "B", "y", "A"):
        make_document(title=title)
    project.documents.filter(title__in="ABC").update(source="Herald")
    return {document.title: document for document in project.documents.all()}


def test_next_and_previous_go_along_the_list_in_its_order(client, project, herald):
    page = opened(client, project, "A", source="Herald", sort="title")
    assert standing(page).startswith("In list: Herald · title, A to Z 1 of 3 ")
    page = go(client, page, "data-skip")
    assert heading(page) == "B"
    assert standing(page).startswith("In list: Herald · title, A to Z 2 of 3 ")
    assert heading(go(client, page, "data-skip")) == "C"
    assert heading(go(client, page, "data-previous")) == "A"


def test_both_ends_of_the_list_lead_to_the_list_and_say_so(client, project, herald):
    page = go(client, opened(client, project, "A", source="Herald"), "data-skip")
    assert "That was the last article of this list." in page
    assert heading(page) == "Articles"
    assert 'value="Herald"' in page
    page = go(client, opened(client, project, "C", source="Herald"), "data-previous")
    assert "That was the first article of this list." in page


def test_finishing_goes_on_in_the_list_even_if_the_article_leaves_it(client, project, herald):
    page = opened(client, project, "C", state="raw", source="Herald")
    response = finish(client, page, herald["C"])
    assert heading(response.content.decode()) == "B"
    assert "“C” is finished" in response.content.decode()
    back_to = re.findall(r'is finished\. <a href="([^"]+)"', response.content.decode())[0]
    assert standing(client.get(unescape(back_to)).content.decode()).startswith("In list: To do · Herald 1 of 3 ")
    pushed = response.headers["HX-Push-Url"]
    assert standing(client.get(pushed).content.decode()).startswith("In list: To do · Herald 1 of 2 ")
    herald["C"].refresh_from_db()
    assert herald["C"].state == State.FINISHED


def test_finishing_the_last_one_leads_to_the_list(client, project, herald):
    page = opened(client, project, "A", state="raw", source="Herald")
    response = finish(client, page, herald["A"])
    assert response.headers["HX-Redirect"] == f"{reverse('documents', args=[project.slug])}?state=raw&source=Herald"


def test_who_works_through_the_recently_changed_meets_each_once(client, project):
    for title in "CBA":
        make_document("Ada sang.", title=title, PER="Ada")
    documents = {document.title: document for document in project.documents.all()}
    page = opened(client, project, "A", sort="changed")
    assert finish(client, page, documents["A"]).content.decode().count("<h1>B</h1>") == 1
    page = opened(client, project, "B", sort="changed")
    response = finish(client, page, documents["B"])  # which makes it the first of the list
    assert heading(response.content.decode()) == "C"


def test_an_edit_keeps_to_the_list_without_asking_for_it(client, project, herald, django_assert_max_num_queries):
    page = opened(client, project, "C", source="Herald")
    tag = {"verb": "tag", "start": 0, "end": 1, "label": "PER", "go_on": ""}
    finish(client, page, herald["C"], **tag)
    without = {"list": "", "place": ""}
    with django_assert_max_num_queries(100) as asked:
        finish(client, page, herald["C"], **{**tag, "start": 2, "end": 3, **without, "base": 1})
    with django_assert_max_num_queries(len(asked)):
        response = finish(client, page, herald["C"], **{**tag, "start": 4, "end": 5, "base": 2})
    assert "source=Herald" in link(response.content.decode(), "data-skip")


def test_the_list_is_one_click_away_at_its_place_and_can_be_left(client, project, herald, monkeypatch):
    page = go(client, opened(client, project, "C", source="Herald"), "data-skip")
    back, leave = (unescape(address) for address in re.findall(r'<a href="([^"]+)">(?:Back to|Leave) the list', page))
    found = client.get(back).content.decode()
    assert re.findall(r'<td class="heading">\s*<a [^>]*>([^<]*)</a>', found) == ["B", "A"]
    assert leave == reverse("document", args=[herald["B"].pk])
    page = client.get(leave).content.decode()
    assert "In list:" not in page
    assert link(page, "data-skip") == f"{reverse('document_next', args=[project.slug])}?after={herald['B'].pk}"


def test_from_the_list_of_all_articles_the_queue_decides_as_ever(client, project, herald):
    page = opened(client, project, "B")
    assert "In list:" not in page
    assert "data-previous" not in page


def place_of(page):
    return re.findall(r'name="place" value="([^"]+)"', page)[0]


LOST = "This list is not understood any more: "


def test_a_list_that_is_not_understood_any_more_is_said_and_led_back_to(client, project, herald):
    place = place_of(opened(client, project, "B", source="Herald"))
    for query, why in (
        ({"source": "Herald", "place": "x"}, "The address leads to no article in it."),
        (
            {"source": "Herald", "place": str(Cursor("arrival", backward=True))},
            "The address leads to no article in it.",
        ),
        ({"label": "GONE", "place": place}, "Label present: Select a valid choice. GONE is not one of"),
        ({"wire": "dpa", "place": place}, "There is no filter “wire”"),
    ):
        page = client.get(reverse("document", args=[herald["B"].pk]), query).content.decode()
        assert standing(page).startswith(LOST + why)
        found = client.get(link(page, "data-skip"), follow=True)
        assert found.redirect_chain[0][0].startswith(reverse("documents", args=[project.slug]))
        assert LOST + why in found.content.decode()


def test_finishing_along_a_list_whose_label_was_renamed_meanwhile_leads_to_the_list_and_says_so(client, project):
    for title in "AB":
        make_document("Ada sang.", title=title, PER="Ada")
    page = opened(client, project, "A", label="PER")
    project.labels.filter(name="PER").update(name="PERSON")
    document = project.documents.get(title="A")
    response = finish(client, page, document)
    assert response.headers["HX-Redirect"] == f"{reverse('documents', args=[project.slug])}?label=PER"
    assert LOST in client.get(response.headers["HX-Redirect"]).content.decode()
    document.refresh_from_db()
    assert document.state == State.FINISHED


def test_a_list_cannot_be_said_so_that_it_breaks_the_answer(client, project, herald):
    page = opened(client, project, "C", source="Herald")
    response = finish(client, page, herald["C"], list="label=GONE\r\nX: y")
    assert response.headers["HX-Redirect"].endswith("?label=GONE%0D%0AX%3A+y")


def test_the_place_of_another_article_is_none(client, project, herald):
    place = place_of(opened(client, project, "C", source="Herald"))
    page = client.get(reverse("document", args=[herald["x"].pk]), {"source": "Herald", "place": place}).content.decode()
    assert "In list:" not in page
    assert link(page, "data-skip") == f"{reverse('document_next', args=[project.slug])}?after={herald['x'].pk}"
    following = reverse("document_next", args=[project.slug])
    left = {"source": "Herald", "place": place, "after": herald["C"].pk}
    assert client.get(following, left).url.startswith(reverse("document", args=[herald["B"].pk]) + "?source=Herald&")
    assert client.get(following, {**left, "after": herald["B"].pk}).url == reverse("document", args=[herald["y"].pk])


def test_reading_along_a_list_writes_nothing_and_a_viewer_may(client, project, herald):
    client.force_login(join(project, make_user(), "viewer"))
    page = go(client, opened(client, project, "C", source="Herald"), "data-skip")
    assert heading(page) == "B"
    assert heading(go(client, page, "data-previous")) == "C"
    assert not Edit.objects.exists()


def test_what_is_many_is_counted_as_far_as_the_list_counts(client, project, herald, monkeypatch):
    for module in (listing, trail):
        monkeypatch.setattr(module, "COUNTED", 1)
    page = opened(client, project, "C", source="Herald")
    assert " 1 of 1+ " in standing(page)
    page = go(client, page, "data-skip")
    assert " 2 of 3 " in standing(page)
    assert " behind the first 1 " in standing(go(client, page, "data-skip"))


def test_every_filter_is_said_in_words(client, project):
    make_document("Ada sang.", title="All", PER="Ada", finished=True)
    project.documents.update(source="Herald", date="2024-05-03", flagged=True)
    filters = {
        "state": "finished",
        "split": "train",
        "label": "PER",
        "q": "ada",
        "source": "Herald",
        "since": "2024-05-01",
        "until": "2024-05-31",
        "flagged": "on",
        "sort": "-title",
    }
    said = standing(opened(client, project, "All", **filters))
    assert "Finished · Training · PER · “ada” · Herald · from 2024-05-01 · to 2024-05-31 · flagged · title, Z" in said


NO_PLACES = {
    "a key that no column holds": ["length", False, 10**30, 1],
    "a number that is none": ["unsure", False, float("nan"), 1],
    "an answer for a number": ["length", False, True, 1],
    "half a character": ["title", False, "\ud800", 1],
    "brackets without end": "[" * 5_000,
}


@pytest.mark.parametrize("given", NO_PLACES.values(), ids=NO_PLACES)
def test_an_address_with_a_place_that_no_list_gave_is_answered_in_words(client, project, herald, given):
    said = given if isinstance(given, str) else json.dumps(given)
    place, sort = urlsafe_b64encode(said.encode()).decode(), given[0] if isinstance(given, list) else "arrival"
    found = client.get(reverse("documents", args=[project.slug]), {"sort": sort, "at": place})
    assert "The address leads to no page of this list" in found.content.decode()
    assert client.get(reverse("document", args=[herald["C"].pk]), {"sort": sort, "place": place}).status_code == 200


@pytest.mark.parametrize("key", ["9" * 5_000, str(2**63), "²"])
def test_no_article_has_a_key_that_is_none(client, project, herald, key):
    following = client.get(reverse("document_next", args=[project.slug]), {"after": key})
    assert following.url == reverse("document", args=[herald["C"].pk])
    article = reverse("document", args=[1]).replace("1", key)
    assert client.get(article).status_code == 404
    assert client.post(f"{article}edit", {"verb": "tag"}).status_code == 404


def test_a_step_along_the_list_reads_the_list_once_and_counts_nothing_for_its_form(
    client, project, herald, django_assert_max_num_queries
):
    page = opened(client, project, "C", source="Herald", state="raw")
    with django_assert_max_num_queries(14 if connection.vendor == "sqlite" else 13) as asked:
        assert "<h1>B</h1>" in client.get(link(page, "data-skip"), headers=HTMX).content.decode()
    said = [query["sql"] for query in asked.captured_queries]
    assert sum("annotate_tally" in sql for sql in said) == (connection.vendor == "sqlite")  # to begin at the fewest
    assert not any("GROUP BY" in sql for sql in said)


def test_deleting_goes_on_along_the_list_and_can_be_undone_there(client, project, herald):
    page = opened(client, project, "B", source="Herald")
    for here, there in (("B", "<h1>A</h1>"), ("A", "That was the last article of this list.")):
        form = re.findall(r'<form method="post" action="[^"]*/delete">(.*?)</form>', page, re.DOTALL)[0]
        fields = {name: unescape(value) for name, value in re.findall(r'name="(list|place)" value="([^"]*)"', form)}
        answer = client.post(reverse("document_delete", args=[herald[here].pk]), fields, follow=True)
        page = answer.content.decode()
        assert there in page
        assert "source=Herald" in answer.redirect_chain[0][0]
        assert reverse("document_restore", args=[herald[here].pk]) in page
