"""The article page where things go wrong: the server away, another tab, a hasty hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from annotate.desk import do, open_desk
from annotate.models import Ask
from tests.browser.conftest import Desk, Site
from tests.browser.test_loop import mentions, open_next, press, word
from tests.make import make_document, make_project, mentions_of


def begin(page: Page, site: Site, tmp_path: Path) -> str:
    """A project with suggestions of a file in it, through the import's own pages. Returns the article's address."""
    spans = [(0, 3, "PER"), (8, 11, "PER"), (16, 20, "PER"), (24, 28, "LOC")]
    row = {
        "text": "Ada met Bob and Carl in Rome today.",
        "spans": [{"start": start, "end": end, "label": label, "score": 0.9} for start, end, label in spans],
    }
    file = tmp_path / "articles.jsonl"
    file.write_text(json.dumps(row) + "\n")
    page.goto(site.sign_in)
    page.goto(f"{site.address}/projects/new")
    page.get_by_label("Name").fill("Haste")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Files").set_input_files(file)
    page.get_by_text("Options").click()
    page.get_by_label("Tags in the file are").select_option("suggestions")
    page.locator("#id_split").select_option("train")
    page.get_by_role("button", name="Read and show me").click()
    page.get_by_role("button", name="Import 1 article").click(timeout=60_000)
    open_next(page, 60_000)
    expect(page.locator("#text mark.suggestion")).to_have_count(4)
    return page.url


ENTER_AS_SOON_AS_IT_IS_ANSWERED = """
    document.addEventListener("htmx:afterRequest", () => document.querySelector("#text").dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true })), { once: true })
