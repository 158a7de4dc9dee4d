"""The loop as a newcomer goes through it: tag by mouse and by key, retrain, judge the suggestions, export."""

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site

TRAINING = 420_000  # milliseconds that a busy machine may take to train; a limit for what hangs, not a measure


def word(page: Page, text: str) -> Locator:
    return page.locator("#text i", has_text=text).first


def mentions(page: Page, kind: str = "span") -> list[list[str]]:
    """[label, text] of each mark of this kind, as the page shows them."""
    found: list[list[str]] = page.eval_on_selector_all(
        f"#text mark.{kind}",
        """marks => marks.map(mark => {
             const words = [...mark.querySelectorAll("i")];
             const range = document.createRange();
             range.setStartBefore(words[0]);
             range.setEndAfter(words[words.length - 1]);
             return [mark.dataset.label, range.toString()];
           })""",
    )
    return found


def press(page: Page, key: str) -> None:
    """A key, and then the server's answer."""
    with page.expect_response(lambda response: response.url.endswith("/edit")):
        page.keyboard.press(key)
    expect(page.locator('[data-status="saved"]')).to_be_visible()


def drag(page: Page, first: str, last: str) -> None:
    """From the middle of one word to the middle of another, as a hand does it: never on the edge."""
    start, end = word(page, first).bounding_box(), word(page, last).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 3, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] * 2 / 3, end["y"] + end["height"] / 2, steps=6)
    page.mouse.up()


def first_words(page: Page, count: int) -> list[str]:
    return page.locator("#text i").all_inner_texts()[:count]


def shoot(page: Page, folder: Path | None, name: str) -> None:
    if folder is None:
        return
    for width in (1400, 400):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
    page.set_viewport_size({"width": 1400, "height": 900})
    page.emulate_media(color_scheme="light")


def test_the_whole_loop(site: Site, page: Page, screenshots: Path | None) -> None:
    page.goto(site.sign_in)
    page.get_by_role("link", name="Sample news").click()
    expect(page.get_by_text(re.compile(r"^No (trained )?model yet\."))).to_be_visible()
    expect(page.locator(".figure")).to_have_text("24")

    tagged = tag_an_article(page)
    retrain(page, screenshots)
    judged = judge_an_article(page, screenshots)
    exported = export(page)
    for title, expected in (tagged, judged):
        row = exported[title]
        assert mentions_of(row) == expected
        assert row["status"] == "finished"
    shoot_the_rest(page, site, screenshots)


def open_next(page: Page, patience: int = 30_000) -> None:
    """To the next article's page, which is shown as soon as it answers to keys."""
    page.get_by_role("link", name="Tag next article").click(timeout=patience)
    expect(page.locator("tag-desk:defined")).to_be_visible()


def tag_an_article(page: Page) -> tuple[str, list[list[str]]]:
    """Step 3: by mouse and by key; change, remove, undo, redo; finish. Returns the title and what was tagged."""
    open_next(page)
    title = page.locator("h1").inner_text()
    one, two, three, four = first_words(page, 4)

    page.keyboard.press("1")
    expect(page.locator('.chip[data-label="PER"]')).to_have_attribute("aria-pressed", "true")
    word(page, one).dblclick()
    expect(page.locator("#text mark.span")).to_have_count(1)
    assert mentions(page) == [["PER", one]]

    page.locator('.chip[data-label="ORG"]').click()
    drag(page, two, three)
    expect(page.locator("#text mark.span")).to_have_count(2)
    assert mentions(page) == [["PER", one], ["ORG", f"{two} {three}"]]

    page.locator("#text mark.span i").nth(1).click()  # select the second span, give it another label by key
    press(page, "3")
    assert mentions(page) == [["PER", one], ["LOC", f"{two} {three}"]]
    press(page, "Control+z")
    assert mentions(page)[1][0] == "ORG"
    press(page, "Control+Shift+Z")
    assert mentions(page)[1][0] == "LOC"

    page.locator("#text mark.span i").nth(0).click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#text mark.span")).to_have_count(1)
    assert mentions(page) == [["LOC", f"{two} {three}"]]

    page.keyboard.press("Escape")
    for _ in range(5):  # the first press brings the cursor to the first word
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    press(page, "4")
    expected = mentions(page)
    assert expected[1][0] == "MISC"
    assert expected[1][1].startswith(first_words(page, 5)[4])
    assert four not in expected[1][1]

    address = page.url
    press(page, "Enter")
    expect(page).not_to_have_url(address)
    expect(page.locator("#desk")).to_contain_text("is finished.")
    return title, expected


