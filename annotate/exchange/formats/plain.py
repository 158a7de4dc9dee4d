"""Plain text: one file, one article, its text kept to the last character."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

from annotate.exchange.checking import checked
from annotate.exchange.lines import pieces
from annotate.exchange.records import LONGEST_TEXT, Options, Record, broken


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The one article of a .txt file; the file's name without its ending is the title."""
    parts: list[str] = []
    length = 0
    for piece in pieces(stream):
        parts.append(piece)
        length += len(piece)
        if length > LONGEST_TEXT:
            message = f"The file is longer than {LONGEST_TEXT:,} characters: one .txt file is one article. Split it."
            yield broken(1, 1, "too-long", message)
            return
    yield checked(Record(text="".join(parts), title=PurePath(name).stem))
