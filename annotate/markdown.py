"""Guidelines in Markdown, as HTML that may be shown to anybody. Pure: text in, HTML out.

CommonMark with tables. HTML is shown as it was typed, a picture becomes a link to it; a link leads to http, https or
mailto and tells the other site nothing. A line break is kept: guidelines are often pasted from plain text.
"""

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

TITLES_ABOVE = 2  # the page's own, and that of what the guideline belongs to
_ALLOWED = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)


class _Reader(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        return _ALLOWED.match(url) is not None


_reader = _Reader("commonmark", {"html": False, "breaks": True})
_reader.enable("table").disable(["html_block", "html_inline", "image"])


@lru_cache(maxsize=512)  # the article page shows the same few at every opening
def to_html(text: str) -> str:
    tokens = _reader.parse(text)
    for token in tokens:
        _tame(token)
    return str(_reader.renderer.render(tokens, _reader.options, {}))


def _tame(token: Token) -> None:
    for child in token.children or []:
        _tame(child)
    # A column's alignment comes as an inline style, which the pages' policy refuses.
    token.attrs.pop("style", None)
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(int(token.tag[1]) + TITLES_ABOVE, 6)}"
    if token.type == "link_open":
        token.attrs |= {"rel": "noopener noreferrer nofollow", "target": "_blank"}
