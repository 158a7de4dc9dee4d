"""What axe-core finds on the pages: contrast, names, roles, focus, in light and dark, wide and narrow."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from annotate.models import Document
from tests.browser.conftest import Desk
from tests.make import make_document, make_project, suggest

pytestmark = pytest.mark.slow
TEXT = "Ada Lovelace met Bob in Paris. They left.\nLater Reuters wrote of Carl and Dora in Rome."


@pytest.fixture
def article(transactional_db: None) -> Document:
    every_colour = ["PER", "ORG", "LOC", "MISC", *(f"L{n}" for n in range(5, 13))]
    project = make_project(labels=every_colour, guideline="# Who counts\n\nPeople *by name*.")
    document = make_document(TEXT, project, title="Meetings", PER="Dora")
    make_document("Nobody came.", project, finished=True, title="Nobody")
    suggest(document, (0, 2, "PER", 0.95), (3, 4, "ORG", 0.6))
    return document


def faults(page: Page) -> Iterator[str]:
    for fault in Axe().run(page).response["violations"]:
        if fault["impact"] in ("serious", "critical"):
            for node in fault["nodes"]:
                yield f"{fault['id']}: {node['html'][:120]} ({node['failureSummary']})"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_no_page_has_a_serious_fault(desk: Desk, article: Document, scheme: str, width: int) -> None:
    page = desk.open(article)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.keyboard.press("?")
    page.keyboard.press("]")
    found = list(faults(page))
    slug = article.project.slug
    for address in (
        "/",
        "/projects/new",
        f"/projects/{slug}/",
        f"/projects/{slug}/articles",
        f"/projects/{slug}/settings",
        f"/projects/{slug}/import",
        f"/projects/{slug}/export",
        f"/projects/{slug}/models",
        f"/projects/{slug}/mentions?text=Reuters&label=ORG",
    ):
        page.goto(f"{desk.site}{address}")
        found += [f"{address} {fault}" for fault in faults(page)]
    assert not found, "\n".join(found)
