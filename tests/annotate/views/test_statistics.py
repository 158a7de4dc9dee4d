import csv
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from django.core.cache import cache
from django.urls import reverse

from annotate import statistics
from annotate.models import Document
from tests.make import join, make_document, make_user, tag_words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept():
    cache.clear()


@pytest.fixture
def tagged(project):
    make_document("Ada met Bob in Paris.", finished=True, PER="Ada Bob", LOC="Paris")
    make_document("Paris beat Lyon.", finished=True, split="validation", ORG="Paris Lyon")
    return project


def text_of(response):
    return " ".join(re.sub("<[^>]+>", " ", response.content.decode()).split())


def page_of(client, project, **query):
    return client.get(reverse("statistics", args=[project.slug]), query)


def test_a_project_without_articles_says_so(client, project):
    page = page_of(client, project)
    assert "There is no article yet" in text_of(page)
    assert b"<img" not in page.content


def test_a_project_without_finished_articles_shows_what_there_is(client, project):
    make_document("Ada left.")
    page = page_of(client, project)
    assert "None of these articles is finished yet." in text_of(page)
    assert b"lengths.svg" in page.content
    assert b"density.svg" not in page.content
    assert b"hx-trigger" not in page.content


def test_finished_articles_without_entities_have_no_mentions_to_be_read(client, project):
    make_document("Nobody left.", finished=True)
    page = page_of(client, project)
    assert "None in 1 finished article." in text_of(page)
    assert b"hx-trigger" not in page.content


def test_the_page_shows_the_figures_that_its_plots_are_drawn_of(client, tagged):
    told = text_of(page_of(client, tagged))
    assert "Training 1 6 1 6 Validation 1 4 1 4 All 2 10 2 10" in told
    assert "PER 2 0 2 ORG 0 2 2 LOC 1 0 1" in told
    assert "Tokens an article: median 5, mean 5, from 4 to 6" in told
    assert "Validation 1 1&nbsp;(100&nbsp;%) 0 0" in told


@pytest.mark.parametrize("which", ["lengths", "density"])
def test_plots_are_pictures_that_know_the_dark(client, tagged, which):
    found = re.search(rf'src="([^"]+{which}\.svg[^"]*)"', page_of(client, tagged).content.decode())
    assert found is not None
    response = client.get(found[1].replace("&amp;", "&"))
    assert response["Content-Type"] == "image/svg+xml"
    assert "sandbox" in response["Content-Security-Policy"]
    assert b"prefers-color-scheme:dark" in response.content.replace(b" ", b"")
    ElementTree.fromstring(response.content)


def test_a_plot_has_another_address_after_each_change(client, tagged):
    def address():
        return re.findall(r'src="([^"]+lengths\.svg[^"]*)"', page_of(client, tagged).content.decode())

    before = address()
    assert address() == before
    make_document("One more.")
    assert address() != before


def test_mentions_lead_to_the_articles_and_to_where_they_stand_untagged(client, tagged):
    make_document("Paris sleeps.")
    page = client.get(reverse("statistics_mentions", args=[tagged.slug]))
    told = text_of(page)
    assert "PER 2 different" in told
    assert "1 mention. Some are right" in told
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', page.content.decode())]
    marking = next(link for link in links if "/mentions?" in link)
    assert parse_qs(urlsplit(marking).query) == {"text": ["Paris"], "label": ["LOC"]}
    assert "<strong>1 mention</strong>" in client.get(marking).content.decode()
    listed = next(link for link in links if "label=ORG" in link and "Paris" in link)
    assert "1 article" in text_of(client.get(listed))


def test_who_may_only_look_is_led_to_no_marking(client, tagged):
    client.force_login(join(tagged, make_user(), "viewer"))
    page = client.get(reverse("statistics_mentions", args=[tagged.slug])).content.decode()
    assert "Paris" in page
    assert "/mentions?" not in page


def test_a_filter_of_the_list_holds_here_too_and_one_that_is_not_understood_is_told(client, tagged):
    told = text_of(page_of(client, tagged, split="validation"))
    assert "Of the articles that are: Validation." in told
    assert "All 1 4 1 4" in told
    assert "There is no filter “splits”" in text_of(page_of(client, tagged, splits="validation"))
    assert "No article is like that." in text_of(page_of(client, tagged, q="nobody"))


def test_the_figures_can_be_downloaded(client, tagged):
    def download(kind, **query):
        return client.get(reverse("statistics_file", args=[tagged.slug, kind]), query)

    assert download("json", split="train").json()["entities"][0] == {
        "label": "PER",
        "split": "train",
        "entities": 2,
        "articles": 1,
    }
    response = download("csv")
    assert response["Content-Disposition"] == 'attachment; filename="news-statistics.csv"'
    rows = csv.DictReader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines())
    assert {"figure": "tokens", "split": "train", "value": "6"}.items() <= next(
        row for row in rows if row["figure"] == "tokens"
    ).items()
    assert download("docx").status_code == 404
    assert download("csv", state="done").status_code == 400


def test_what_a_spreadsheet_would_compute_is_told_as_text(client, project):
    document = make_document("=SUM met Bob.", title="x")
    Document.objects.filter(pk=document.pk).update(tokens=[(0, 4), (5, 8), (9, 12), (12, 13)], token_count=4)
    document.refresh_from_db()
    tag_words(document, True, {"ORG": "=SUM"})
    lines = b"".join(client.get(reverse("statistics_file", args=[project.slug, "csv"])).streaming_content).decode()
    assert ",'=SUM," in lines


def test_while_others_are_read_the_page_asks_again_and_a_file_is_for_later(client, tagged):
    with statistics._reading:
        page = client.get(reverse("statistics_mentions", args=[tagged.slug]), {"split": "train"}).content.decode()
        file = client.get(reverse("statistics_file", args=[tagged.slug, "csv"]))
    assert 'hx-trigger="load delay:5s"' in page
    assert f"{reverse('statistics_mentions', args=[tagged.slug])}?split=train" in page
    assert (file.status_code, file["Retry-After"]) == (503, "5")


def test_mentions_that_are_older_than_the_newest_change_say_so(client, tagged, monkeypatch):
    monkeypatch.setattr(statistics, "FRESH", timedelta(days=1))
    address = reverse("statistics_mentions", args=[tagged.slug])
    assert "something has changed since" not in text_of(client.get(address))
    make_document("Ada left.", finished=True, PER="Ada")
    assert "something has changed since" in text_of(client.get(address))


def test_a_foreign_project_does_not_exist(client, tagged):
    client.force_login(make_user())
    pages = (("statistics",), ("statistics_mentions",), ("statistics_plot", "lengths"), ("statistics_file", "csv"))
    for name, *more in pages:
        assert client.get(reverse(name, args=[tagged.slug, *more])).status_code == 404


def test_the_page_costs_as_many_queries_for_many_articles_as_for_one(client, tagged, django_assert_max_num_queries):
    for number in range(30):
        make_document(f"Ada {number} met Bob.", finished=True, PER="Ada Bob")
    with django_assert_max_num_queries(22):
        page_of(client, tagged)
