"""A headless Chromium for the benchmarks."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def installed() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def signed_in(browser: Browser, site: str, cookies: dict[str, str]) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_cookies([{"name": name, "value": value, "url": site} for name, value in cookies.items()])
    return context


def cold_load(site: str, cookies: dict[str, str], path: str) -> dict[str, Any]:
    """Uncompressed bytes and requests of a page with all that it loads, the icon among them, on an empty cache."""
    if installed() is None:
        return {"page_bytes": None, "page_requests": None}
    with chromium() as browser:
        context = signed_in(browser, site, cookies)
        page = context.new_page()
        asked: list[Request] = []
        page.on("requestfinished", lambda request: asked.append(request))  # a builtin cannot be registered
        page.goto(site + path, wait_until="networkidle")
        sizes = {one.url: len(response.body()) for one in asked if (response := one.response())}
        icon = page.locator('link[rel~="icon"]').first
        if icon.count():  # a headless browser shows no tab, and so loads no icon for it
            address = str(icon.evaluate("link => link.href"))
            sizes.setdefault(address, len(context.request.get(address).body()))
        context.close()
    return {"page_bytes": sum(sizes.values()), "page_requests": len(sizes)}
