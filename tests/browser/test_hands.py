"""Each hand of the article page, by mouse and by key, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from annotate.models import Document
from tests.browser.conftest import Desk
from tests.browser.test_desk import held, until
from tests.browser.test_loop import mentions, press, word
from tests.config.watching import eventually
from tests.make import make_document, make_project, mentions_of, suggest

pytestmark = pytest.mark.slow
TEXT = "Ada Lovelace met Bob in Paris. They left.\nLater Reuters wrote of Carl and Dora in Rome."


@pytest.fixture
def article(transactional_db: None) -> Document:
    return make_document(TEXT, make_project(), title="Meetings")


def saved(page: Page, document: Document, *expected: tuple[str, str]) -> None:
    """What the page shows is what is stored, and it says so."""
    eventually(lambda: [tuple(mention) for mention in mentions(page)] == list(expected), patience=10)
    assert [tuple(mention) for mention in mentions(page)] == list(expected)
    expect(page.locator('[data-status="saved"]')).to_be_visible()
    expect(page.locator("#text .doing, #text .pending")).to_have_count(0)
    document.refresh_from_db()
    assert mentions_of(document) == list(expected)


def drag(page: Page, start: str, end: str, at: float = 0.5) -> None:
    begin_drag(page, start, end, at)
    page.mouse.up()


def begin_drag(page: Page, start: str, end: str, at: float = 0.5) -> None:
    first, last = word(page, start).bounding_box(), word(page, end).bounding_box()
    assert first
    assert last
    page.mouse.move(first["x"] + first["width"] * at, first["y"] + first["height"] / 2)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] * at, last["y"] + last["height"] / 2, steps=5)


def test_a_drag_snaps_to_whole_words_from_either_end_and_across_lines(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    page.keyboard.press("1")
    drag(page, "Ada", "Lovelace")
    saved(page, article, ("PER", "Ada Lovelace"))
    page.keyboard.press("2")
    begin_drag(page, "Carl", "Reuters")
    expect(page.locator("#text i.sel")).to_have_text(["Reuters", "wrote", "of", "Carl"])  # before it is let go
    page.mouse.up()
    saved(page, article, ("PER", "Ada Lovelace"), ("ORG", "Reuters wrote of Carl"))
    page.keyboard.press("3")
    drag(page, "left", "Later")
    expect(page.locator('#text mark[data-label="LOC"]')).to_have_count(2)  # one span in two paragraphs
    document = Document.objects.get()
    assert mentions_of(document)[1] == ("LOC", "left.\nLater")


def test_a_double_click_takes_the_token_and_not_the_browsers_word(desk: Desk, transactional_db: None) -> None:
    article = make_document("Obama's U.S. trip cost $3.5bn.", make_project())
    page = desk.open(article)
    page.keyboard.press("1")
    word(page, "Obama").dblclick()
    saved(page, article, ("PER", "Obama"))
    page.keyboard.press("3")
    word(page, "U.S.").dblclick()
    saved(page, article, ("PER", "Obama"), ("LOC", "U.S."))


def test_a_clicked_span_is_relabelled_removed_and_its_edges_dragged(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    page.keyboard.press("1")
    word(page, "Lovelace").dblclick()
    saved(page, article, ("PER", "Lovelace"))
    word(page, "Lovelace").click()
    expect(page.get_by_role("button", name="Remove")).to_be_visible()
    drag(page, "Lovelace", "Ada", at=0.2)  # its start, to the left
    saved(page, article, ("PER", "Ada Lovelace"))
    word(page, "Ada").click()
    drag(page, "Lovelace", "Bob")  # its end, to the right
    saved(page, article, ("PER", "Ada Lovelace met Bob"))
    word(page, "Bob").click()
    drag(page, "Bob", "Lovelace")  # and back
    saved(page, article, ("PER", "Ada Lovelace"))
    word(page, "Ada").click()
    page.keyboard.press("2")
    saved(page, article, ("ORG", "Ada Lovelace"))
    word(page, "Ada").click()
    page.keyboard.press("Delete")
    saved(page, article)
    assert page.locator("#steps [data-verb=undo]").is_enabled()


def test_the_cursor_goes_by_word_sentence_and_line_and_to_both_ends(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    at = page.locator("#text i.at")
    for key, expected in [
        ("ArrowRight", "Ada"),
        ("ArrowRight", "Lovelace"),
        ("ArrowLeft", "Ada"),
        ("Control+ArrowRight", "They"),
        ("Control+ArrowRight", "Later"),
        ("Control+ArrowLeft", "They"),
        ("End", "."),
        ("Home", "Ada"),
    ]:
        page.keyboard.press(key)
        expect(at).to_have_text(expected)
    below = page.locator("#text p:last-of-type i.at")
    page.keyboard.press("ArrowDown")
    expect(below).to_have_count(1)
    page.keyboard.press("ArrowUp")
    expect(below).to_have_count(0)
    expect(at).to_have_text("Ada")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#text i.sel")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator("#text i.sel, #text i.at")).to_have_count(0)


def test_suggestions_are_judged_corrected_and_finished_without_the_mouse(desk: Desk, article: Document) -> None:
    following = make_document("Another one.", article.project, title="Following")
    suggest(article, (0, 2, "PER", 0.95), (3, 4, "ORG", 0.6), (5, 6, "LOC", 0.9), (12, 13, "MISC", 0.5))
    page = desk.open(article)
    page.keyboard.press("]")
    press(page, "a")
    expect(page.locator("#text .at")).to_have_text("Bob")
    press(page, "1")  # a label's key corrects
    page.keyboard.press("]")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Escape")
    page.wait_for_timeout(700)
    page.keyboard.press("Enter")  # one below the threshold is left: the page goes there
    expect(page.locator(".warned")).to_contain_text("one suggestion is below 80%")
    expect(page.locator("#text mark.held")).to_have_attribute("data-label", "MISC")
    press(page, "x")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{desk.site}/articles/{following.pk}/")
    article.refresh_from_db()
    assert article.state == "finished"
    assert mentions_of(article) == [("PER", "Ada Lovelace"), ("PER", "Bob"), ("LOC", "Paris")]
    page.keyboard.press("2")  # and the next article takes edits at once
    page.keyboard.press("Home")
    press(page, "2")
    saved(page, following, ("ORG", "Another"))


def test_an_edit_is_answered_with_the_touched_part_and_undo_survives_a_reload(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    page.evaluate("document.querySelector('#text p:last-of-type i').dataset.mine = '1'")
    page.keyboard.press("1")
    with page.expect_response("**/edit") as answer:
        word(page, "Ada").dblclick()
    saved(page, article, ("PER", "Ada"))
    assert "Reuters" not in answer.value.text()
    assert page.locator('#text [data-mine="1"]').count() == 1  # the other paragraph is the element it was
    expect(page.locator('.chip[data-label="PER"] .count')).to_have_text("1")
    page.reload()
    press(page, "Control+z")
    saved(page, article)
    expect(page.locator('.chip[data-label="PER"] .count')).to_have_text("0")
    press(page, "Control+Shift+Z")
    saved(page, article, ("PER", "Ada"))


def test_no_key_fires_while_one_types_or_from_a_button(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    page.get_by_text("Delete this article").focus()
    page.keyboard.press("1")
    page.wait_for_timeout(700)
    page.mouse.click(5, 880)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Enter")  # the article has not the focus
    expect(page.locator('.chip[aria-pressed="true"]')).to_have_count(0)
    article.refresh_from_db()
    assert article.state == "raw"


def test_more_labels_than_keys_are_found_by_typing(desk: Desk, transactional_db: None) -> None:
    article = make_document(TEXT, make_project(labels=[f"Label{n:02}" for n in range(1, 15)]))
    page = desk.open(article)
    page.keyboard.press("Home")
    page.keyboard.press("/")
    page.keyboard.type("el13")
    expect(page.locator(".chip:visible")).to_have_count(1)
    with page.expect_response("**/edit"):
        page.keyboard.press("Enter")
    saved(page, article, ("Label13", "Ada"))
    expect(page.locator(".chip:visible")).to_have_count(14)


def test_page_keys_lead_to_the_next_article_and_back(desk: Desk, article: Document) -> None:
    following = make_document("Another one.", article.project, title="Following")
    page = desk.open(article)
    page.keyboard.press("PageDown")
    expect(page).to_have_url(f"{desk.site}/articles/{following.pk}/")
    expect(page.locator("h1")).to_have_text("Following")
    page.keyboard.press("PageUp")
    expect(page.locator("h1")).to_have_text("Meetings")
    expect(page).to_have_url(f"{desk.site}/articles/{article.pk}/")


def test_the_page_keys_and_finishing_follow_the_list_one_came_by(desk: Desk, article: Document) -> None:
    for title in ("Cleo", "Bob"):
        make_document(f"{title} sang.", article.project, title=title)
    make_document("Nobody.", article.project, title="Aside", split="aside")
    page = desk.open(article)
    page.goto(f"{desk.site}/projects/{article.project.slug}/articles?split=train&sort=title")
    page.get_by_role("link", name="Bob").click()
    expect(page.locator("tag-desk:defined")).to_be_visible()
    expect(page.locator(".trail")).to_contain_text("Training · title, A to Z")
    expect(page.locator(".trail")).to_contain_text("1 of 3")
    page.keyboard.press("PageDown")
    expect(page.locator("h1")).to_have_text("Cleo")
    page.keyboard.press("PageDown")
    expect(page.locator("h1")).to_have_text("Meetings")
    page.keyboard.press("PageUp")
    expect(page.locator(".trail")).to_contain_text("2 of 3")
    expect(page.locator("h1")).to_have_text("Cleo")
    page.wait_for_timeout(700)  # nobody finishes what was opened just now
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Meetings")
    page.reload()
    expect(page.locator(".trail")).to_contain_text("3 of 3")
    page.keyboard.press("PageDown")
    expect(page.get_by_text("That was the last article of this list.")).to_be_visible()


def test_the_same_mentions_are_offered_taken_together_or_one_by_one_and_undone(
    desk: Desk, transactional_db: None
) -> None:
    text = "Reuters said. Later Reuters wrote, and REUTERS denied. At Reuters nobody knew."
    article = make_document(text, make_project())
    page = desk.open(article)
    page.keyboard.press("2")
    word(page, "Reuters").dblclick()
    saved(page, article, ("ORG", "Reuters"))
    page.keyboard.press("]")
    press(page, "=")
    expect(page.locator("#text mark.soft")).to_have_count(2)
    expect(page.locator("#said")).to_contain_text("2 same mentions marked")
    press(page, "+")
    saved(page, article, ("ORG", "Reuters"), ("ORG", "Reuters"), ("ORG", "Reuters"))
    press(page, "Control+z")
    expect(page.locator("#text mark.soft")).to_have_count(2)
    page.keyboard.press("]")
    press(page, "x")
    press(page, "a")
    saved(page, article, ("ORG", "Reuters"), ("ORG", "Reuters"))
    word(page, "Reuters").click()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("any case").check()
    page.get_by_role("button", name="Same mentions").click()
    expect(page.locator("#text mark.soft")).to_contain_text(["REUTERS"])
    page.get_by_role("button", name="None of them").click()
    expect(page.locator("#text mark.soft")).to_have_count(0)


def test_how_the_same_mentions_are_looked_for_goes_along_into_all_articles(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    page.keyboard.press("3")
    word(page, "Paris").dblclick()
    saved(page, article, ("LOC", "Paris"))
    word(page, "Paris").click()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("any case").check()
    page.get_by_label("other endings").check()
    page.get_by_role("button", name="In all articles").click()
    expect(page.get_by_label("Words")).to_have_value("Paris")
    expect(page.get_by_label("in any case")).to_be_checked()
    expect(page.get_by_label("other endings too")).to_be_checked()


def test_suggestions_are_filtered_by_how_sure_they_are_and_accepted_together(desk: Desk, article: Document) -> None:
    suggest(article, (0, 2, "PER", 0.95), (3, 4, "ORG", 0.6), (5, 6, "LOC", 0.9), (12, 13, "MISC", 0.5))
    page = desk.open(article)
    page.locator("[data-sure]").fill("90")
    expect(page.locator("#text mark.below")).to_have_count(2)
    page.get_by_role("button", name="Accept these 2").click()
    saved(page, article, ("PER", "Ada Lovelace"), ("LOC", "Paris"))
    expect(page.locator("#text mark.suggestion")).to_have_count(2)
    press(page, "Control+z")
    saved(page, article)


def test_a_passage_is_left_out_taken_in_and_undone(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    drag(page, "They", "left")
    page.get_by_role("button", name="Leave out").click()
    expect(page.locator("#text i.out")).to_have_count(2)
    page.keyboard.press("1")
    word(page, "left").dblclick()
    expect(page.locator(".warned")).to_contain_text("left out")
    word(page, "left").click()
    page.get_by_role("button", name="Take in again").click()
    expect(page.locator("#text i.out")).to_have_count(0)
    press(page, "Control+z")
    expect(page.locator("#text i.out")).to_have_count(2)
    article.refresh_from_db()
    assert len(article.left_out) == 1


def test_a_word_is_split_where_an_entity_ends_inside_it(desk: Desk, transactional_db: None) -> None:
    article = make_document("The Londonbased firm.", make_project())
    page = desk.open(article)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.locator("#split button[data-at='6']").click()
    expect(page.locator("#text i")).to_have_text(["The", "London", "based", "firm", "."])
    page.keyboard.press("3")
    word(page, "London").dblclick()
    saved(page, article, ("LOC", "London"))


def test_a_word_of_thousands_of_letters_leaves_room_for_the_text_while_it_is_split(
    desk: Desk, transactional_db: None
) -> None:
    article = make_document("ab" * 2500, make_project())
    page = desk.open(article)
    for width, height in ((1400, 900), (400, 600)):
        page.set_viewport_size({"width": width, "height": height})
        page.keyboard.press("Home")
        page.keyboard.press("s")
        expect(page.locator("#split button")).to_have_count(200)
        bar = page.locator(".bar").bounding_box()
        assert bar
        assert bar["height"] < height * 0.75
    page.locator("#split button").last.click()
    expect(page.locator("#text i")).to_have_count(2)


def test_a_note_on_words_is_written_found_again_and_never_lost_on_the_way_out(desk: Desk, article: Document) -> None:
    make_document("Another one.", article.project, title="Following")
    page = desk.open(article)
    drag(page, "Carl", "Dora")
    page.keyboard.press("n")
    page.keyboard.type("Are these two one couple?")
    page.get_by_role("link", name="Skip", exact=True).click()
    expect(page.locator('[data-status="draft"]')).to_be_visible()
    expect(page.locator("#note-text")).to_have_value("Are these two one couple?")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#notes .said")).to_have_text("Are these two one couple?")
    page.keyboard.press("Home")
    page.locator("#notes a.quoted").click()
    expect(page.locator("#text i.at")).to_have_text("Carl")
    page.keyboard.press("f")
    expect(page.locator("#flag")).to_contain_text("Flagged")
    page.get_by_role("link", name="Skip", exact=True).click()
    expect(page.locator("h1")).to_have_text("Following")


def test_undoing_a_split_leaves_the_cursor_on_the_last_word(desk: Desk, transactional_db: None) -> None:
    article = make_document("The Londonbased", make_project())
    page = desk.open(article)
    page.keyboard.press("End")
    page.keyboard.press("s")
    page.locator("#split button[data-at='6']").click()
    expect(page.locator("#text i")).to_have_count(3)
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    press(page, "Control+z")
    expect(page.locator("#text i.sel")).to_have_text(["The", "Londonbased"])
    page.keyboard.press("End")
    press(page, "Control+Shift+z")
    page.keyboard.press("End")
    press(page, "Control+z")
    expect(page.locator("#text i.at")).to_have_text("Londonbased")
    page.keyboard.press("2")
    saved(page, article, ("ORG", "Londonbased"))


def test_a_note_on_words_selected_after_a_split_is_stored(desk: Desk, transactional_db: None) -> None:
    article = make_document("The Londonbased firm.", make_project())
    page = desk.open(article)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.locator("#split button[data-at='6']").click()
    expect(page.locator("#text i")).to_have_count(5)
    page.keyboard.press("n")
    page.keyboard.type("A place?")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#notes .said")).to_have_text("A place?")
    expect(page.locator("#notes a.quoted")).to_have_text("“London”")


def test_page_up_leads_to_the_finished_article_though_it_left_the_list(desk: Desk, article: Document) -> None:
    make_document("Bob sang.", article.project, title="Bob")
    page = desk.open(article)
    page.goto(f"{desk.site}/projects/{article.project.slug}/articles?state=raw&sort=title")
    page.get_by_role("link", name="Bob").click()
    expect(page.locator("tag-desk:defined")).to_be_visible()
    page.wait_for_timeout(700)  # nobody finishes what was opened just now
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Meetings")
    page.get_by_role("link", name="Back to it").click()
    expect(page.locator("h1")).to_have_text("Bob")
    expect(page.locator(".trail")).to_contain_text("To do")
    page.keyboard.press("PageDown")
    expect(page.locator("h1")).to_have_text("Meetings")
    page.keyboard.press("PageUp")
    expect(page.locator("h1")).to_have_text("Bob")


def test_one_undo_too_many_swallows_nothing_done_right_after_it(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("Control+z")
    page.keyboard.press("1")
    saved(page, article, ("PER", "Ada"))
    for _ in range(3):
        page.keyboard.press("Control+z")
    page.keyboard.press("2")
    saved(page, article, ("ORG", "Ada"))
    press(page, "Control+Shift+z")
    expect(page.locator("#said")).to_contain_text("There is nothing of yours to redo here.")


def test_who_types_faster_than_the_server_answers_loses_no_key(desk: Desk, article: Document) -> None:
    page = desk.open(article)
    edit = held(page, "**/edit")
    for key in ("Home", "1", "Backspace", "2", "="):
        page.keyboard.press(key)
    until(page, edit).continue_()
    expect(page.get_by_text("Nothing else in this article reads like “Ada”")).to_be_visible()
    assert mentions_of(article) == [("ORG", "Ada")]
    assert list(article.edits.order_by("pk").values_list("how", "before", "after"))[:3] == [
        ("hand", ["O"], ["B-PER"]),
        ("hand", ["B-PER"], ["O"]),
        ("hand", ["O"], ["B-ORG"]),
    ]
