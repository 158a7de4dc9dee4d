"""JSON, one value at a time: a file of many megabytes that is one list, or one object of lists, in flat memory."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, NoReturn

from annotate.exchange.lines import LONGEST_LINE, pieces
from annotate.exchange.records import LONGEST_TEXT, SPLIT_NAMES, FormatError

MOST_ITEMS = LONGEST_TEXT  # of all lists that come whole: labels, or the tokens and tags of one article
OF_ONE_ARTICLE = ("text", "tokens")  # an object with one of these is an article, and no lists of articles
SPAN_LISTS = ("spans", "label", "labels", "entities")  # hold no articles, whatever stands before or after them
_BEFORE_A_ROW = re.compile(r"[ \t\r\n]*(?:\[[ \t\r\n]*)?")
_SPACE = re.compile(r"[ \t\r\n]*")


class Part(NamedTuple):
    """A value of the file: the key of the list it is in (empty for a bare list), the line it starts on, and the
    characters that it has there.

    A member of the object that is no list of articles comes whole, with `whole` set.
    """

    key: str
    value: Any
    line: int
    whole: bool = False
    size: int = 0


def parse(text: str) -> Any:
    """One JSON value. Raises ValueError (in words) for what is none, NaN and bottomless nesting too."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def first(text: str) -> Any:
    """The first row of a file that begins so; None where it is not whole."""
    start = _BEFORE_A_ROW.match(text)
    assert start is not None
    try:
        return _DECODER.raw_decode(text, start.end())[0]
    except (ValueError, RecursionError):
        return None


def whole(stream: BinaryIO) -> Any:
    """The one value of a file. Raises FormatError where the JSON breaks."""
    text = _Text(stream)
    value = text.value()
    if text.peek():
        text.fail("Something follows the end")
    return value


def parts(stream: BinaryIO) -> Iterator[Part]:
    """The rows of a list, or of the lists in an object, as they come. Raises FormatError where the JSON breaks."""
    text = _Text(stream)
    if text.take("["):
        yield from _items(text, "")
    elif text.take("{"):
        yield from _members(text)
    else:
        text.fail("It begins with neither a list nor an object")
    if text.peek():
        text.fail("Something follows the end")


def _members(text: "_Text") -> Iterator[Part]:
    if text.take("}"):
        return
    is_article = False
    room = MOST_ITEMS
    while True:
        line = text.line
        key = text.value()
        if not isinstance(key, str) or not text.take(":"):
            text.fail("A key and a colon are missing")
        is_article = is_article or key in OF_ONE_ARTICLE
        whole = key in SPAN_LISTS or (is_article and key.casefold() not in SPLIT_NAMES)
        if not text.take("["):
            yield Part(key, text.value(), line, whole=True)
        elif text.peek() == "{" and not whole:
            yield from _items(text, key)
        else:
            values = _collected(text, key, room)
            room -= len(values)
            yield Part(key, values, line, whole=True)
        if text.take("}"):
            return
        if not text.take(","):
            text.fail("A comma is missing")


def _collected(text: "_Text", key: str, room: int) -> list[Any]:
    values = [part.value for part in itertools.islice(_items(text, key), room + 1)]
    if len(values) > room:
        raise FormatError(
            f"Line {text.line}: “{key[:50]}” is no list of articles, and with it the lists beside the articles have "
            f"more than {MOST_ITEMS:,} items."
        )
    return values


def _items(text: "_Text", key: str) -> Iterator[Part]:
    if text.take("]"):
        return
    while True:
        text.peek()
        line, before = text.line, text.taken
        value = text.value()
        yield Part(key, value, line, size=text.taken - before)
        if text.take("]"):
            return
        if not text.take(","):
            text.fail("A comma is missing")


class _Text:
    """A window on the file's text that moves forward; `line` is where it stands."""

    def __init__(self, stream: BinaryIO) -> None:
        self._pieces = pieces(stream)
        self._window = ""
        self._place = 0
        self.line = 1
        self.taken = 0  # characters so far

    def peek(self) -> str:
        """The next character that is no blank, or "" at the end."""
        while True:
            match = _SPACE.match(self._window, self._place)
            assert match is not None
            self._move(match.end())
            if self._place < len(self._window):
                return self._window[self._place]
            if not self._grow():
                return ""

    def take(self, sign: str) -> bool:
        found = self.peek() == sign
        if found:
            self._move(self._place + 1)
        return found

    def value(self) -> Any:
        self.peek()
        wanted = 0
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._place)
            except RecursionError:
                self.fail("It is nested too deeply")
            except ValueError as error:
                wanted = max(2 * (len(self._window) - self._place), wanted)
                if not self._grow(wanted):
                    self.fail(getattr(error, "msg", str(error)))
                continue
            # A number may go on in the next piece.
            if end == len(self._window) and self._grow():
                continue
            self._move(end)
            return value

    def fail(self, reason: str) -> NoReturn:
        raise FormatError(f"The JSON breaks at line {self.line}: {reason}.")

    def _move(self, place: int) -> None:
        self.line += self._window.count("\n", self._place, place)
        self.taken += place - self._place
        self._place = place

    def _grow(self, wanted: int = 0) -> bool:
        """Read on until `wanted` characters are in the window; False where the file has no more."""
        more = [self._window[self._place :]]
        length = len(more[0])
        if length > LONGEST_LINE:
            self.fail(f"One value is longer than {LONGEST_LINE:,} characters, or never ends")
        grown = False
        for piece in self._pieces:
            grown = True
            more.append(piece)
            length += len(piece)
            if length >= wanted:
                break
        self._window, self._place = "".join(more), 0
        return grown


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