"""


@pytest.mark.slow
def test_the_desk_under_stress(site: Site, rough_page: Page, tmp_path: Path) -> None:
    page = rough_page
    address = begin(page, site, tmp_path)
    two_quick_verdicts_are_of_two_suggestions(page)
    an_edit_survives_a_server_that_is_away(page)
    a_finish_after_a_refused_edit_is_not_sent(page, address)


def two_quick_verdicts_are_of_two_suggestions(page: Page) -> None:
    page.keyboard.press("]")
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page.locator("#text mark.span")).to_have_count(2)
    assert mentions(page) == [["PER", "Ada"], ["PER", "Bob"]]
    expect(page.locator('[data-status="saved"]')).to_be_visible()


def an_edit_survives_a_server_that_is_away(page: Page) -> None:
    page.keyboard.press("Escape")
    page.route("**/edit", lambda route: route.abort())
    page.keyboard.press("4")
    word(page, "today").dblclick()
    expect(page.locator('[data-status="unsaved"]')).to_be_visible()
    expect(page.locator('[data-status="saved"]')).to_be_hidden()
    page.unroute("**/edit")
    expect(page.locator('[data-status="saved"]')).to_be_visible(timeout=30_000)
    assert ["MISC", "today"] in mentions(page)
    page.reload()
    assert ["MISC", "today"] in mentions(page)


def a_finish_after_a_refused_edit_is_not_sent(page: Page, address: str) -> None:
    other = page.context.new_page()
    other.goto(address)
    other.keyboard.press("2")
    word(other, "met").dblclick()
    expect(other.locator("#text mark.span")).to_have_count(4)

    page.wait_for_timeout(700)  # nobody finishes what was opened just now
    edit = held(page, "**/edit")
    page.keyboard.press("1")
    word(page, "met").dblclick()
    page.keyboard.press("Enter")
    until(page, edit).continue_()
    expect(page.locator('[data-status="unapplied"]')).to_be_visible()
    expect(page.locator(".warned")).to_contain_text("changed in another window")
    assert ["ORG", "met"] in mentions(page)

    other.keyboard.press("3")
    word(other, "and").dblclick()
    expect(other.locator("#text mark.span")).to_have_count(5)
    page.keyboard.press("Escape")
    page.evaluate(ENTER_AS_SOON_AS_IT_IS_ANSWERED)
    word(page, "and").dblclick()
    expect(page.locator('[data-status="unchanged"]')).to_be_visible()
    assert ["LOC", "and"] in mentions(page)
    page.reload()
    expect(page.locator(".state")).to_have_text("In progress")
    page.keyboard.press("Shift+Enter")  # just opened: nobody can have read it
    expect(page.locator(".state")).to_have_text("In progress")
    page.wait_for_timeout(700)
    press(page, "Shift+Enter")
    expect(page.locator(".state")).to_have_text("Finished")


def held(page: Page, pattern: str) -> list[Route]:
    """The first request like this waits until the test lets it go."""
    waiting: list[Route] = []
    page.route(pattern, lambda route: route.continue_() if waiting else waiting.append(route))
    return waiting


def until(page: Page, waiting: list[Route]) -> Route:
    for _ in range(100):
        if waiting:
            return waiting[0]
        page.wait_for_timeout(50)
    raise AssertionError("no such request")


@pytest.mark.slow
def test_only_what_is_acknowledged_is_called_saved(desk: Desk, transactional_db: None) -> None:
    article = make_document("Ada met Bob there.", make_project())
    page = desk.open(article)
    edit = held(page, "**/edit")
    page.keyboard.press("1")
    word(page, "Ada").dblclick()
    until(page, edit)
    expect(page.locator('[data-status="saving"]')).to_be_visible()
    expect(page.locator('[data-status="saved"]')).to_be_hidden()
    assert mentions_of(article) == []
    edit[0].continue_()
    expect(page.locator('[data-status="saved"]')).to_be_visible()
    assert mentions_of(article) == [("PER", "Ada")]


@pytest.mark.slow
def test_an_edit_made_while_the_next_article_comes_is_stored_where_it_was_made(
    desk: Desk, transactional_db: None
) -> None:
    project = make_project()
    first = make_document("Ada met Bob there.", project, title="First")
    second = make_document("Zed saw Yan here.", project, title="Second")
    page = desk.open(first)
    edit, following = held(page, "**/edit"), held(page, "**/next**")
    page.keyboard.press("PageDown")
    until(page, following)
    page.keyboard.press("1")
    word(page, "Ada").dblclick()
    until(page, edit)
    word(page, "Bob").dblclick()
    following[0].continue_()
    page.wait_for_timeout(300)
    edit[0].continue_()
    expect(page.locator("h1")).to_have_text("Second")
    word(page, "Yan").dblclick()
    expect(page.locator("#text mark.span")).to_have_count(1)
    assert mentions_of(first) == [("PER", "Ada"), ("PER", "Bob")]
    assert mentions_of(second) == [("PER", "Yan")]


@pytest.mark.slow
def test_an_edit_made_before_a_split_is_answered_tags_no_other_word(
    live_server: Any, rough_page: Page, transactional_db: None
) -> None:
    article = make_document("AdaBob met Cleo there.", make_project())
    page = Desk(live_server.url, rough_page).open(article)
    edit = held(page, "**/edit")
    page.keyboard.press("Home")
    page.keyboard.press("s")
    page.locator("#split button[data-at='3']").click()
    until(page, edit)
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    word(page, "Cleo").dblclick()
    edit[0].continue_()
    expect(page.locator('[data-status="unchanged"], [data-status="unapplied"]').locator("visible=true")).to_have_count(
        1
    )
    assert mentions_of(article) == []


@pytest.mark.slow
def test_an_edit_behind_somebody_elses_change_is_not_sent_unseen(desk: Desk, transactional_db: None) -> None:
    article = make_document("Ada met Bob there.", make_project())
    page = desk.open(article)
    edit = held(page, "**/edit")
    page.keyboard.press("1")
    word(page, "Ada").dblclick()
    until(page, edit)
    word(page, "Bob").dblclick()
    with open_desk(article.pk, Ask.anew(None)) as other:
        do(other, "tag", 2, 3, "LOC")
    edit[0].continue_()
    expect(page.locator('[data-status="unapplied"]')).to_be_visible()
    assert mentions_of(article) == [("PER", "Ada"), ("LOC", "Bob")]
