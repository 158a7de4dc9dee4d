"""Labels changed through their pages, as a manager does it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_loop import shoot


@pytest.mark.slow
def test_a_label_is_renamed_and_taken_back(site: Site, page: Page, screenshots: Path | None) -> None:
    page.goto(site.sign_in)
    page.get_by_role("link", name="Sample news").click()
    page.get_by_role("link", name="Settings").click()
    page.goto(f"{page.url}#labels")
    shoot(page, screenshots, "settings")
    page.get_by_role("link", name="Edit PER").click()
    page.get_by_label("Rename to").fill("ORG")
    page.get_by_role("button", name="Rename …").click()
    expect(page.get_by_role("link", name="Merge PER into ORG?")).to_be_visible()
    shoot(page, screenshots, "label")
    page.get_by_label("Rename to").fill("PERSON")
    page.get_by_role("button", name="Rename …").click()
    shoot(page, screenshots, "label-preview")
    page.get_by_role("button", name="Rename in").click()
    expect(page.get_by_role("heading", name="PER renamed to PERSON")).to_be_visible()
    expect(page.get_by_text("Done:")).to_be_visible()
    shoot(page, screenshots, "label-change")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="PERSON renamed to PER")).to_be_visible()
    page.get_by_role("link", name="All labels").click()
    expect(page.locator(".label-rows strong").first).to_have_text("PER")
