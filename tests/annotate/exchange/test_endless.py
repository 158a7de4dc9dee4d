"""Files that never end, or have something in them that does not: each is given up in words, with little of it read."""

import io
import json

import pytest

from annotate.exchange import FormatError, Options, read
from annotate.exchange.formats import READERS, brat, conll, jsonl, jsonparts, table, webanno
from annotate.exchange.lines import LONGEST_LINE
from tests.annotate.exchange.conftest import Reader

MOST_READ = 1 << 27  # bytes; a 2 GB line is sixteen times as long
# Limits of what is read in small pieces, lower than they are.
FASTER = (
    (table, "LONGEST_LINE", 1 << 20),
    (conll, "LONGEST_SENTENCE", 10_000),
    (webanno, "LONGEST_TEXT", 10_000),
    (webanno, "LONGEST_LINE", 1 << 18),
    (brat, "LARGEST", 1 << 18),
    (jsonparts, "MOST_ITEMS", 50_000),
)


class Endless(io.RawIOBase):
    """A beginning, and then one thing over and over."""

    def __init__(self, head: bytes, part: bytes) -> None:
        self.begin = self.head = head
        self.part = part * (1 + 65_536 // len(part))
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "nobody can read all of it"
        while len(self.head) < size:
            self.head += self.part
        data, self.head = self.head[:size], self.head[size:]
        self.given += len(data)
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        assert (place, whence) == (0, 0)
        self.head = self.begin
        return 0


WEBANNO = b"#FORMAT=WebAnno TSV 3.3\n#T_SP=x.NamedEntity|value\n\n\n"
TOOLS = {
    "labelstudio": b'[{"data": {"text": "',
    "prodigy": b'{"_task_hash": 1, "text": "',
    "gliner": b'{"tokenized_text": ["',
    "potato": b'[{"text": "Ada", "predictions": {"a": [{"start": 0, "end": ',
    "doccano": b'{"text": "Ada", "label": [[0, 3, "',
}
FILES = [
    *(
        (kind, b"", b"x")
        for kind in ("txt", "csv", "jsonl", "json", "conll", "webanno", "brat", "casjson", "xmi", "html")
    ),
    *((kind, head, b"1") for kind, head in TOOLS.items()),
    ("csv", b"", b"text,"),
    ("csv", b'text\n"', b"Ada met Bob. "),
    ("csv", b'text\n"', b"Ada\n"),
    ("csv", b'text,title\n"', b'Ada\n","'),
    ("jsonl", b"", b"["),
    ("jsonl", b"", b'{"a":'),
    ("jsonl", b'{"text": "Ada", "label": [', b"[0, 3, 'PER'],"),
    ("json", b"[", b"["),
    ("json", b'{"text": "Ada", "spans": [', b"1,"),
    ("json", b'{"a": [1', b",1"),
    ("conll", b"", b"a "),
    ("conll", b"", b"a\t"),
    ("conll", b"", b"Ada O\n"),
    ("conll", b"", b"# "),
    ("conll", b"", b"x" * 60_000 + b" O\n"),
    ("webanno", WEBANNO + b"#Text=", b"Ada "),
    ("webanno", WEBANNO, b"#Text=Ada\n"),
    ("webanno", WEBANNO + b"#Text=Ada\n", b"1-1\t0-3\tAda\tPER\n"),
    ("webanno", WEBANNO + b"#Text=Ada\n1-1\t0-3\tAda\t", b"PER|"),
    ("webanno", WEBANNO + b"#Text=Ada\n", b"1-1\t0-3\t" + b"Ada" * 9_000 + b"\tPER\n"),
    ("webanno", WEBANNO.strip() + b"\n", b"#T_SP=x.Y|value\n"),
    ("webanno", WEBANNO.strip() + b"\n#T_SP=x.Y", b"|value"),
    ("brat", b"", b"T1\tPER 0 3\tAda\n"),
    ("brat", b"T1\tPER 0 3", b";0 3"),
    ("brat", b"", b"what\n"),
    ("casjson", b'{"%TYPES": {}, "a": "', b"x"),
    ("xmi", b"<xmi:XMI a='", b"x"),
    ("html", b"<html><p>", b"Ada met Bob. "),
]


@pytest.mark.parametrize(("kind", "head", "part"), FILES)
def test_what_never_ends_is_given_up_with_little_of_it_read(
    monkeypatch: pytest.MonkeyPatch, kind: str, head: bytes, part: bytes
) -> None:
    for module, name, limit in FASTER:
        monkeypatch.setattr(module, name, limit)
    stream = Endless(head, part)
    told = _told(stream, Options(format=kind, scheme="iob2", labels=("O",), beside=b"Ada met Bob."))
    assert told.endswith((".", "?"))
    assert any(word in told for word in ("longer than", "larger than", "more than", "not looked at", "JSON", "deeply"))
    assert stream.given < MOST_READ


def _told(stream: Endless, options: Options) -> str:
    """What is said of the first record, or of the file."""
    try:
        return next(read(stream, "x", options)).errors[-1].message  # type: ignore[arg-type]
    except FormatError as error:
        return str(error)


def test_every_format_of_text_is_among_these() -> None:
    packed = {"parquet", "arrow", "spacy", "xlsx"}
    assert {kind for kind, *_ in FILES} == READERS.keys() - packed


def test_articles_parted_by_blank_lines_are_given_up_by_themselves() -> None:
    stream = Endless(b"Ada.\n\n", b"Bob\n")
    records = read(stream, "x", Options(format="txt", scheme="iob2", blank_lines=1))  # type: ignore[arg-type]
    assert next(records).text == "Ada."


def test_sentences_of_one_document_without_end_are_one_bad_record(
    records_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "LONGEST_LINE", 10_000)
    sentences = [{"doc": 1, "tokens": ["Ada"], "tags": ["O"]}] * 1_000
    for name, content in (
        ("a.jsonl", "".join(json.dumps(row) + "\n" for row in [*sentences, {"text": "Bob"}])),
        ("a.json", json.dumps([*sentences, {"text": "Bob"}])),
    ):
        first, second = records_of(content, name)
        assert first.errors[0].message.startswith("The sentences of one document have more than 10,000 characters")
        assert second.text == "Bob"


@pytest.mark.parametrize(
    "content",
    [
        "-DOCSTART-\n\n" + "\tO\n\n" * 150,
        "-DOCSTART-\n\n" + f"a B-{'x' * 300}\n\n" * 2,
        "Ada O\n" * 30 + "\nBob O\n\n",
    ],
)
def test_an_article_of_conll_that_keeps_but_its_beginning_says_so(
    records_of: Reader, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(conll, "LONGEST_TEXT", 80)
    (record,) = records_of(content, "a.conll", format="conll")
    assert "too-long" in {error.kind for error in record.errors}
    assert len(record.words or []) <= 80


def test_a_bound_on_lines_is_one_on_characters(records_of: Reader) -> None:
    with pytest.raises(FormatError, match=f"Line 2 is longer than {LONGEST_LINE:,} characters"):
        records_of("Ada\n" + "😀" * (LONGEST_LINE + 1), "a.jsonl", format="jsonl")
