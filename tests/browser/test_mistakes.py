import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.make import make_document, make_project
from tests.training.runs import PROGRESS, make_mistake, make_run, running

pytestmark = pytest.mark.slow


def test_a_mistake_opens_its_article_with_the_cursor_on_its_words(desk: Desk) -> None:
    project = make_project(labels=["PER", "LOC"])
    filler = "Nobody came. " * 400
    document = make_document(f"{filler}Ada met Bob. {filler}", project, finished=True, split="validation", PER="Ada")
    run = make_run(project, scores={"articles": {"validation": 1}, "mistakes": 2})
    make_mistake(run, document, gold="PER Ada", said="")
    make_mistake(run, document, said="PER Bob")
    page = desk.open(document)
    expect(page.locator("#text i.at")).to_have_count(0)  # by itself an article begins at no word
    for words, held in (("Ada", 1), ("Bob", 0)):
        page.goto(f"{desk.site}/runs/{run.pk}/mistakes")
        page.locator(".mistakes a", has=page.locator("mark", has_text=words)).click()
        expect(page.locator("#text i.at")).to_have_text(words)
        expect(page.locator("#text i.at")).to_be_in_viewport()
        expect(page.locator("#text mark.held")).to_have_count(held)
    page.keyboard.press("PageDown")
    expect(page).not_to_have_url(f"{desk.site}/articles/{document.pk}/#t1202")


def test_the_loss_of_a_running_training_is_drawn_anew_in_place(desk: Desk) -> None:
    project = make_project()
    run = running(project, progress=PROGRESS, losses=[[1, 1.5], [7, 0.5]])
    page = desk.open(make_document("Ada.", project))
    with page.expect_response(lambda response: f"/runs/{run.pk}/loss.svg?at=" in response.url):
        page.goto(f"{desk.site}/runs/{run.pk}/")
    image = page.locator(".plot img")
    expect(image).to_have_count(1)
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0  # the policy lets it be drawn
