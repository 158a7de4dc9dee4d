"""HTML pages: the article of a page without what is around it, found by trafilatura."""

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

from annotate import tokens
from annotate.exchange.checking import checked
from annotate.exchange.formats.head import Head
from annotate.exchange.records import Options, Record, broken

LARGEST = 1 << 23  # bytes of a page
SHORTEST = 8  # tokens of the longest line: menus and notices have fewer, and are all that is found where no article is
_PAGE = re.compile(
    r"(?>\s*(?:<\?xml[^>]*>\s*)?)(?><!--.*?-->\s*)*+<(?:!doctype\s+html\b|html[\s>])", re.IGNORECASE | re.DOTALL
)
_LANGUAGE = re.compile(rb"<html\b[^>]{0,1000}?\blang\s*=\s*[\"']?([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)", re.IGNORECASE)


def is_mine(head: Head) -> bool:
    return _PAGE.match(head.text[:100_000]) is not None


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The one article of a page, with its title, date, address and language where the page tells them."""
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        yield broken(1, 1, "too-long", f"The page is larger than {LARGEST:,} bytes: no article is.")
        return
    found = bare_extraction(data, with_metadata=True, include_comments=False)
    text = (found.text or "").strip() if isinstance(found, Document) else ""
    if not isinstance(found, Document) or max(len(tokens.tokenize(line)) for line in text.split("\n")) < SHORTEST:
        yield broken(1, 1, "empty", "The page has no main text: nothing on it reads as an article.")
        return
    language = _LANGUAGE.search(data[:100_000])
    yield checked(
        Record(
            text=text,
            title=found.title or PurePath(name).stem,
            source=found.url or found.sitename or "",
            date=found.date or "",
            language=found.language or (language[1].decode() if language else ""),
            metadata={"author": found.author} if found.author else {},
        )
    )