def retrain(page: Page, screenshots: Path | None) -> None:
    """Step 4: the run appears at once, moves, ends with a score; the instant learner, which may be better, is off."""
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Do not learn instantly").click()
    expect(page.get_by_role("button", name="Learn instantly", exact=True)).to_be_visible()
    page.locator("nav").get_by_role("link", name="Sample news").click()
    expect(page.get_by_text("No model yet.")).to_be_visible()
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_role("button", name="Retrain")).to_have_count(0)
    step = page.locator("#training [data-step]")
    expect(step).to_be_visible(timeout=60_000)
    seen = step.inner_text()
    expect(step).not_to_have_text(seen, timeout=60_000)
    shoot(page, screenshots, "training")
    expect(page.locator("#training .figure")).to_be_visible(timeout=TRAINING)
    expect(page.locator("#training")).to_contain_text("F1 of version 1")
    assert 0.2 < float(page.locator("#training .figure").inner_text()) <= 1
    shoot(page, screenshots, "project")


def judge_an_article(page: Page, screenshots: Path | None) -> tuple[str, list[list[str]]]:
    """Step 5: suggestions in the next article; accept, correct and reject by key, finish takes the sure rest."""
    expect(page.locator("#training")).to_contain_text("Suggestions are ready for", timeout=60_000)
    open_next(page)
    suggestions = page.locator("#text mark.suggestion")
    for _ in range(20):
        if suggestions.count() > 3:
            break
        with page.expect_navigation():
            page.keyboard.press("PageDown")  # an article of few names: the next one
    title = page.locator("h1").inner_text()
    assert "%" in (suggestions.first.get_attribute("title") or "")
    before = mentions(page, "suggestion")

    page.keyboard.press("]")
    press(page, "a")
    assert mentions(page) == [before[0]]
    press(page, "x")
    assert before[1] not in mentions(page) or before[1] in before[2:]
    corrected = mentions(page, "suggestion")[0][1]
    other = "2" if mentions(page, "suggestion")[0][0] != "ORG" else "1"
    press(page, other)
    assert [("ORG" if other == "2" else "PER"), corrected] in mentions(page)
    shoot(page, screenshots, "article")

    for _ in range(100):
        if not page.locator("#text mark.unsure").count():
            break
        page.locator("#text mark.unsure i").first.click()
        press(page, "a")
    left = mentions(page, "suggestion")
    page.keyboard.press("Escape")
    count = len(mentions(page))
    press(page, "Shift+Enter")
    expect(page.locator(".state")).to_have_text("Finished")
    assert len(mentions(page)) == count + len(left)
    assert mentions(page, "suggestion") == []
    return title, mentions(page)


def export(page: Page) -> dict[str, dict[str, object]]:
    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.locator('button[formaction$="/export/jsonl"]').first.click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    return {row["title"]: row for row in map(json.loads, lines)}


def mentions_of(row: dict[str, object]) -> list[list[str]]:
    """[label, text] of each entity of an exported article, read from its IOB2 tags and code-point offsets alone."""
    found: list[list[str]] = []
    text, offsets, tags = row["text"], row["offsets"], row["tags"]
    assert isinstance(text, str)
    assert isinstance(offsets, list)
    assert isinstance(tags, list)
    start = 0
    for (begin, end), tag in zip(offsets, tags, strict=True):
        if tag.startswith("B-"):
            start = begin
            found.append([tag[2:], text[begin:end]])
        elif tag.startswith("I-"):
            found[-1][1] = text[start:end]
    return found


def shoot_the_rest(page: Page, site: Site, screenshots: Path | None) -> None:
    if screenshots is None:
        return
    for name in ("articles", "import", "export", "models", "settings"):
        page.goto(f"{site.address}/projects/sample-news/{name}")
        shoot(page, screenshots, name)
