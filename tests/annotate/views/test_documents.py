"""The page of the list."""

import re

import pytest
from django.db import connection
from django.urls import reverse

from annotate import listing
from annotate.models import Document
from tests.make import join, make_document, make_project, make_user, suggest

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(client):
    user = make_user("ada")
    client.force_login(user)
    return make_project(manager=user)


def page_of(client, project, **query):
    response = client.get(reverse("documents", args=[project.slug]), query)
    assert response.status_code == 200
    return response.content.decode()


def titles(page):
    return re.findall(r'<td class="heading">\s*<a [^>]*>([^<]*)</a>', page)


def link(page, rel):
    return re.findall(rf'rel="{rel}" href="(\?[^"]+)"', page)[0].replace("&amp;", "&")


def test_a_row_says_state_split_entities_publication_date_and_flag(client, project):
    document = make_document("Ada met Bob in Rome.", title="Met", PER="Ada Bob", LOC="Rome", split="validation")
    Document.objects.filter(pk=document.pk).update(source="Herald", date="2024-05-03", flagged=True)
    page = page_of(client, project)
    for part in ("◐</span> In progress", ">Validation<", ">PER 2<", ">LOC 1<", ">Herald<", ">2024-05-03<", "⚑"):
        assert part in page
    assert titles(page) == ["Met"]


def test_each_state_has_a_word_and_a_mark_of_its_own(client, project):
    make_document("Raw.")
    suggest(make_document("Suggested.", project), (0, 1, "PER", 0.9))
    make_document("Ada begun.", PER="Ada")
    make_document("Ada done.", PER="Ada", finished=True)
    make_document("Nobody done.", finished=True)
    shown = re.findall(r'class="standing (\w+)"><span aria-hidden="true">(.)</span> ([^<]+)<', page_of(client, project))
    assert [name for name, _, _ in shown] == ["raw", "suggested", "in_progress", "finished", "empty"]
    assert len({mark for _, mark, _ in shown}) == len({word for _, _, word in shown}) == 5


def test_a_row_says_when_its_article_was_last_changed_and_nothing_where_nobody_has_begun(client, project):
    begun = make_document("Ada sang.", title="Begun", PER="Ada")
    make_document("Bob sang.", title="Raw")
    page = page_of(client, project, sort="changed")
    assert titles(page) == ["Begun", "Raw"]
    cells = re.findall(r'<td data-name="Changed">(.*?)</td>', page)
    assert cells == [begun.gold().updated_at.strftime("%Y-%m-%d %H:%M"), ""]


def test_an_article_without_a_title_is_known_by_its_first_words_and_a_hostile_one_is_text(client, project):
    make_document("Ada <b>sang</b>.")
    make_document("x", title="<script>alert(1)</script>")
    page = page_of(client, project)
    assert "Ada &lt;b&gt;sang&lt;/b&gt;." in page
    assert "<script>alert" not in page


def test_filters_come_from_the_address_and_stay_in_the_form_and_the_links(client, project, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 1)
    for number in range(3):
        make_document("Ada sang.", title=f"T{number}", PER="Ada")
    make_document("Bob slept.", title="Other")
    page = page_of(client, project, label="PER", q="ada", sort="-title")
    assert titles(page) == ["T2"]
    assert "3 articles" in page
    following = link(page, "next")
    assert "label=PER" in following
    page = client.get(reverse("documents", args=[project.slug]) + following).content.decode()
    assert titles(page) == ["T1"]
    assert 'value="ada"' in page
    back = link(page, "prev")
    assert titles(client.get(reverse("documents", args=[project.slug]) + back).content.decode()) == ["T2"]


def test_counts_stand_beside_states_splits_and_labels(client, project):
    make_document("Ada sang.", PER="Ada", finished=True)
    make_document("Nothing.", finished=True)
    page = page_of(client, project)
    for part in ("Finished (2)", "Finished, no entities (1)", "To do (0)", "Training (2)", "PER (1)", "ORG (0)"):
        assert part in page


