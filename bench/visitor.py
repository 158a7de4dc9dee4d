"""A visitor of the site over one kept-open connection, who reads pages as the browser's script does."""

import json
import re
import time
from html.parser import HTMLParser
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit
from uuid import uuid4


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: str
    ms: float  # from the first byte sent to the last received
    requests: int = 1


class Page(HTMLParser):
    """What the benchmarks look for in a page or a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}  # of the form that sends edits
        self.edit = ""  # where it sends them
        self.tokens = 0
        self.marks: list[tuple[int, int]] = []
        self.links: list[tuple[dict[str, str], str]] = []  # attributes and text
        self.options: list[tuple[str, str, str]] = []  # name, value, text
        self.search = "q"
        self.warning = ""
        self._in: list[tuple[str, str]] = []  # open elements that matter, with their class or name
        self._link: tuple[dict[str, str], list[str]] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if tag == "form" and "edit" in classes:
            self.edit = given.get("hx-post") or given.get("action") or ""
            self._in.append(("form", "edit"))
        elif tag == "form":
            self._in.append(("form", ""))
        elif tag == "input":
            self._input(given)
        elif tag == "i":
            self.tokens += any(name == "text" for _, name in self._in)
        elif tag == "mark":
            self.marks.append((int(given.get("data-s", 0)), int(given.get("data-e", 0))))
        elif tag == "select":
            self._in.append(("select", given.get("name", "")))
        elif tag == "option" and self._in and self._in[-1][0] == "select":
            self.options.append((self._in[-1][1], given.get("value", ""), ""))
            self._in.append(("option", "value" if "value" in given else ""))
        elif tag == "a":
            self._link = (given, [])
        elif given.get("id") == "text":
            self._in.append((tag, "text"))
        elif "warned" in classes:
            self._in.append((tag, "warned"))

    def _input(self, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if given.get("type") == "search":
            self.search = name
        if ("form", "edit") in self._in or name == "base":  # a fragment may bring the new base alone
            self.fields[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self._link[1].append(data)
        if self._in and self._in[-1][0] == "option":
            name, value, text = self.options[-1]
            text = (text + data).strip()
            self.options[-1] = (name, value if self._in[-1][1] else text, text)
        elif self._in and self._in[-1][1] == "warned":
            self.warning += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            self.links.append((self._link[0], " ".join("".join(self._link[1]).split())))
            self._link = None
        elif self._in and self._in[-1][0] == tag:
            self._in.pop()

    def free_tokens(self) -> list[int]:
        """Tokens that no mark touches."""
        taken = {index for start, end in self.marks for index in range(start, end)}
        return [index for index in range(self.tokens) if index not in taken]

    def articles(self) -> int:
        """How many articles a list shows."""
        addresses = {given.get("href", "") for given, _ in self.links}
        return sum(re.search(r"/articles/\d+/(\?|$)", address) is not None for address in addresses)

    def option(self, wanted: str) -> dict[str, str]:
        """The query that chooses this value or name in one of the page's selects."""
        for name, value, text in self.options:
            if wanted in {value, text}:
                return {name: value}
        raise LookupError(f"the list offers no {wanted!r}")

    def last(self) -> str:
        """The query of a list's last page."""
        for given, text in self.links:
            if "last" in given.get("rel", "").split() or text.lower().startswith("last"):
                return given["href"]
        return ""


class Visitor:
    def __init__(self, port: int, link: str) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.get(f"/sign-in/{link}")
        if "tagdesk_session" not in self.cookies:
            raise SystemExit("the sign-in link did not sign in")

    def begin(self) -> None:
        """Open the connection anew: the server closes one that was silent for two seconds."""
        self.connection.close()
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.get("/sign-in/")

    def get(self, path: str, purpose: str = "-", htmx: bool = False) -> Answer:
        """Redirects are followed and counted: the person waits for them too."""
        answer = self._ask("GET", path, purpose, None, htmx)
        while answer.status in {301, 302, 303} and answer.requests < 5:
            target = urlsplit(answer.headers["location"])
            then = self._ask("GET", f"{target.path}?{target.query}".rstrip("?"), purpose, None, htmx)
            answer = then._replace(ms=answer.ms + then.ms, requests=answer.requests + 1)
        return answer

    def post(self, path: str, fields: dict[str, str], purpose: str = "-") -> Answer:
        """Send a form; where the answer leads is not looked at."""
        answer = self._ask("POST", path, purpose, urlencode(fields).encode(), htmx=False)
        if answer.status not in {200, 302}:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]}")
        return answer

    def edit(self, page: Page, purpose: str = "-", **fields: object) -> Answer:
        """Send one edit as the page's script does, and bring the page's base up to what the answer says."""
        given = {name: str(value) for name, value in fields.items()}
        everything = {**page.fields, "client_id": uuid4().hex, **given}
        answer = self._ask("POST", page.edit, purpose, urlencode(everything).encode(), htmx=True)
        after = Page(answer.body)
        if answer.status != 200 or after.warning:
            raise RuntimeError(f"{page.edit} {given}: {answer.status} {after.warning or answer.body[:300]}")
        page.fields["base"] = after.fields.get("base") or str(int(page.fields["base"]) + 1)
        return answer

    def _ask(self, method: str, path: str, purpose: str, body: bytes | None, htmx: bool) -> Answer:
        headers = {"X-Bench": purpose, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if htmx:
            headers |= {"HX-Request": "true", "HX-Current-URL": f"http://127.0.0.1:{self.port}{path}"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        data = response.read()
        ms = (time.perf_counter() - began) * 1000
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, data.decode(), ms)


def spans_field(spans: list[tuple[int, int, str]]) -> str:
    return json.dumps([list(span) for span in spans])
