"""Plain text: one file, one article, its text kept to the last character; or several, parted by blank lines."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

from annotate.exchange.checking import checked
from annotate.exchange.lines import lines, pieces
from annotate.exchange.records import LONGEST_TEXT, Options, Record, broken


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The article of a .txt file; the file's name without its ending is the title. With `blank_lines` those that so
    many blank lines or more part, each numbered after the name.
    """
    title = PurePath(name).stem
    if options.blank_lines < 1:
        yield _whole(stream, title)
        return
    for number, (line, text) in enumerate(_parted(stream, options.blank_lines), start=1):
        if text is None:
            message = f"The article is longer than {LONGEST_TEXT:,} characters. Part it by blank lines."
            yield broken(line, number, "too-long", message)
        else:
            yield checked(Record(line=line, number=number, text=text, title=f"{title} {number}".strip()))


def _whole(stream: BinaryIO, title: str) -> Record:
    parts: list[str] = []
    length = 0
    for piece in pieces(stream):
        parts.append(piece)
        length += len(piece)
        if length > LONGEST_TEXT:
            message = f"The file is longer than {LONGEST_TEXT:,} characters: one .txt file is one article. Split it."
            return broken(1, 1, "too-long", message)
    return checked(Record(text="".join(parts), title=title))


def _parted(stream: BinaryIO, blank_lines: int) -> Iterator[tuple[int, str | None]]:
    """The line on which each article begins, and its text without the blank lines around it; None for one that is too
    long.
    """
    text: list[str] = []
    blank: list[str] = []  # lines that belong to the article if it goes on
    begins = length = 0
    for number, line in enumerate(lines(stream), start=1):
        if not line.strip():
            if text and len(blank) < blank_lines:
                blank.append(line)
            continue
        if text and len(blank) >= blank_lines:
            yield begins, _text(text, length)
            text, length = [], 0
        elif length <= LONGEST_TEXT:
            text += blank
            length += sum(map(len, blank))
        blank = []
        begins = begins if text else number
        length += len(line)
        if length <= LONGEST_TEXT or not text:
            text.append(line)
    if text:
        yield begins, _text(text, length)


def _text(parts: list[str], length: int) -> str | None:
    """An article to the letter, without its last line's end."""
    return "".join(parts).removesuffix("\n").removesuffix("\r") if length <= LONGEST_TEXT else None