def test_a_free_combination_of_many_is_counted_as_so_many_and_more(client, project, monkeypatch):
    monkeypatch.setattr(listing, "COUNTED", 2)
    monkeypatch.setattr(listing, "PAGE", 1)
    for _ in range(4):
        make_document("Ada sang.")
    assert "2+ articles" in page_of(client, project, q="ada", split="train")
    assert "4 articles" in page_of(client, project, split="train")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"state": "done"}, "State: Select a valid choice"),
        ({"label": "DRUG"}, "Label present: Select a valid choice"),
        ({"since": "yesterday"}, "Dated from: Enter a valid date"),
        ({"unsure": "200"}, "less than or equal to 100"),
        ({"sort": "random"}, "Order: Select a valid choice"),
        ({"stat": "finished"}, "There is no filter “stat”"),
        (
            {"since": "2024-05-02", "until": "2024-05-01"},
            "to: This day is before the first one. This filter was left out.",
        ),
        ({"q": "a" * 5_000}, "Words in title or text: Ensure this value has at most 200 characters (it has 5000)."),
        ({"q": "a\x00"}, "Null characters are not allowed."),
        ({"at": "nonsense"}, "The address leads to no page of this list, so this is its beginning."),
    ],
)
def test_a_filter_that_nobody_knows_is_named_and_left_out(client, project, query, says):
    make_document(title="Here")
    Document.objects.update(date="2024-05-03")
    page = page_of(client, project, **query)
    assert says in page
    assert titles(page) == ["Here"]


def test_what_is_understood_of_an_address_is_still_filtered_by(client, project):
    make_document(title="Begun", PER="Ada")
    make_document(title="Raw")
    page = page_of(client, project, state="in_progress", split="nowhere")
    assert "Split: Select a valid choice" in page
    assert titles(page) == ["Begun"]


def test_dates_are_whole_days_and_publications_whole_names(client, project):
    for day in ("2024-05-01", "2024-05-31T23:10", "2024-06-01", "May 2024", ""):
        Document.objects.filter(pk=make_document(title=day or "None").pk).update(date=day, source="BBC News")
    assert titles(page_of(client, project, since="2024-05-01", until="2024-05-31")) == [
        "2024-05-01",
        "2024-05-31T23:10",
    ]
    assert len(titles(page_of(client, project, since="2024-05-01"))) == 3
    assert len(titles(page_of(client, project, source="BBC News"))) == 5
    assert titles(page_of(client, project, source="BBC")) == []
    assert '<option value="BBC News">' in page_of(client, project)


def test_what_is_empty_says_why(client, project):
    assert "There is no article yet." in page_of(client, project)
    make_document()
    assert "No article is like that." in page_of(client, project, state="finished")
    assert "whole words" in page_of(client, project, q="nowhere")
    assert "in “$ …” there is none that it could look for" in page_of(client, project, q="$ …")
    assert "The current model has read no article yet." in page_of(client, project, sort="unsure")


def test_htmx_is_answered_with_what_was_found_alone(client, project):
    make_document(title="Here")
    address = reverse("documents", args=[project.slug])
    response = client.get(address, headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b'id="found"' in response.content
    assert "HX-Request" in response["Vary"]
    restored = client.get(address, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert b"<html" in restored.content


def test_fifty_articles_take_as_many_queries_as_one(client, project, django_assert_num_queries):
    def article():
        suggest(make_document("Ada met Bob.", project), (0, 1, "PER", 0.9))
        make_document("Ada met Bob.", project, PER="Ada", ORG="Bob", finished=True)

    article()
    queries = 13 if connection.vendor == "sqlite" else 16  # PostgreSQL counts each facet when it is asked
    with django_assert_num_queries(queries):
        page_of(client, project)
    for _ in range(24):
        article()
    with django_assert_num_queries(queries):
        assert len(titles(page_of(client, project))) == 50


def test_the_list_is_for_members_and_read_only(client, project):
    make_document(title="Here")
    assert client.post(reverse("documents", args=[project.slug])).status_code == 405
    client.force_login(join(project, make_user(), "viewer"))
    assert titles(page_of(client, project)) == ["Here"]
    client.force_login(make_user())
    assert client.get(reverse("documents", args=[project.slug])).status_code == 404
    client.logout()
    assert client.get(reverse("documents", args=[project.slug])).status_code == 302
