"""CoNLL: one token a line, its tag in one of the columns, a blank line after each sentence.

Read with two columns or more, tab or blank between them, with or without -DOCSTART- lines, with comments and numbered
tokens as CoNLL-U has them; written as CoNLL-2003's four columns (word, -X-, -X-, tag), which other tools read without
edits.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, NamedTuple

from annotate import iob2, schemes
from annotate.exchange.checking import checked
from annotate.exchange.formats.head import Head
from annotate.exchange.lines import lines
from annotate.exchange.records import LONGEST_TEXT, FormatError, Options, Problem, Record, as_iob2

DOCSTART = "-DOCSTART-"
UNKNOWN = frozenset(["-X-", "O", "_", "-", ""])
# Without -DOCSTART- lines a short file is one article; a long one is a heap of sentences from nobody knows where.
SENTENCES_OF_ONE_ARTICLE = 100
LONGEST_SENTENCE = 100_000
SHOWN_BY = 200  # lines that show what the columns hold
# Label Studio writes so, one header before all of a project's tasks, and a blank line after each task alone.
_OF_TASKS = ["-X-", "_"]
_TASKS = "The file is as Label Studio writes it: what stands between blank lines was taken as one article."
_COLUMN_BREAK = re.compile(r"[ \t]+")
# Of CoNLL-U, and of CoNLL-2012.
_BEGINNING = re.compile(r"# *newdoc(?: +id *= *(?P<id>.*))?|#begin document(?: *\((?P<name>.*)\).*)?")
_KEYED = re.compile(r"# *[\w.:-]+ *= ")  # "# text = I met O." of CoNLL-U
_NUMBER = re.compile(r"([0-9]{1,9})([-.][0-9]+)?")  # of a token; with a second one it is no token of its own


class _Line(NamedTuple):
    """A line's columns; none for the blank line after a sentence. `begins` says that an article does, `id` its name."""

    number: int
    columns: list[str]
    begins: bool = False
    id: str = ""


class _Layout(NamedTuple):
    """Where a file's lines have their word and tag, and how many columns there are; `is_of_tasks` where each block of
    lines is an article.
    """

    word: int
    tag: int
    columns: int
    note: str = ""
    is_of_tasks: bool = False


class _Row(NamedTuple):
    """A token's line; `columns` counts what was there."""

    line: int
    word: str
    tag: str
    columns: int


class _Block(NamedTuple):
    """A sentence; `begins` where an article begins before it, `id` is that one's name."""

    rows: list[_Row]
    begins: bool
    id: str


