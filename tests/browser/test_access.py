"""What axe-core finds on the pages: contrast, names, roles, focus, in light and dark, wide and narrow."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from annotate.models import Document
from tests.browser.conftest import Desk
from tests.make import make_document, make_project, suggest
from tests.training.conftest import furnish
from tests.training.runs import learn

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


def addresses(slug: str) -> tuple[str, ...]:
    return (
        "/",
        "/projects/new",
        "/tokens",
        "/api/",
        f"/projects/{slug}/",
        f"/projects/{slug}/articles",
        f"/projects/{slug}/statistics",
        f"/projects/{slug}/settings",
        f"/projects/{slug}/webhooks",
        f"/projects/{slug}/schedule",
        f"/projects/{slug}/import",
        f"/projects/{slug}/export",
        f"/projects/{slug}/models",
        f"/projects/{slug}/encoder",
        f"/projects/{slug}/mentions?text=Reuters&label=ORG",
    )


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
    for address in addresses(slug):
        page.goto(f"{desk.site}{address}")
        found += [f"{address} {fault}" for fault in faults(page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("width", [1400, 400])
def test_nor_has_a_page_of_what_was_learnt(desk: Desk, tmp_path: Path, width: int) -> None:
    from tests.training.engine.tiny import tiny_bert

    project = furnish(make_project(labels=["PER", "LOC"]))
    encoder = tiny_bert(tmp_path / "encoder")
    runs = [learn(project, encoder) for _ in range(2)]
    page = desk.open(make_document("Nobody came.", project))
    page.set_viewport_size({"width": width, "height": 900})
    found = []
    for address in (
        f"/projects/{project.slug}/models",
        f"/projects/{project.slug}/models/compare?a=1&b=2",
        f"/projects/{project.slug}/curve",
        f"/projects/{project.slug}/archive",
        f"/runs/{runs[1].pk}/",
        f"/runs/{runs[1].pk}/mistakes",
    ):
        page.goto(f"{desk.site}{address}")
        found += [f"{address} {fault}" for fault in faults(page)]
        if (reach := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"{address} reaches to {reach}")
    assert not found, "\n".join(found)


def test_nothing_reaches_over_the_edge_of_a_narrow_screen(desk: Desk, article: Document) -> None:
    """Not even the labels above the last words of the lines."""
    crowded = make_document("He is in it as we go. " * 40, article.project, title="Crowded")
    suggest(crowded, *((at, at + 1, "PER", 0.65) for at in range(320)))
    page = desk.open(crowded)
    page.set_viewport_size({"width": 400, "height": 900})
    wide = {page.url: page.evaluate("document.documentElement.scrollWidth")}
    for address in addresses(article.project.slug):
        page.goto(f"{desk.site}{address}")
        wide[address] = page.evaluate("document.documentElement.scrollWidth")
    assert {address: width for address, width in wide.items() if width > 400} == {}
