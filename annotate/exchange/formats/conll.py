"""CoNLL: one token a line, its tag in one of the columns, a blank line after each sentence.

Read with two columns or more, tab or blank between them, with or without -DOCSTART- lines, with comments and numbered
tokens as CoNLL-U has them; written as CoNLL-2003's four columns (word, -X-, -X-, tag), which other tools read without
edits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO, NamedTuple

from annotate import iob2, schemes
from annotate.exchange.checking import checked
from annotate.exchange.formats import conllcolumns
from annotate.exchange.formats.conllcolumns import DOCSTART, Layout, Line, is_above_tokens, laid_out
from annotate.exchange.formats.head import Head
from annotate.exchange.lines import LONGEST_LINE
from annotate.exchange.records import LONGEST_TEXT, FormatError, Options, Problem, Record, as_iob2
from annotate.exchange.spans import LONGEST_LABEL

# Without -DOCSTART- lines a short file is one article; a long one is a heap of sentences from nobody knows where.
SENTENCES_OF_ONE_ARTICLE = 100
LONGEST_SENTENCE = 100_000  # tokens


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
    return conllcolumns.are_in(head.text)


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record an article. Rows with another number of columns than the file's first make the record bad. Without
    -DOCSTART- lines or the like, see `SENTENCES_OF_ONE_ARTICLE`; a notice says what was done. Raises FormatError where
    there is no column of the number that was asked for.
    """
    layout, found = laid_out(stream, options)
    for number, document in enumerate(_documents(_blocks(found, layout)), start=1):
        record = _record(document, number, layout.columns, options.scheme)
        if number == 1 and layout.note:
            record = record.having([record.notice("columns", layout.note)])
        yield record


def sequences(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    """The tags of a file, sentence by sentence, for the decision on the scheme."""
    layout, found = laid_out(stream, options)
    return ([row.tag for row in block.rows] for block in _blocks(found, layout))


def write(records: Iterable[Record]) -> Iterator[str]:
    """CoNLL-2003 lines of tagged records. A sentence break inside an entity is left out: the format has no way to
    say that the entity goes on.
    """
    for record in records:
        tags = record.tags or []
        iob2.check(tags)
        breaks = {start for start in record.sentence_starts or [] if start and not tags[start].startswith("I-")}
        lines = [f"{DOCSTART} -X- -X- O\n\n"]
        for index, (word, tag) in enumerate(zip(record.words or [], tags, strict=True)):
            # A token that reads -DOCSTART- gets a part of speech, which no document's start has.
            middle = "SYM" if word == DOCSTART else "-X-"
            if index in breaks:
                lines.append("\n")
            lines.append(f"{word} {middle} -X- {tag}\n")
        yield "".join([*lines, "\n"])


class _Document(NamedTuple):
    blocks: list[_Block]
    note: str = ""
    too_long: bool = False


def _blocks(found: Iterable[Line], layout: Layout) -> Iterator[_Block]:
    rows: list[_Row] = []
    begins, name, size = False, "", 0
    for line in found:
        if columns := line.columns:
            if is_above_tokens(columns, layout):
                continue
            rows.append(row := _row(line, layout))
            size += len(row.word) + len(row.tag)
            if len(rows) > LONGEST_SENTENCE or size > LONGEST_LINE:
                told = f"{LONGEST_SENTENCE:,} tokens, or {LONGEST_LINE:,} characters, without a blank line"
                raise FormatError(f"Line {line.number}: more than {told}.")
            continue
        if rows:
            yield _Block(rows, begins or layout.is_of_tasks, name)
            rows, begins, name, size = [], False, "", 0
        if line.begins:
            begins, name = True, line.id
    if rows:
        yield _Block(rows, begins or layout.is_of_tasks, name)


def _row(line: Line, layout: Layout) -> _Row:
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
            yield from _unmarked(blocks, length, is_heap=not block.begins)
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
    if marked:
        yield _Document(blocks, too_long=length > LONGEST_TEXT)
    else:
        yield from _unmarked(blocks, length, is_heap=False)


def _unmarked(blocks: list[_Block], length: int, *, is_heap: bool) -> Iterator[_Document]:
    if is_heap:
        for place, block in enumerate(blocks):
            yield _Document([block], _HEAP if place == 0 else "")
    else:
        yield _Document(blocks, _SINGLE, too_long=length > LONGEST_TEXT)


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
    # Tokens without a word count too, and tags without end.
    return sum(max(1, len(row.word), len(row.tag) - LONGEST_LABEL) for row in block.rows)


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
