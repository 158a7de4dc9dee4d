"""What a visitor does in a project, one method an operation: each returns the answer that was waited for."""

import re
from collections.abc import Callable
from typing import Any

from bench.articles import LABELS, RARE_IN, RARE_WORD
from bench.visitor import Answer, Page, Visitor, spans_field

TAGS_AN_ARTICLE = 10
COMMON_WORD = "the"
LIST = "list"
# What each of the list's filters is asked for, by a value or name that the page offers, or by words.
FILTERS: dict[str, tuple[str, ...]] = {
    "filter_state": ("finished",),
    "filter_split": ("validation",),
    "filter_label": ("PER",),
    "filter_word": (f"?{RARE_WORD}",),
}
COMBOS: dict[str, tuple[str, ...]] = {
    "combo_state_split": ("finished", "train"),
    "combo_state_label": ("in_progress", "MISC"),
    "combo_all_but_words": ("finished", "validation", "ORG"),
    "combo_rare_word": ("raw", "train", f"?{RARE_WORD}"),
    "combo_common_word": ("finished", "PER", f"?{COMMON_WORD}"),
    "combo_nothing_found": ("in_progress", "validation", "LOC", f"?{RARE_WORD}"),
}


class Work:
    """The operations on one project. `made` is what `bench.folder` said of it."""

    def __init__(self, visitor: Visitor, made: dict[str, Any], verbs: set[str]) -> None:
        self.visitor, self.made = visitor, made
        self.slug = made["slug"]
        self.untouched: list[int] = list(made["untouched"])
        self.saved: list[int] = []  # articles with ten spans, to be finished
        self.tagging: tuple[Page, list[int]] | None = None
        self.turn = 0
        self.list_page = Page(visitor.get(self.list_path()).body)
        self.operations: dict[str, Callable[[str], Answer]] = {
            "open": self.open,
            "tag": self.tag,
            **({"save10": self.save10} if "tag_all" in verbs else {}),
            "finish": self.finish,
            "next": self.next,
            "list": self.list,
            "list_last": self.list_last,
        }
        for name, wanted in {**FILTERS, **COMBOS}.items():
            self.operations[name] = self.filtered(self.query(wanted), RARE_IN if name == "filter_word" else None)

    def article(self, pk: int) -> Page:
        return Page(self.visitor.get(f"/articles/{pk}/").body)

    def open(self, purpose: str) -> Answer:
        self.turn += 1
        keys = self.made["open"]
        answer = self.visitor.get(f"/articles/{keys[self.turn % len(keys)]}/", purpose)
        return checked(answer, 'id="text"')

    def tag(self, purpose: str) -> Answer:
        """A span of one word; ten of them in an article, then the next article."""
        if self.tagging is None or not self.tagging[1]:
            page = self.article(self.untouched.pop())
            self.tagging = page, page.free_tokens()[::3][:TAGS_AN_ARTICLE]
        page, words = self.tagging
        word = words.pop()
        label = LABELS[word % len(LABELS)]
        return self.visitor.edit(page, purpose, verb="tag", start=word, end=word + 1, label=label)

    def save10(self, purpose: str) -> Answer:
        """Ten spans in one request, on an article that nobody has begun."""
        pk = self.untouched.pop()
        page = self.article(pk)
        words = page.free_tokens()[::3][:10]
        spans = [(word, word + 1, LABELS[word % len(LABELS)]) for word in words]
        self.saved.append(pk)
        return self.visitor.edit(page, purpose, verb="tag_all", spans=spans_field(spans))

    def finish(self, purpose: str) -> Answer:
        """Finish an article of which the suggestions are sure, and see the next one."""
        page = self.article(self.saved.pop() if self.saved else self.untouched.pop())
        answer = self.visitor.edit(page, purpose, verb="finish", go_on="on")
        return checked(answer, 'id="text"')

    def next(self, purpose: str) -> Answer:
        """Skip an article: its page's own link to the next."""
        page = self.article(self.untouched[self.turn % len(self.untouched)])
        self.turn += 1
        link = next((given for given, _ in page.links if "data-skip" in given), None)
        if link is None:
            raise RuntimeError("the article page has no link to the next article (data-skip)")
        answer = self.visitor.get(link.get("hx-get") or link["href"], purpose, htmx="hx-get" in link)
        return checked(answer, 'id="text"')

    def list_path(self, query: str = "") -> str:
        return f"/projects/{self.slug}/articles{query and '?' + query}"

    def list(self, purpose: str) -> Answer:
        return listed(self.visitor.get(self.list_path(), purpose))

    def list_last(self, purpose: str) -> Answer:
        link = self.list_page.last()
        if link:
            path = link if link.startswith("/") else self.list_path(link.lstrip("?"))
        else:
            pages = re.search(r"Page 1 of ([\d,]+)", self.visitor.get(self.list_path()).body)
            if pages is None:
                raise RuntimeError("the list names no last page")
            path = self.list_path("page=" + pages[1].replace(",", ""))
        return listed(self.visitor.get(path, purpose))

    def query(self, wanted: tuple[str, ...]) -> str:
        page = self.list_page
        chosen = [{page.search: one[1:]} if one.startswith("?") else page.option(one) for one in wanted]
        return "&".join(f"{name}={value}" for pair in chosen for name, value in pair.items())

    def filtered(self, query: str, expected: int | None) -> Callable[[str], Answer]:
        def ask(purpose: str) -> Answer:
            answer = self.visitor.get(self.list_path(query), purpose)
            if expected is not None and (shown := Page(answer.body).articles()) != expected:
                raise RuntimeError(f"{query}: {shown} articles, not {expected}")
            return checked(answer, "")

        return ask


def checked(answer: Answer, needed: str) -> Answer:
    """A benchmark of an error page would look fast."""
    if answer.status != 200 or needed not in answer.body:
        raise RuntimeError(f"unexpected answer {answer.status}: {answer.body[:300]}")
    return answer


def listed(answer: Answer) -> Answer:
    if not Page(checked(answer, "").body).articles():
        raise RuntimeError("a list without articles")
    return answer
