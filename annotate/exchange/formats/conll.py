"""CoNLL: one token a line, its tag in the last column, a blank line after each sentence.

Read with two columns or more, tab or blank between them, with or without -DOCSTART- lines; written as CoNLL-2003's
four columns (word, -X-, -X-, tag), which other tools read without edits.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO, NamedTuple

from annotate import iob2
from annotate.exchange.checking import checked
from annotate.exchange.formats.head import Head
from annotate.exchange.lines import lines
from annotate.exchange.records import LONGEST_TEXT, FormatError, Options, Problem, Record, as_iob2

DOCSTART = "-DOCSTART-"
UNKNOWN = frozenset(["-X-", "O", "_", "-", ""])
# Without -DOCSTART- lines a short file is one article; a long one is a heap of sentences from nobody knows where.
SENTENCES_OF_ONE_ARTICLE = 100
LONGEST_SENTENCE = 100_000
_TAG = re.compile(r"O|[BI]-\S+")
_COLUMN_BREAK = re.compile(r"[ \t]+")


class _Row(NamedTuple):
    """A token's line; `word` is None for the blank line after a sentence, `columns` counts what was there."""

    line: int
    word: str | None
    tag: str = ""
    columns: int = 0
    starts_document: bool = False


class _Block(NamedTuple):
    """A sentence; `starts_document` where a -DOCSTART- stands before it."""

    rows: list[_Row]
    starts_document: bool


def is_mine(head: Head) -> bool:
    """Whether the file begins with -DOCSTART-, or most of its lines end with a tag."""
    text = head.text
    rows = [line.rstrip("\r") for line in text[:20_000].split("\n")[:-1] or [text] if line.strip()][:200]
    if not rows:
        return False
    if rows[0].startswith(DOCSTART):
        return True
    columns = [row.split("\t") if "\t" in row else row.split(" ") for row in rows]
    tagged = [row for row in columns if len(row) > 1 and _TAG.fullmatch(row[-1].strip())]
    return len(tagged) * 10 >= len(rows) * 8


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record an article. The scheme is "iob1" or "iob2"; rows with another number of columns than the file's first
    make the record bad. Without -DOCSTART- lines, see `SENTENCES_OF_ONE_ARTICLE`; a notice says what was done.
    """
    columns = 0
    for number, document in enumerate(_documents(_blocks(_rows(stream))), start=1):
        columns = columns or document.blocks[0].rows[0].columns
        yield _record(document, number, columns, options.scheme)


def sequences(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    """The tags of a file, sentence by sentence, for the decision on the scheme."""
    return ([row.tag for row in block.rows] for block in _blocks(_rows(stream)) if block.rows)


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


def _rows(stream: BinaryIO) -> Iterator[_Row]:
    for number, line in enumerate(lines(stream), start=1):
        line = line.rstrip("\r\n")
        if not line.strip(" \t"):
            yield _Row(number, None)
            continue
        columns = line.split("\t") if "\t" in line else _COLUMN_BREAK.split(line.strip(" "))
        starts = columns[0] == DOCSTART and all(column in UNKNOWN for column in columns[1:])
        yield _Row(number, columns[0], columns[-1].strip(" ") if columns[1:] else "", len(columns), starts)


def _blocks(found: Iterable[_Row]) -> Iterator[_Block]:
    rows: list[_Row] = []
    starts_document = False
    for row in found:
        if row.word is not None and not row.starts_document:
            rows.append(row)
            if len(rows) > LONGEST_SENTENCE:
                raise FormatError(f"Line {row.line}: more than {LONGEST_SENTENCE:,} tokens without a blank line.")
            continue
        if rows:
            yield _Block(rows, starts_document)
            rows, starts_document = [], False
        starts_document = starts_document or row.starts_document
    if rows:
        yield _Block(rows, starts_document)


def _documents(found: Iterator[_Block]) -> Iterator[_Document]:
    """Gather sentences to articles; what is too long to be one keeps only its beginning, and says so."""
    first = next(found, None)
    if first is None:
        return
    blocks = [first]
    length = _length(first)
    marked = first.starts_document
    for block in found:
        if not marked and (block.starts_document or len(blocks) == SENTENCES_OF_ONE_ARTICLE):
            yield from _unmarked(blocks, is_heap=not block.starts_document)
            if not block.starts_document:
                yield from _heap(block, found)
                return
            blocks, length, marked = [], 0, True
        elif block.starts_document:
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
    return sum(len(row.word or "") for row in block.rows)


def _record(document: _Document, number: int, columns: int, scheme: str) -> Record:
    words: list[str] = []
    tags: list[str] = []
    starts: list[int] = []
    places: list[int] = []
    for block in document.blocks:
        starts.append(len(words))
        words += [row.word or "" for row in block.rows]
        tags += as_iob2([row.tag for row in block.rows], scheme)
        places += [row.line for row in block.rows]
    record = Record(line=places[0], number=number, words=words, tags=tags, sentence_starts=starts, sentences_apart=True)
    problems = list(_column_problems(record, document, columns))
    if document.too_long:
        problems.append(record.error("too-long", f"The article is longer than {LONGEST_TEXT:,} characters. Split it."))
    if document.note:
        problems.append(record.notice("documents", document.note))
    if any(problem.severity == "error" for problem in problems):
        return record.having(problems)
    return checked(replace(record, problems=tuple(problems)), places)


def _column_problems(record: Record, document: _Document, columns: int) -> Iterator[Problem]:
    for block in document.blocks:
        for row in block.rows:
            if row.columns != columns or row.columns < 2:
                wanted = columns if columns > 1 else "two or more"
                message = f"The line has {row.columns} column{'s' * (row.columns != 1)}, not {wanted}."
                yield record.error("columns", message, line=row.line)
