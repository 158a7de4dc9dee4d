"""The same mention marked in all articles, in a real browser: step after step by itself, and undone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from annotate import propagating
from annotate.models import Offer
from tests.browser.conftest import Desk
from tests.make import make_document

pytestmark = pytest.mark.slow


def test_all_articles_are_marked_without_another_click_and_undone_with_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, screenshots: Path | None
) -> None:
    monkeypatch.setattr(propagating, "ARTICLES", 2)
    documents = [make_document(f"Number {n}, says Reuters.", title=f"Article {n}") for n in range(5)]
    page = desk.open(documents[0])
    page.goto(f"{desk.site}/projects/{documents[0].project.slug}/mentions")
    page.get_by_label("Words").fill("reuters")
    page.get_by_label("Label").select_option("ORG")
    page.get_by_label("in any case").check()
    page.get_by_role("button", name="Look").click()
    expect(page.locator("#found table tbody tr")).to_have_count(2)
    if screenshots:
        for width in (1400, 400):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=screenshots / f"mentions-{width}.png", full_page=True)
    page.get_by_role("button", name="Mark softly in all articles").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("5 mentions in 5 articles marked softly")
    assert Offer.objects.filter(active=True).count() == 5
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("5 soft marks are taken back")).to_be_visible()
    assert not Offer.objects.filter(active=True).exists()
    page.get_by_role("button", name="Mark again").click()
    expect(page.get_by_text("5 soft marks are there again")).to_be_visible()
    page.set_viewport_size({"width": 400, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
