"""Pages of the web, kept as files."""

import time

import pytest

from annotate.exchange.formats import found, html
from tests.annotate.exchange.conftest import Reader

PAGE = """<!DOCTYPE html>
<html lang="de-AT">
<head>
  <meta charset="utf-8">
  <title>Bürgermeisterin eröffnet Brücke – Der Bote</title>
  <meta property="og:title" content="Bürgermeisterin eröffnet Brücke">
  <meta property="article:published_time" content="2024-03-05T08:00:00+01:00">
  <meta name="author" content="Eva Huber">
  <link rel="canonical" href="https://bote.example/linz/bruecke">
</head>
<body>
  <nav><a href="/">Start</a> <a href="/sport">Sport</a> <a href="/abo">Jetzt abonnieren</a></nav>
  <article>
    <h1>Bürgermeisterin eröffnet Brücke</h1>
    <p>Die neue Brücke über die Donau ist offen. Bürgermeisterin Anna Berger schnitt am Dienstag das Band durch, während
       hunderte Menschen am Ufer zusahen. Der Bau hatte vier Jahre gedauert und kostete 90 Millionen Euro. 😀</p>
    <p>„Linz ist näher zusammengerückt“, sagte Berger. Die Firma Huber &amp; Söhne hatte die Arbeiten im Herbst
       übernommen, nachdem der erste Auftragnehmer in Konkurs gegangen war.</p>
  </article>
  <footer>Impressum · Datenschutz · © Der Bote</footer>
  <script>alert("no")</script>
</body>
</html>
"""


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a", PAGE, "html"),
        ("a.txt", "<html><body>Ada", "html"),
        ("a", '<?xml version="1.0"?>\n<!-- x -->\n<!-- y --><!DOCTYPE HTML PUBLIC "x">', "html"),
        ("a.htm", "<p>Ada", "html"),
        ("a.txt", "<htmlx", "txt"),
        ("a.txt", "Ada <html> left.", "txt"),
    ],
)
def test_a_page_is_known_by_how_it_begins(name: str, head: str, kind: str) -> None:
    assert found(name, head.encode()) == kind


def test_comments_without_end_do_not_hold_up_the_look_at_a_file() -> None:
    started = time.monotonic()
    assert found("a.txt", b"<!--a-->" * 100_000) == "txt"
    assert found("a.txt", b"<!--a" * 100_000) == "txt"
    assert time.monotonic() - started < 2


def test_the_article_of_a_page_comes_in_with_what_the_page_says_of_it(records_of: Reader) -> None:
    (record,) = records_of(PAGE, "page.html")
    assert record.problems == ()
    text = record.text or ""
    assert text.startswith(("Die neue Brücke", "Bürgermeisterin eröffnet Brücke\nDie neue Brücke"))
    assert "Huber & Söhne" in text
    assert "90 Millionen Euro. 😀" in text
    assert not any(word in text for word in ("Impressum", "abonnieren", "alert"))
    assert (record.title, record.date) == ("Bürgermeisterin eröffnet Brücke", "2024-03-05")
    assert (record.source, record.language) == ("https://bote.example/linz/bruecke", "de-AT")
    assert record.metadata == {"author": "Eva Huber"}
    assert record.tags is None


def test_a_page_of_another_encoding_is_read_by_what_it_says(records_of: Reader) -> None:
    page = PAGE.replace("utf-8", "windows-1252").replace("😀", "€")
    (record,) = records_of(page.encode("cp1252"), "page.html")
    assert "Brücke über die Donau" in (record.text or "")
    assert "Euro. €" in (record.text or "")


@pytest.mark.parametrize(
    "page",
    [
        "<html></html>",
        "<!DOCTYPE html>",
        "<html><body><nav><a href='/'>Home</a></nav></body></html>",
        "<html><frameset>",
        "<html><body><form>Sign in <input></form><ul><li><a href='x'>About</a><li><a href='y'>Help</a></ul>",
    ],
)
def test_a_page_without_main_text_is_told(records_of: Reader, page: str) -> None:
    (record,) = records_of(page, "page.html")
    assert [problem.message for problem in record.errors] == [
        "The page has no main text: nothing on it reads as an article."
    ]


def test_a_page_that_is_too_large_is_told(records_of: Reader) -> None:
    (record,) = records_of("<html>" + " " * html.LARGEST, "page.html")
    assert [problem.kind for problem in record.errors] == ["too-long"]


def test_a_page_that_never_closes_its_tags_does_not_hang(records_of: Reader) -> None:
    started = time.monotonic()
    records_of("<html><body>" + "<div><p>Ada " * 20_000, "page.html")
    assert time.monotonic() - started < 20
