"""Keys that the other tests of the page do not press, and what stands in the way of a wrong one."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import BrowserContext, Dialog, Page, expect

from annotate.models import Document
from tests.browser.conftest import Desk
from tests.browser.test_hands import TEXT, drag, saved
from tests.browser.test_loop import press, word
from tests.make import make_document, make_project, mentions_of, suggest

pytestmark = pytest.mark.slow


@pytest.fixture
def article(transactional_db: None) -> Document:
    return make_document(TEXT, make_project(guideline="What a *name* is."), title="Meetings")


def test_passages_spans_and_what_is_folded_away_have_keys(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    for key, part, is_open in [("h", "keys", True), ("?", "keys", False), ("g", "guidelines", False)]:
        page.keyboard.press(key)
        expect(page.locator(f"details#{part}")).to_have_js_property("open", is_open)
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    press(page, "o")
    expect(page.locator("#text i.out")).to_have_text(["Ada", "Lovelace"])
    press(page, "o")
    expect(page.locator("#text i.out")).to_have_count(0)
    page.keyboard.press("Home")
    press(page, "1")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    press(page, "3")
    saved(page, article, ("PER", "Ada"), ("LOC", "Rome"))
    page.keyboard.press("[")
    expect(page.locator("#text .at")).to_have_text("Ada")
    page.keyboard.press("]")
    expect(page.locator("#text .at")).to_have_text("Rome")
    press(page, "Backspace")
    saved(page, article, ("PER", "Ada"))


def test_a_labels_own_key_goes_before_what_the_letter_does(desk: Desk, article: Document) -> None:
    article.project.labels.filter(name="ORG").update(key="n")
    page = desk.open(article)
    page.keyboard.press("Home")
    press(page, "n")
    saved(page, article, ("ORG", "Ada"))


def test_a_key_that_means_nothing_here_does_nothing(desk: Desk, article: Document) -> None:
    """Not even one that is called like what every object of JavaScript has."""
    page = desk.open(article)
    pressed = """key => {
        const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
        document.querySelector("#text").dispatchEvent(event);
        return event.defaultPrevented;
    }"""
    assert page.evaluate(pressed, "Home") is True
    assert [key for key in ("constructor", "toString", "q") if page.evaluate(pressed, key)] == []


def test_what_one_types_is_text(desk: Desk, article: Document) -> None:
    suggest(article, (0, 1, "PER", 0.9))
    page = desk.open(article)
    page.keyboard.press("]")
    page.keyboard.press("n")
    page.keyboard.type("1 oxaf")
    page.keyboard.press("Backspace")
    page.wait_for_timeout(300)
    expect(page.locator("#note-text")).to_have_value("1 oxa")
    expect(page.locator("#text mark.suggestion")).to_have_count(1)
    article.refresh_from_db()
    assert (article.state, article.flagged, article.left_out) == ("raw", False, [])


def test_a_key_held_down_judges_once(desk: Desk, article: Document) -> None:
    suggest(article, (0, 2, "PER", 0.9), (3, 4, "PER", 0.9), (5, 6, "LOC", 0.9))
    page = desk.open(article)
    page.keyboard.press("]")
    for _ in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")
    page.wait_for_timeout(300)
    saved(page, article, ("PER", "Ada Lovelace"))


def test_the_labels_stay_in_sight_on_a_long_article(desk: Desk, transactional_db: None) -> None:
    page = desk.open(make_document("Ada met Bob.\n" * 400, make_project()))
    page.keyboard.press("End")
    expect(page.locator("#text .at")).to_be_in_viewport()
    expect(page.locator('.chip[data-label="PER"]')).to_be_in_viewport()
    press(page, "1")


def test_no_sign_or_blank_before_a_name_moves_it(desk: Desk, transactional_db: None) -> None:
    text = "👩‍👩‍👧  and\u00a0Zoe\u0301 🇩🇪\r\n\r\nmet  Ada\tKing.\n\nשלום Bob 👍🏽 there\nNew\nYork"
    article = make_document(text, make_project())
    page = desk.open(article)
    page.keyboard.press("1")
    drag(page, "Ada", "King")
    word(page, "Bob").dblclick()
    word(page, "Zoe\u0301").dblclick()
    page.keyboard.press("3")
    drag(page, "New", "York")
    expect(page.locator("#text mark.span")).to_have_count(5)  # one in two paragraphs
    expect(page.locator('[data-status="saved"]')).to_be_visible()
    stored = [("PER", "Zoe\u0301"), ("PER", "Ada\tKing"), ("PER", "Bob"), ("LOC", "New\nYork")]
    assert mentions_of(article) == stored
    article.refresh_from_db()
    assert article.text == text


def test_leaving_with_an_unsaved_edit_asks_first(desk: Desk, rough_page: Page, article: Document) -> None:
    page = Desk(desk.site, rough_page).open(article)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.route("**/edit", lambda route: route.abort())
    page.keyboard.press("1")
    word(page, "Bob").dblclick()
    expect(page.locator('[data-status="unsaved"]')).to_be_visible()
    page.close(run_before_unload=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    page.unroute("**/edit")
    saved(page, article, ("PER", "Bob"))


def test_an_edit_under_way_shows_its_label_and_that_there_is_an_entity(
    desk: Desk, rough_page: Page, article: Document
) -> None:
    page = Desk(desk.site, rough_page).open(article)
    caption = "token => getComputedStyle(token, '::after').content"
    page.route("**/edit", lambda route: route.abort())
    page.keyboard.press("1")
    word(page, "Bob").dblclick()
    expect(page.locator('[data-status="unsaved"]')).to_be_visible()
    assert word(page, "Bob").evaluate(caption) == '"PER"'
    expect(page.locator('[data-verb="finish"]')).to_contain_text("Finish")
    page.unroute("**/edit")
    saved(page, article, ("PER", "Bob"))
    assert word(page, "Bob").evaluate(caption) == "none"


def test_a_note_that_the_server_did_not_take_is_said_to_be_missing(
    desk: Desk, rough_page: Page, article: Document
) -> None:
    page = Desk(desk.site, rough_page).open(article)
    missing = page.get_by_text("Your note is not added yet: the server did not take it.")
    page.route("**/notes/new", lambda route: route.abort())
    page.keyboard.press("n")
    page.keyboard.type("Who is this?")
    page.get_by_role("button", name="Add note").click()
    expect(missing).to_be_visible()
    page.locator(".chip").first.click()
    word(page, "Bob").dblclick()
    expect(page.locator("#text mark.span")).to_have_count(1)
    expect(page.locator('[data-status="saving"]')).to_be_hidden()
    expect(missing).to_be_visible()
    expect(page.locator('[data-status="saved"]')).to_be_hidden()
    page.locator("#note-text").fill("")
    expect(missing).to_be_hidden()
    saved(page, article, ("PER", "Bob"))
    page.locator("#note-text").fill("Who is this?")
    page.get_by_role("button", name="Add note").click()
    expect(missing).to_be_visible()
    page.unroute("**/notes/new")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#notes .said")).to_have_text("Who is this?")
    expect(missing).to_be_hidden()


def sign_in(context: BrowserContext, site: str) -> None:
    """As the sign-in page does it: another session, another token."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.middleware.csrf import _get_new_csrf_string

    client = Client()
    client.force_login(User.objects.get(username="ada"))
    cookies = {
        settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value,
        settings.CSRF_COOKIE_NAME: _get_new_csrf_string(),
    }
    context.add_cookies([{"name": name, "value": value, "url": site} for name, value in cookies.items()])


def test_an_edit_waits_for_the_sign_in_of_somebody_signed_out(desk: Desk, rough_page: Page, article: Document) -> None:
    page = Desk(desk.site, rough_page).open(article)
    Session.objects.all().delete()
    page.keyboard.press("1")
    word(page, "Bob").dblclick()
    expect(page.locator('[data-status="refused"]')).to_be_visible()
    assert mentions_of(article) == []
    sign_in(page.context, desk.site)
    expect(page.locator('[data-status="saved"]')).to_be_visible(timeout=20_000)
    saved(page, article, ("PER", "Bob"))
