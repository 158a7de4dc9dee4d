"""What is fuzzed, and what every reader owes whatever bytes it is given."""

import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from annotate.exchange import FormatError, Options, Record, read, resolve
from annotate.exchange.formats import HEAD, READERS, archive, found
from annotate.exchange.records import Problem, apply
from annotate.iob2 import check
from annotate.tokens import check_offsets
from tests.annotate.exchange.test_xlsx import workbook
from tests.annotate.exchange.zips import zip_of

FOUND = Path(__file__).parent / "found"
BESIDE = "Ada met 😀 Bob\nKing in Oslo.\n".encode()
XMI = (
    b'<xmi:XMI xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore" xmlns:c="http:///custom.ecore" '
    b'xmi:version="2.0"><cas:NULL xmi:id="0"/><c:Place xmi:id="2" sofa="1" begin="0" end="3" kind="PER"/><cas:Sofa '
    b'xmi:id="1" sofaNum="1" sofaID="_InitialView" mimeType="text" sofaString="Ada met Bob."/>'
    b'<cas:View sofa="1" members="2"/></xmi:XMI>'
)


class Given(NamedTuple):
    """A file as a reader gets it."""

    data: bytes
    beside: bytes | None = None


class Target(NamedTuple):
    """A format, and how the fuzzer's bytes become a file of it: inside of what is packed, or beside what is read."""

    format: str
    made: Callable[[bytes], Given]


def _with_text(data: bytes) -> Given:
    ann, _, text = data.partition(b"\x00")
    return Given(ann, text or BESIDE)


def _sheet(data: bytes) -> Given:
    target = io.BytesIO()
    with ZipFile(io.BytesIO(_BOOK)) as book, ZipFile(target, "w", ZIP_DEFLATED) as changed:
        for name in book.namelist():
            changed.writestr(name, data if name == "xl/worksheets/sheet1.xml" else book.read(name))
    return Given(target.getvalue())


_BOOK = workbook([["text", "date"], ["Ada met Bob.", 3]])
TARGETS = {
    **{key: Target(key, Given) for key in READERS},
    "brat": Target("brat", _with_text),
    "spacy-unpacked": Target("spacy", lambda data: Given(zlib.compress(data))),
    "xlsx-sheet": Target("xlsx", _sheet),
    "xmi-types": Target("xmi", lambda data: Given(XMI, data)),
    "zip": Target("auto", Given),
    "zip-member": Target("auto", lambda data: Given(zip_of({"a.txt": "Ada.", "b": data}))),
}


def put_through(name: str, data: bytes) -> None:
    """Read bytes as an import does. Raises AssertionError where a record or a refusal is not as it must be, and what a
    reader lets through.
    """
    target = TARGETS[name]
    given = target.made(data)
    _refused(lambda: found(f"a.{name}", given.data[:HEAD]))
    if target.format == "auto":
        _refused(lambda: _unpack(given.data))
    else:
        _refused(lambda: _read(given.data, Options(format=target.format, beside=given.beside)))


def _refused(work: Callable[[], object]) -> None:
    try:
        work()
    except FormatError as error:
        _owe_words(str(error))


def _unpack(data: bytes) -> None:
    for member in archive.members(io.BytesIO(data)):
        _refused(lambda member=member: _read_member(member))  # type: ignore[misc]


def _read_member(member: archive.Member) -> None:
    with member.open() as content:
        if not archive.is_zip(content):
            _read(content.read(), Options(beside=member.beside()), member.name)


def _read(data: bytes, options: Options, name: str = "news.x") -> None:
    options = resolve(io.BytesIO(data), name, options)
    for record in read(io.BytesIO(data), name, options):
        for problem in record.problems:
            _owe_place(problem)
        whole = apply(record, "repair")
        if whole is not None:
            _owe_storable(whole)
        assert record.errors == [] or apply(record, "skip") is None


def _owe_words(message: str) -> None:
    assert len(message) > 10
    assert len(message) < 5_000
    assert b"\x00" not in message.encode()


def _owe_place(problem: Problem) -> None:
    assert problem.line >= 1
    assert problem.record >= 1
    _owe_words(problem.message)
    assert b"\x00" not in problem.tag.encode()


def _owe_storable(record: Record) -> None:
    assert record.text is not None
    assert record.offsets
    check_offsets(record.text, record.offsets)
    assert record.words == [record.text[start:end] for start, end in record.offsets]
    starts = record.sentence_starts or []
    assert starts == sorted({0, *starts})
    assert starts[-1] < len(record.offsets)
    if record.tags is not None:
        assert len(record.tags) == len(record.offsets)
        check(record.tags)
    record.scores()
    record.suggestions()
    json.dumps(record.metadata, allow_nan=False)
    told = [record.text, record.title, record.external_id, record.source, record.date, record.language]
    for text in [*told, *(record.tags or []), *_texts_in(record.metadata)]:
        assert b"\x00" not in text.encode()


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _texts_in(item)
