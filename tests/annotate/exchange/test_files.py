"""What is decided for a whole file: encoding, format, scheme."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotate.exchange import FormatError, Options, read, resolve
from annotate.exchange.formats import found
from annotate.exchange.lines import lines
from tests.annotate.exchange.conftest import Reader


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.txt", "Ada met Bob.", "txt"),
        ("a.txt", "[Reuters] Ada met Bob.", "txt"),
        ("a.txt", '{"text": "Ada"}\n{"text": "Bob"}\n', "jsonl"),
        ("a.jsonl", '{"text": "Ada"}', "jsonl"),
        ("a.jsonl", "{'text': 'Ada'}\n", "jsonl"),
        ("a.jsonl", '{"train": [{"tokens": []}]}', "json"),
        ("a.json", '{\n "train": []}', "json"),
        ("a", '{"train": [{"tokens": []},\n{"tokens": []}]}', "json"),
        ("a", '{"text": "Ada",}\n{"text": "Bob"}\n', "jsonl"),
        ("a.json", '[{"text": "Ada"}]', "json"),
        ("a.json", '{"text": "Ada"}\n{"text": "Bob"}', "jsonl"),
        ("a.csv", "title,text\nx,y\n", "csv"),
        ("a", "title;text\nx;y\n", "csv"),
        ("a.txt", "-DOCSTART- -X- -X- O\n\nAda NNP B-NP B-PER\n", "conll"),
        ("a.txt", "Ada\tB-PER\nmet\tO\n\n", "conll"),
        ("a.conll", "Ada B\n", "conll"),
        ("a", "To be O\nor not\nto be\n", "txt"),
        ("a", "", "txt"),
    ],
)
def test_a_format_is_known_by_what_is_inside(name: str, head: str, kind: str) -> None:
    assert found(name, head.encode()) == kind


def test_a_byte_order_mark_is_no_part_of_the_text(records_of: Reader) -> None:
    assert records_of("\ufeffAda")[0].text == "Ada"
    assert records_of('\ufeff{"text": "Ada"}\n', "a.jsonl")[0].text == "Ada"


def test_utf16_with_its_mark_is_read(records_of: Reader) -> None:
    assert records_of("Ada met 😀".encode("utf-16"))[0].text == "Ada met 😀"
    assert records_of("text,title\nAda,T\n".encode("utf-16"), "a.csv")[0].title == "T"


@pytest.mark.parametrize("before", [0, 70_000])
def test_what_is_not_utf8_is_refused_with_the_place(records_of: Reader, before: int) -> None:
    content = b"x" * before + b"\nAda caf\xe9 Bob"
    with pytest.raises(FormatError, match=rf"not UTF-8: byte 0xE9 at position {before + 8:,} \(line 2\)"):
        records_of(content)


@pytest.mark.parametrize("content", ["Ada met Bob".encode("utf-16-le"), b"\x00\x01\x02\x03" * 10])
def test_utf16_without_its_mark_and_binaries_are_refused(records_of: Reader, content: bytes) -> None:
    with pytest.raises(FormatError, match="no text file, or UTF-16"):
        records_of(content)


@pytest.mark.parametrize("content", ["é\nb\r\nc", "a" * 70_000 + "é\n" + "b" * 70_000, "", "\n\n"])
def test_lines_put_together_are_the_file(content: str) -> None:
    found = list(lines(io.BytesIO(content.encode())))
    assert "".join(found) == content
    assert all(line.endswith("\n") for line in found[:-1])


class Endless(io.BytesIO):
    """A file that never ends and counts what was read of it."""

    def __init__(self, head: bytes, part: bytes) -> None:
        super().__init__()
        self.parts = self._parts(head, part)
        self.given = 0

    def _parts(self, head: bytes, part: bytes) -> Iterator[bytes]:
        if head:
            yield head
        while True:
            yield part

    def read(self, size: int | None = -1) -> bytes:
        part = next(self.parts)
        self.given += len(part)
        return part


@pytest.mark.parametrize(
    ("kind", "head", "part"),
    [
        ("jsonl", b"", b'{"text": "Ada met Bob."}\n' * 2000),
        ("json", b"[", b'{"text": "Ada met Bob."},' * 2000),
        ("json", b'{"train": [', b'{"tokens": ["Ada"], "tags": ["O"]},' * 2000),
        ("csv", b"text\n", b"Ada met Bob.\n" * 4000),
        ("conll", b"", b"-DOCSTART- -X- -X- O\n\nAda -X- -X- B-PER\n\n" * 1200),
        ("conll", b"", b"Ada B-PER\n\n" * 4000),
    ],
)
def test_a_file_is_read_as_it_comes(kind: str, head: bytes, part: bytes) -> None:
    stream = Endless(head, part)
    found = read(stream, "x", Options(format=kind, scheme="iob2"))  # type: ignore[arg-type]
    for _ in range(10):
        assert not next(found).errors
    assert stream.given < 300_000


def test_a_line_without_end_is_refused() -> None:
    stream = Endless(b"", b"x" * 65_536)
    with pytest.raises(FormatError, match="Line 1 is longer"):
        next(read(stream, "x", Options(format="jsonl", scheme="iob2")))


def test_a_text_file_that_is_no_article_is_a_bad_record() -> None:
    record = next(read(Endless(b"", b"x " * 30_000), "x.txt", Options(format="txt", scheme="iob2")))
    assert [problem.kind for problem in record.errors] == ["too-long"]


@pytest.mark.parametrize(
    ("content", "scheme"),
    [
        ("Ada I-PER\nBob B-PER\n\nRome I-LOC\n", "iob1"),
        ("Ada B-PER\nKing I-PER\n\nRome I-LOC\n", "iob2"),
        ("Ada I-PER\n\nBob B-PER\n", "iob2"),  # a B- that follows nothing
        ("Ada O\n", "iob2"),
    ],
)
def test_the_scheme_is_decided_for_the_file(content: str, scheme: str) -> None:
    stream = io.BytesIO(content.encode())
    assert resolve(stream, "a.conll", Options()).scheme == scheme
    assert stream.tell() == 0


def test_the_scheme_can_be_overruled(records_of: Reader) -> None:
    content = "Ada B-PER\nRome I-LOC\n"
    assert [p.kind for p in records_of(content, "a.conll")[0].errors] == ["orphan"]
    assert records_of(content, "a.conll", scheme="iob1")[0].tags == ["B-PER", "B-LOC"]


def test_iob1_is_told_in_json_too(records_of: Reader) -> None:
    content = '{"tokens": ["Ada", "King"], "tags": ["I-PER", "I-PER"]}\n' * 2
    assert [record.tags for record in records_of(content, "a.jsonl")] == [["B-PER", "I-PER"]] * 2


def test_the_sample_of_real_files_is_known(shared_data: Path) -> None:
    known = {"seed_sample.json": "json", "wikigold/wikigold.conll": "conll", "gum_news/train.jsonl": "jsonl"}
    for name, kind in known.items():
        with (shared_data / name).open("rb") as stream:
            options = resolve(stream, "upload", Options())
        assert (options.format, options.scheme) == (kind, "iob2")
