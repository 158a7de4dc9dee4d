"""The whole of Tagdesk as `manage.py up` runs it, and a real Chromium in front of it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from annotate.models import Document
from tests.config.watching import eventually

# Playwright's loop runs in this thread while it is open, and Django's ORM takes that for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
expect.set_options(timeout=15_000)  # milliseconds; a limit for what hangs on a busy machine, not a measure
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Site(NamedTuple):
    address: str
    sign_in: str
    data: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Tagdesk of its own on an empty data folder, which makes itself the sample project."""
    data = tmp_path_factory.mktemp("tagdesk")
    log = data.parent / "up.log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    with log.open("wb") as out:
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(port)],
            cwd=settings.BASE_DIR,
            env={**environment, "TAGDESK_DATA": str(data)},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        found = lambda: re.search(r"http://\S+/sign-in/\S+", log.read_text())  # noqa: E731
        eventually(lambda: found() is not None or up.poll() is not None, patience=120)
        link = found()
        assert link, log.read_text()
        yield Site(f"http://127.0.0.1:{port}", link[0], data)
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(timeout=60)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("There is no Chromium here. `make test` installs it on Debian; elsewhere install it by hand.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong unnoticed: no script error, no refused style, no failed request."""
    yield from watched(browser, lambda text: False)


@pytest.fixture
def rough_page(browser: Browser) -> Iterator[Page]:
    """The same, for tests that cut the line or provoke a refusal: requests may fail."""
    yield from watched(
        browser, lambda text: "Failed to load resource" in text or text.startswith(("htmx:", "Response Status"))
    )


def watched(browser: Browser, expected: Callable[[str], bool]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert [text for text in troubles if not expected(text)] == []


class Desk(NamedTuple):
    site: str
    page: Page

    def open(self, document: Document) -> Page:
        """The article's page, as its project's manager sees it."""
        user = User.objects.filter(username="ada").first() or User.objects.create_user("ada", is_superuser=True)
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        self.page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": self.site}])
        self.page.goto(f"{self.site}/articles/{document.pk}/")
        return self.page


@pytest.fixture
def desk(live_server: Any, transactional_db: None, page: Page) -> Desk:
    """The pages alone, without workers, and a person signed in who manages all projects made before."""
    return Desk(live_server.url, page)


@pytest.fixture
def screenshots(request: pytest.FixtureRequest) -> Path | None:
    """Where to put screenshots, if `--screenshots FOLDER` asks for them."""
    folder = request.config.getoption("--screenshots")
    return Path(folder) if folder else None