def is_mine(head: Head) -> bool:
    """Whether the file has -DOCSTART- lines, or a column after the first holds tags in most of its lines."""
    text = head.text
    rows = [line.rstrip("\r") for line in text[:20_000].split("\n")[:-1] or [text] if line.strip()][:SHOWN_BY]
    if any(_name_at_start(row) is not None for row in rows):
        return True
    columns = [parted for row in rows if not _is_comment(row, parted := _parted(row))]
    return bool(columns) and _tag_column(columns) is not None


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record an article. Rows with another number of columns than the file's first make the record bad. Without
    -DOCSTART- lines or the like, see `SENTENCES_OF_ONE_ARTICLE`; a notice says what was done. Raises FormatError where
    there is no column of the number that was asked for.
    """
    layout, found = _laid_out(stream, options)
    for number, document in enumerate(_documents(_blocks(found, layout)), start=1):
        record = _record(document, number, layout.columns, options.scheme)
        if number == 1 and layout.note:
            record = record.having([record.notice("columns", layout.note)])
        yield record


def sequences(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    """The tags of a file, sentence by sentence, for the decision on the scheme."""
    layout, found = _laid_out(stream, options)
    return ([row.tag for row in block.rows] for block in _blocks(found, layout))


def write(records: Iterable[Record]) -> Iterator[str]:
    """CoNLL-2003 lines of tagged records. A sentence break inside an entity is left out: the format has no way to
    say that the entity goes on.
    """
    for record in records:
        tags = record.tags or []
        iob2.check(tags)
        breaks = {start for start in record.sentence_starts or [] if start and not tags[start].startswith("I-")}
        yield f"{DOCSTART} -X- -X- O\n\n"
        for index, (word, tag) in enumerate(zip(record.words or [], tags, strict=True)):
            # A token that reads -DOCSTART- gets a part of speech, which no document's start has.
            middle = "SYM" if word == DOCSTART else "-X-"
            if index in breaks:
                yield "\n"
            yield f"{word} {middle} -X- {tag}\n"
        yield "\n"


class _Document(NamedTuple):
    blocks: list[_Block]
    note: str = ""
    too_long: bool = False


def _parted(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else _COLUMN_BREAK.split(line.strip(" "))


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


def _lines(stream: BinaryIO) -> Iterator[_Line]:
    for number, line in enumerate(lines(stream), start=1):
        line = line.rstrip("\r\n")
        if not line.strip(" \t"):
            yield _Line(number, [])
        elif (name := _name_at_start(line)) is not None:
            yield _Line(number, [], begins=True, id=name)
        elif not _is_comment(line, columns := _parted(line)):
            yield _Line(number, columns)
        elif match := _BEGINNING.fullmatch(line.strip(" ")):
            yield _Line(number, [], begins=True, id=(match["id"] or match["name"] or "").strip())


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


def _laid_out(stream: BinaryIO, options: Options) -> tuple[_Layout, Iterator[_Line]]:
    found = _lines(stream)
    first = list(itertools.islice(found, SHOWN_BY))
    return _layout(first, options.tag_column), itertools.chain(first, found)


def _layout(first: Sequence[_Line], tag_column: int) -> _Layout:
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
        return _Layout(word, tag, count)
    tag = count - 1
    # The last column is meant even where many of its tags are wrong: what stands before it may well be chunks.
    if 2 * sum(_is_tag(row, tag) for row in rows) < len(rows) and (other := _tag_column(rows)) is not None:
        tag = other
    if sum(line.begins for line in first) < 2 and all(row[1:3] == _OF_TASKS and len(row) == 4 for row in rows):
        return _Layout(word, tag, count, _TASKS, is_of_tasks=bool(rows))
    note = ""
    if tag != count - 1 or word:
        note = f"Of {count} columns, the words were read from column {word + 1} and the tags from column {tag + 1}."
    return _Layout(word, tag, count, note)


def _is_numbered(first: Sequence[_Line]) -> bool:
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


def _blocks(found: Iterable[_Line], layout: _Layout) -> Iterator[_Block]:
    rows: list[_Row] = []
    begins, name = False, ""
    for line in found:
        if columns := line.columns:
            if layout.word and (match := _NUMBER.fullmatch(columns[0])) and match[2]:
                continue  # "1-2 don't" stands above its tokens
            rows.append(_row(line, layout))
            if len(rows) > LONGEST_SENTENCE:
                raise FormatError(f"Line {line.number}: more than {LONGEST_SENTENCE:,} tokens without a blank line.")
            continue
        if rows:
            yield _Block(rows, begins or layout.is_of_tasks, name)
            rows, begins, name = [], False, ""
        if line.begins:
            begins, name = True, line.id
    if rows:
        yield _Block(rows, begins or layout.is_of_tasks, name)


def _row(line: _Line, layout: _Layout) -> _Row:
    columns = line.columns
    word = columns[layout.word] if layout.word < len(columns) else columns[0]
    # A line with too few columns is reported; for the scheme its last one tells most.
    tag = columns[min(layout.tag, len(columns) - 1)].strip(" ") if len(columns) > 1 else ""
    return _Row(line.number, word, tag, len(columns))


def _documents(found: Iterator[_Block]) -> Iterator[_Document]:
    """Gather sentences to articles; what is too long to be one keeps only its beginning, and says so."""
    first = next(found, None)
    if first is None:
        return
    blocks = [first]
    length = _length(first)
    marked = first.begins
    for block in found:
        if not marked and (block.begins or len(blocks) == SENTENCES_OF_ONE_ARTICLE):
            yield from _unmarked(blocks, is_heap=not block.begins)
            if not block.begins:
                yield from _heap(block, found)
                return
            blocks, length, marked = [], 0, True
        elif block.begins:
            yield _Document(blocks, too_long=length > LONGEST_TEXT)
            blocks, length = [], 0
        length += _length(block)
        if length <= LONGEST_TEXT or not blocks:
            blocks.append(block)
    yield from _unmarked(blocks, is_heap=False) if not marked else [_Document(blocks, too_long=length > LONGEST_TEXT)]


def _unmarked(blocks: list[_Block], *, is_heap: bool) -> Iterator[_Document]:
    if is_heap:
        for place, block in enumerate(blocks):
            yield _Document([block], _HEAP if place == 0 else "")
    else:
        yield _Document(blocks, _SINGLE)


_SINGLE = "The file has no -DOCSTART- line here: its sentences were taken as one article."
_HEAP = (
    f"The file has no -DOCSTART- lines and more than {SENTENCES_OF_ONE_ARTICLE} sentences: nothing says where an "
    "article ends, so each sentence became one. Put -DOCSTART- before each article to keep them whole."
)


def _heap(block: _Block, rest: Iterator[_Block]) -> Iterator[_Document]:
    yield _Document([block])
    for block in rest:
        yield _Document([block])


def _length(block: _Block) -> int:
    return sum(len(row.word) for row in block.rows)


def _record(document: _Document, number: int, columns: int, scheme: str) -> Record:
    words: list[str] = []
    tags: list[str] = []
    starts: list[int] = []
    places: list[int] = []
    unclosed: list[int] = []
    for block in document.blocks:
        starts.append(len(words))
        given = [row.tag for row in block.rows]
        unclosed += [len(words) + index for index in schemes.unclosed(given, scheme)]
        words += [row.word for row in block.rows]
        tags += as_iob2(given, scheme)
        places += [row.line for row in block.rows]
    record = Record(
        line=places[0],
        number=number,
        external_id=document.blocks[0].id,
        words=words,
        tags=tags,
        sentence_starts=starts,
        sentences_apart=True,
    )
    problems = list(_column_problems(record, document, columns))
    if document.too_long:
        problems.append(record.error("too-long", f"The article is longer than {LONGEST_TEXT:,} characters. Split it."))
    if document.note:
        problems.append(record.notice("documents", document.note))
    if unclosed:
        problems.append(_unclosed(record, unclosed, scheme, places))
    if any(problem.severity == "error" for problem in problems):
        return record.having(problems)
    return checked(replace(record, problems=tuple(problems)), places)


def _unclosed(record: Record, found: list[int], scheme: str, places: list[int]) -> Problem:
    words, tags = record.words or [], record.tags or []
    first = found[0]
    many = "An entity does" if len(found) == 1 else f"{len(found):,} entities do"
    message = f"{many} not end as {scheme.upper()} writes it, the first at “{words[first]}”: read as if so."
    return record.notice("unclosed", message, first, tags[first], places[first])


def _column_problems(record: Record, document: _Document, columns: int) -> Iterator[Problem]:
    for block in document.blocks:
        for row in block.rows:
            if row.columns != columns or row.columns < 2:
                wanted = columns if columns > 1 else "two or more"
                message = f"The line has {row.columns} column{'s' * (row.columns != 1)}, not {wanted}."
                yield record.error("columns", message, line=row.line)
