"""The lines of a CoNLL file: which are tokens, where articles begin, and which columns hold words and tags."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from annotate import schemes
from annotate.exchange.lines import lines
from annotate.exchange.records import FormatError, Options

DOCSTART = "-DOCSTART-"
UNKNOWN = frozenset(["-X-", "O", "_", "-", ""])
LONGEST_TOKEN_LINE = 1 << 19  # characters
MOST_COLUMNS = 1_000
SHOWN_BY = 200  # lines that show what the columns hold
# Label Studio writes so, one header before all of a project's tasks, and a blank line after each task alone.
_OF_TASKS = ["-X-", "_"]
_TASKS = "The file is as Label Studio writes it: what stands between blank lines was taken as one article."
_COLUMN_BREAK = re.compile(r"[ \t]+")
# Of CoNLL-U, and of CoNLL-2012.
_BEGINNING = re.compile(r"# *newdoc(?: +id *= *(?P<id>.*))?|#begin document(?: *\((?P<name>.*)\).*)?")
_KEYED = re.compile(r"# *[\w.:-]+ *= ")  # "# text = I met O." of CoNLL-U
_NUMBER = re.compile(r"([0-9]{1,9})([-.][0-9]+)?")  # of a token; with a second one it is no token of its own


class Line(NamedTuple):
    """A line's columns; none for the blank line after a sentence. `begins` says that an article does, `id` its name."""

    number: int
    columns: list[str]
    begins: bool = False
    id: str = ""


class Layout(NamedTuple):
    """Where a file's lines have their word and tag, and how many columns there are; `is_of_tasks` where each block of
    lines is an article.
    """

    word: int
    tag: int
    columns: int
    note: str = ""
    is_of_tasks: bool = False


def are_in(text: str) -> bool:
    """Whether a text that begins so has -DOCSTART- lines, or a column after the first that holds tags in most lines."""
    rows = [line.rstrip("\r") for line in text[:20_000].split("\n")[:-1] or [text] if line.strip()][:SHOWN_BY]
    if any(_name_at_start(row) is not None for row in rows):
        return True
    columns = [parted for row in rows if not _is_comment(row, parted := _parted(row))]
    return bool(columns) and _tag_column(columns) is not None


def is_above_tokens(columns: Sequence[str], layout: Layout) -> bool:
    """Whether a line is no token of its own but says of what: "1-2 don't"."""
    match = _NUMBER.fullmatch(columns[0]) if layout.word else None
    return match is not None and match[2] is not None


def _parted(line: str) -> list[str]:
    return line.split("\t", MOST_COLUMNS) if "\t" in line else _COLUMN_BREAK.split(line.strip(" "), MOST_COLUMNS)


def _is_tag(columns: Sequence[str], place: int) -> bool:
    return place < len(columns) and schemes.TAG.fullmatch(columns[place].strip(" ")) is not None


def _is_comment(line: str, columns: Sequence[str]) -> bool:
    """Whether a line says something of the file: "# text = ...", "#begin document". The token "#" has a tag, as any."""
    if not line.startswith("#"):
        return False
    if _KEYED.match(line):
        return True
    is_tagged = any(_is_tag(columns, place) for place in range(1, len(columns)))
    return not is_tagged and (columns[0] in {"#", "#begin", "#end"} or len(columns) == 1)


def _tag_column(rows: Sequence[Sequence[str]]) -> int | None:
    """The last column where most of some lines have a tag, None where there is none. Before the last one it is told by
    lines of one length and some entity: many a text has a word O.
    """
    if sum(_is_tag(row, len(row) - 1) for row in rows if len(row) > 1) * 10 >= len(rows) * 8:
        return len(rows[0]) - 1
    if len(set(map(len, rows))) > 1:
        return None
    for place in range(len(rows[0]) - 2, 0, -1):
        tags = [row[place].strip(" ") for row in rows if _is_tag(row, place)]
        if len(tags) * 10 >= len(rows) * 8 and set(tags) != {"O"}:
            return place
    return None


def _lines(stream: BinaryIO) -> Iterator[Line]:
    for number, line in enumerate(lines(stream, LONGEST_TOKEN_LINE), start=1):
        line = line.rstrip("\r\n")
        if not line.strip(" \t"):
            yield Line(number, [])
        elif (name := _name_at_start(line)) is not None:
            yield Line(number, [], begins=True, id=name)
        elif not _is_comment(line, columns := _parted(line)):
            yield Line(number, columns)
        elif match := _BEGINNING.fullmatch(line.strip(" ")):
            yield Line(number, [], begins=True, id=(match["id"] or match["name"] or "").strip())


def _name_at_start(line: str) -> str | None:
    """The article's name in "-DOCSTART- (947testa CRICKET)", empty in "-DOCSTART- -X- -X- O"; None for other lines."""
    if not line.startswith(DOCSTART):
        return None
    rest, name = line[len(DOCSTART) :], ""
    start, end = rest.find("("), rest.rfind(")")
    if 0 <= start < end:
        rest, name = f"{rest[:start]} {rest[end + 1 :]}", rest[start + 1 : end].strip()
    first, *others = _COLUMN_BREAK.split(rest)
    return name if not first and all(column in UNKNOWN for column in others) else None


def laid_out(stream: BinaryIO, options: Options) -> tuple[Layout, Iterator[Line]]:
    found = _lines(stream)
    first = list(itertools.islice(found, SHOWN_BY))
    return _layout(first, options.tag_column), itertools.chain(first, found)


def _layout(first: Sequence[Line], tag_column: int) -> Layout:
    rows = [line.columns for line in first if line.columns]
    count = len(rows[0]) if rows else 0
    word = 1 if _is_numbered(first) else 0
    if tag_column:
        tag = tag_column - 1 if tag_column > 0 else count + tag_column
        if count and not word < tag < count:
            raise FormatError(
                f"Column {tag_column} cannot hold the tags: the file has {count} columns, and the words are in "
                f"column {word + 1}."
            )
        return Layout(word, tag, count)
    tag = count - 1
    # The last column is meant even where many of its tags are wrong: what stands before it may well be chunks.
    if 2 * sum(_is_tag(row, tag) for row in rows) < len(rows) and (other := _tag_column(rows)) is not None:
        tag = other
    if sum(line.begins for line in first) < 2 and all(row[1:3] == _OF_TASKS and len(row) == 4 for row in rows):
        return Layout(word, tag, count, _TASKS, is_of_tasks=bool(rows))
    note = ""
    if tag != count - 1 or word:
        note = f"Of {count} columns, the words were read from column {word + 1} and the tags from column {tag + 1}."
    return Layout(word, tag, count, note)


def _is_numbered(first: Sequence[Line]) -> bool:
    """Whether the first of three or more columns counts the tokens of each sentence from 1; the second names them."""
    expected, longest, is_named = 1, 0, False
    for line in first:
        if not line.columns:
            expected = 1
            continue
        match = _NUMBER.fullmatch(line.columns[0])
        if match is None or len(line.columns) < 3:
            return False
        if match[2]:
            continue
        if int(match[1]) != expected:
            return False
        longest = max(longest, expected)
        expected += 1
        is_named = is_named or line.columns[1] not in UNKNOWN
    return is_named and longest > 1
