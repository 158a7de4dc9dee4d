"""Bytes to text, piece by piece, so that a file of any size is read in flat memory.

UTF-8 with or without a byte order mark, and UTF-16 with one. Anything else is refused with the place.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from annotate.exchange.records import FormatError

CHUNK = 1 << 16
LONGEST_LINE = 1 << 24  # characters: a line of a sane file is one article


def pieces(stream: BinaryIO) -> Iterator[str]:
    """The text of a stream in pieces of some 64 kB. Raises FormatError with the place of the first bad byte."""
    head = stream.read(CHUNK)
    encoding = encoding_of(head)
    decoder = codecs.getincrementaldecoder(encoding)()
    position, lines_before = 0, 0
    while True:
        pending = len(decoder.getstate()[0])
        try:
            piece = decoder.decode(head, final=not head)
        except UnicodeDecodeError as error:
            line = lines_before + 1 + error.object[: error.start].count(b"\n")
            raise FormatError(_not_text(error, position - pending, line)) from error
        lines_before += piece.count("\n")
        position += len(head)
        if piece:
            yield piece
        if not head:
            return
        head = stream.read(CHUNK)


def encoding_of(head: bytes) -> str:
    """The codec of a file by its first bytes. Raises FormatError for what is no text at all."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = head[:4096]
    if start.count(0) * 10 > len(start) > 1:
        raise FormatError("This is no text file, or UTF-16 without a byte order mark. Save it as UTF-8.")
    return "utf-8-sig"


def lines(stream: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[str]:
    """The lines of a stream, each with its line end; only \\n ends a line. Raises FormatError for a longer one."""
    rest: list[str] = []
    length = 0
    number = 1
    for piece in pieces(stream):
        first, *more = piece.split("\n")
        rest.append(first)
        length += len(first)
        for part in more:
            yield "".join(rest) + "\n"
            number += 1
            rest, length = [part], len(part)
        if length > longest:
            raise FormatError(f"Line {number} is longer than {longest:,} characters: it is none of an article.")
    if length:
        yield "".join(rest)


def _not_text(error: UnicodeDecodeError, before: int, line: int) -> str:
    place = before + error.start
    if error.encoding.startswith("utf-16"):
        return f"The file begins as UTF-16 but is broken at byte {place:,}. Save it as UTF-8."
    byte = error.object[error.start]
    return f"The file is not UTF-8: byte 0x{byte:02X} at position {place:,} (line {line:,}). Save it as UTF-8."
