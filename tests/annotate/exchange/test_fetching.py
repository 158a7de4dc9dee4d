import json
from ipaddress import ip_network

import pytest
from django.conf import settings as project_settings
from django.test import Client
from django.urls import reverse

from annotate import outbound, uploads
from annotate.exchange import fetching, importing
from annotate.models import Document, Import, Project
from tests.annotate.exchange.handing_in import checked
from tests.make import make_project, make_user
from tests.web import Site, serving

pytestmark = pytest.mark.django_db
BODY = "The mayor of Oslo opened a library on Monday, and more than two hundred people came to see it. " * 4
PAGE = f"""<!doctype html><html lang="en"><head><title>A library opens</title></head><body>
<nav><a href="/">Home</a> <a href="/sport">Sport</a></nav><article><h1>A library opens</h1><p>{BODY}</p>
<p>{BODY}</p></article><footer>Imprint</footer></body></html>"""


@pytest.fixture
def site(settings):
    settings.TAGDESK_FETCH = True
    settings.TAGDESK_INTERNAL = [ip_network("127.0.0.1")]
    with serving() as site:
        site.says("/news/library", PAGE, Content_Type="text/html")
        yield site


@pytest.fixture
def project(client: Client) -> Project:
    user = make_user("ada")
    client.force_login(user)
    return make_project(manager=user)


def asked_for(project: Project, *addresses: str) -> Import:
    return checked(uploads.receive(project, None, [], {}, addresses=addresses))


def imported(row: Import) -> None:
    Import.objects.confirm(row, "skip")
    claimed = Import.objects.claim(row.pk, "confirmed", "importing")
    assert claimed
    importing.run(claimed)


def test_the_article_of_a_page_is_imported_with_its_address(site: Site, project: Project) -> None:
    row = asked_for(project, site.address("/news/library"))
    assert (row.status, row.preview["format"], row.preview["articles"]) == ("checked", "HTML page", 1)
    assert row.files[0][1] == "127.0.0.1/news/library.html"
    imported(row)
    document = Document.objects.get()
    assert document.text.startswith("A library opens\nThe mayor") or document.text.startswith("The mayor of Oslo")
    assert "Imprint" not in document.text
    assert (document.title, document.source) == ("A library opens", site.address("/news/library"))


def test_another_format_is_known_by_what_is_inside(site: Site, project: Project) -> None:
    lines = [{"text": "Ada left.", "spans": [[0, 3, "PER"]], "source": "Reuters"}, {"text": "Bob came."}]
    address = site.says("/export", "\n".join(map(json.dumps, lines)), Content_Type="text/plain")
    row = asked_for(project, address)
    assert (row.preview["format"], row.preview["articles"], row.preview["entities"]) == ("JSON Lines", 2, 1)
    imported(row)
    assert {document.source for document in Document.objects.all()} == {"Reuters", address}


def test_what_cannot_be_fetched_is_told_by_address_and_the_rest_is_read(site: Site, project: Project) -> None:
    gone, inside = site.address("/gone"), "http://127.0.0.2/"
    row = asked_for(project, gone, site.address("/news/library"), inside)
    assert row.preview["articles"] == 1
    assert {problem["file"]: problem["message"] for problem in row.preview["problems"]} == {
        gone: "127.0.0.1 answered 404 Not Found.",
        inside: "127.0.0.2 leads into an internal network, which Tagdesk does not ask.",
    }
    imported(row)
    assert Document.objects.count() == 1


def test_where_nothing_can_be_fetched_the_import_fails_with_each_reason(site: Site, project: Project) -> None:
    first, second = site.address("/a"), site.address("/b")
    row = asked_for(project, first, second)
    why = "127.0.0.1 answered 404 Not Found."
    assert (row.status, row.error) == ("failed", f"{first}: {why} {second}: {why}")


def test_read_once_more_nothing_is_fetched_again(site: Site, project: Project) -> None:
    row = asked_for(project, site.address("/news/library"))
    Import.objects.check_again(row, {"on_error": "skip"})
    again = checked(row)
    assert (again.preview["articles"], len(site.asked)) == (1, 1)


def test_one_that_is_called_off_fetches_no_further_and_keeps_nothing(
    site: Site, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = uploads.receive(project, None, [], {}, addresses=[site.address("/news/library"), site.address("/other")])
    fetch = outbound.fetch

    def stopped_meanwhile(address, target, within):
        found = fetch(address, target, within)
        Import.objects.cancel(row)
        return found

    monkeypatch.setattr(outbound, "fetch", stopped_meanwhile)
    checked(row)
    row.refresh_from_db()
    assert (row.status, len(site.asked)) == ("cancelled", 1)
    assert not any((project_settings.TAGDESK_DATA / stored).exists() for stored, _ in row.files)


def test_there_is_an_end_to_what_is_fetched_at_once(
    site: Site, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST_AT_ONCE", 100)
    row = asked_for(project, site.address("/news/library"), site.says("/other", PAGE))
    assert [problem["file"] for problem in row.preview["problems"]] == [site.address("/other")]
    assert len(site.asked) == 1


def test_there_is_an_end_to_the_time_that_all_addresses_take(
    site: Site, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, given = [0.0], []
    fetch = outbound.fetch

    def slow(address, target, within):
        given.append(within)
        now[0] += 140
        return fetch(address, target, within)

    monkeypatch.setattr(fetching, "monotonic", lambda: now[0])
    monkeypatch.setattr(outbound, "fetch", slow)
    addresses = [site.says(f"/{number}", PAGE, Content_Type="text/html") for number in range(5)]
    row = asked_for(project, *addresses)
    assert (row.status, given) == ("checked", [60, 60, 20])
    why = "It was not asked: those before have taken 5 minutes."
    assert row.options["unfetched"] == dict.fromkeys(addresses[3:], why)


def hand_in(client: Client, project: Project, **data: str) -> str:
    response = client.post(reverse("import_new", args=[project.slug]), data)
    return response.content.decode()


def test_the_page_takes_addresses_one_a_line(client: Client, site: Site, project: Project) -> None:
    first, second = site.address("/a"), site.address("/b")
    hand_in(client, project, addresses=f"{first}\n\n {second} \n{first}")
    row = Import.objects.get()
    assert [name for _, name in row.files] == [first, second]
    assert list(row.options["addresses"].values()) == [first, second]
    assert "format" not in row.options


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"addresses": "https://example.org/\nhttp://10.0.0.1/x"},
            "http://10.0.0.1/x: 10.0.0.1 leads into an internal",
        ),
        ({"addresses": "not an address"}, "not an address: This is no address of the web"),
        ({"addresses": "\n".join(f"https://example.org/{n}" for n in range(101))}, "At most 100 addresses"),
        ({"addresses": "https://example.org/", "pasted": "Ada left."}, "not both at once"),
        ({}, "Choose a file, name a dataset or paste an article."),
    ],
)
def test_what_cannot_be_fetched_is_told_on_the_form(
    client: Client, site: Site, project: Project, data: dict[str, str], words: str
) -> None:
    assert words in hand_in(client, project, **data)
    assert not Import.objects.exists()


def test_it_is_off_unless_the_server_is_told_otherwise(client: Client, project: Project) -> None:
    assert "addresses" not in client.get(reverse("import_new", args=[project.slug])).content.decode()
    assert "Choose a file, name a dataset or paste an article." in hand_in(
        client, project, addresses="https://example.org/"
    )
    assert not Import.objects.exists()
