"""That a training has ended is said once, on whatever page one is."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from annotate.models import Document
from tests.browser.conftest import Desk
from tests.make import make_document, make_project
from tests.training.runs import make_run, make_version, running
from training.models import Run

pytestmark = pytest.mark.slow
RECORD = """
    window.told = [];
    window.Notification = class {
      static permission = "granted";
      constructor(title, more) { window.told.push(more.body); }
    };
    Object.defineProperty(document, "hidden", { get: () => window.away ?? false });
"""


@pytest.fixture
def article(transactional_db: None) -> Document:
    return make_document("Ada met Bob in Oslo.", make_project())


def end(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(
        status="succeeded", scores={"decision": {"promote": True}, "articles": {"training": 3}}
    )


def test_it_is_said_once_beside_the_article_and_goes_when_it_is_closed(desk: Desk, article: Document) -> None:
    make_run(article.project, "failed")  # before this browser came
    run = running(article.project)
    page = desk.open(article)
    with page.expect_response(lambda answer: "training/news" in answer.url):
        pass
    note = page.locator("training-news .notice")
    expect(note).to_have_count(0)
    make_version(article.project, current=True, f1=0.7123, run=run)
    end(run)
    expect(note).to_contain_text("Version 1 is trained, F1 0.712, and marks the next articles.", timeout=10_000)
    page.set_viewport_size({"width": 400, "height": 800})
    box = note.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 400
    page.get_by_role("button", name="Close this note").click()
    expect(note).to_have_count(0)
    with page.expect_response(lambda answer: "training/news" in answer.url):
        page.reload()
    expect(note).to_have_count(0)


def test_who_is_elsewhere_is_notified_where_they_allowed_it(desk: Desk, article: Document) -> None:
    desk.page.add_init_script(RECORD)
    run = running(article.project)
    page = desk.open(article)
    with page.expect_response(lambda answer: "training/news" in answer.url):
        pass
    page.evaluate("window.away = true")
    Run.objects.filter(pk=run.pk).update(status="failed", error="The disk is full.")
    expect(page.locator("training-news a")).to_have_attribute("href", f"/runs/{run.pk}/", timeout=10_000)
    assert page.evaluate("window.told") == ["The training failed."]


def test_the_page_that_shows_the_training_says_nothing_twice(desk: Desk, article: Document) -> None:
    run = running(article.project)
    page = desk.open(article)
    page.goto(f"{desk.site}/projects/{article.project.slug}/")
    with page.expect_response(lambda answer: "training/news" in answer.url):
        pass
    make_version(article.project, current=True, f1=0.7, run=run)
    end(run)
    with page.expect_response(lambda answer: "training/news" in answer.url):
        expect(page.locator("#training")).to_contain_text("F1 of version 1")
    expect(page.locator("training-news .notice")).to_have_count(0)


def test_a_training_that_was_gone_on_with_is_news_again(desk: Desk, article: Document) -> None:
    run = running(article.project)
    page = desk.open(article)
    with page.expect_response(lambda answer: "training/news" in answer.url):
        pass
    Run.objects.filter(pk=run.pk).update(status="failed", error="It was killed.", ended_at=timezone.now())
    note = page.locator("training-news .notice")
    expect(note).to_contain_text("The training failed.", timeout=10_000)
    page.get_by_role("button", name="Close this note").click()
    make_version(article.project, current=True, run=run)
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now() + timedelta(minutes=5))
    end(run)
    page.reload()
    expect(note).to_contain_text("Version 1 is trained", timeout=10_000)


def test_another_trainings_page_says_it_too(desk: Desk, article: Document) -> None:
    before, run = make_run(article.project, "failed"), running(article.project)
    page = desk.open(article)
    with page.expect_response(lambda answer: "training/news" in answer.url):
        page.goto(page.url.split("/articles/")[0] + f"/runs/{before.pk}/")
    make_version(article.project, current=True, run=run)
    end(run)
    expect(page.locator("training-news .notice")).to_contain_text("Version 1 is trained", timeout=10_000)
