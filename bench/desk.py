"""Time the article page in a headless Chromium: opening it, and a tag from the key or the mouse to the screen.

`python -m bench.desk` starts the real web server on a temporary data folder with an article of 500 tokens and one of
10,000, and prints milliseconds, median and 95th percentile; with `--json`, the last line is one JSON object.
docs/benchmarks.md says how to read it.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import BrowserContext, Page

from bench.browser import chromium, installed, signed_in
from bench.figures import percentile
from bench.server import Server, fsync_ms, make_folder
from bench.visitor import Visitor

LENGTHS = (500, 10_000)
TIMES = 30
OTHERS = 50  # articles of the usual length in the same project

# When the last word has its place, the script answers keys, and a frame with both has been painted.
OPENING = """
addEventListener("DOMContentLoaded", async () => {
  if (!document.querySelector("tag-desk")) return;
  await customElements.whenDefined("tag-desk");
  const words = document.querySelectorAll("#text i");
  words[words.length - 1].getBoundingClientRect();
  requestAnimationFrame(() => setTimeout(() => (window.openMs = performance.now())));
});
"""
# From the last key or mouse event to the frame that first shows the word as being tagged, and to the one that shows
# the span as it is stored.
TAGGING = """
() => {
  let began = null, drawn = null;
  const count = (selector) => document.querySelectorAll(`#text ${selector}`).length;
  const before = count("mark.span"), doing = count(".doing");
  const painted = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now())));
  const listening = new AbortController();
  for (const kind of ["keydown", "mouseup"]) {
    addEventListener(kind, (event) => (began = event.timeStamp), { capture: true, signal: listening.signal });
  }
  window.tagged = new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (drawn === null && count(".doing") > doing) painted((now) => (drawn = now));
      if (count("mark.span") <= before) return;
      observer.disconnect();
      listening.abort();
      painted((now) => resolve([(drawn ?? now) - began, now - began]));
    });
    observer.observe(document.querySelector("tag-desk"), { subtree: true, childList: true, attributes: true });
  });
}
"""
SENTENCES = '() => document.querySelectorAll("#text i.s").length'
# Where the middle of a free word is, after it was brought into view.
PLACE = """
(share) => {
  const free = [...document.querySelectorAll("#text i")].filter((word) => !word.closest("mark"));
  const word = free[Math.floor(share * (free.length - 1))];
  word.scrollIntoView({ block: "center" });
  const box = word.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}
"""

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if installed() is None:
        raise SystemExit("there is no Chromium here")
    scratch = Path(tempfile.mkdtemp(prefix="tagdesk-bench-"))
    os.environ |= {"TAGDESK_DATA": str(scratch / "none"), "DJANGO_SETTINGS_MODULE": "config.settings"}
    django.setup()
    try:
        found = measure(scratch, options.times)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("\n".join(told(found)))
    if options.json:
        print(json.dumps(found))


def measure(scratch: Path, times: int) -> Figures:
    lengths = [str(length) for length in LENGTHS]
    made = make_folder(scratch / "data", "--articles", str(OTHERS), "--long", *lengths)
    server = Server(scratch / "data")
    try:
        site = f"http://127.0.0.1:{server.port}"
        cookies = Visitor(server.port, made["sign_in"]).cookies
        with chromium() as browser:
            context = signed_in(browser, site, cookies)
            context.add_init_script(OPENING)
            context.set_default_timeout(30_000)
            found: Figures = {n: one(context, site, f"/articles/{made['long'][n]}/", times) for n in lengths}
    finally:
        server.end()
    return {**found, "fsync_ms": fsync_ms(scratch)}


def one(context: BrowserContext, site: str, article: str, times: int) -> Figures:
    """One article: opened again and again, then tagged by key and by mouse."""
    page = context.new_page()
    opened = [opening(page, site, article) for _ in range(times + 1)][1:]  # the first fills the browser's cache
    page.locator("#text").focus()
    by_key = list(keyed(page, times))
    by_mouse = list(clicked(page, times))
    page.close()
    return {
        **summary("open", opened),
        **summary("tag", [stored for _, stored in by_key]),
        **summary("tag_drawn", [drawn for drawn, _ in by_key]),
        **summary("tag_by_mouse", [stored for _, stored in by_mouse]),
        **summary("tag_by_mouse_drawn", [drawn for drawn, _ in by_mouse]),
    }


def opening(page: Page, site: str, article: str) -> float:
    """From another page of the site, in the same tab."""
    page.goto(f"{site}/")
    page.goto(f"{site}{article}")
    page.wait_for_function("window.openMs")
    return float(page.evaluate("window.openMs"))


def keyed(page: Page, times: int) -> Iterator[tuple[float, float]]:
    """The first word of sentences all through the article."""
    step = max(1, int(page.evaluate(SENTENCES)) // times)
    page.keyboard.press("Home")
    for _ in range(times):
        page.evaluate(TAGGING)
        page.keyboard.press("1")
        yield answered(page)
        for _ in range(step):
            page.keyboard.press("Control+ArrowRight")


def clicked(page: Page, times: int) -> Iterator[tuple[float, float]]:
    """Free words all through the article, with the label that stays chosen."""
    for turn in range(times):
        x, y = page.evaluate(PLACE, (turn + 0.5) / times)
        page.evaluate(TAGGING)
        page.mouse.dblclick(x, y)
        yield answered(page)


def answered(page: Page) -> tuple[float, float]:
    drawn, stored = page.evaluate("window.tagged")
    page.wait_for_function('() => !document.querySelector("[data-status=saved]").hidden')
    return drawn, stored


def summary(name: str, taken: list[float]) -> Figures:
    return {f"{name}_ms": round(statistics.median(taken), 1), f"{name}_p95_ms": round(percentile(taken, 95), 1)}


def told(found: Figures) -> Iterator[str]:
    yield "milliseconds: median / 95th percentile"
    yield f"{'':20}" + "".join(f"{f'{length:,} tokens':>20}" for length in LENGTHS)
    for name in ("open", "tag", "tag_drawn", "tag_by_mouse", "tag_by_mouse_drawn"):
        rows = [found[str(length)] for length in LENGTHS]
        cells = (f"{row[f'{name}_ms']} / {row[f'{name}_p95_ms']}" for row in rows)
        yield f"{name:20}" + "".join(f"{cell:>20}" for cell in cells)
    yield f"fsync of this disk: {found['fsync_ms']} ms"


if __name__ == "__main__":
    main()
