"""The same article in every format of text, under other encodings and line ends, and with signs that cannot be kept."""

import json

import pytest

from annotate.exchange import FormatError, Record
from annotate.exchange.formats.cas import NAMED_ENTITY
from annotate.exchange.records import apply
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.test_cas import XMI, cas_json, place
from tests.annotate.exchange.test_labelstudio import annotation, result, task

TEXT = "Ada 😀 met Bob."
FILES = {
    "txt": f"{TEXT}\n\n",
    "csv": f'id,text\n1,{TEXT}\n2,"Bob\nleft."\n',
    "jsonl": '{"text": "Ada 😀 met Bob.", "spans": [[0, 3, "PER"]]}\n\n{"tokens": ["Ada"], "tags": ["B-PER"]}\n',
    "json": '{"train": [\n{"tokens": ["Ada", "😀"], "tags": ["B-PER", "O"]}\n]}\n',
    "conll": "-DOCSTART- -X- -X- O\n\nAda\tB-PER\n😀\tO\n\nBob\tO\n",
    "labelstudio": json.dumps([task(annotation(result(0, 3, "PER", "Ada")), text=TEXT)], ensure_ascii=False, indent=1),
    "prodigy": '{"_task_hash": 1, "text": "Ada 😀", "spans": [{"start": 0, "end": 3, "label": "PER"}]}\n',
    "gliner": '[\n{"tokenized_text": ["Ada", "😀"], "ner": [[0, 0, "PER"]]}\n]\n',
    "potato": '{"text": "Ada 😀", "predictions": {"a": [{"start": 0, "end": 3, "label": "PER"}]}}\n',
    "doccano": '{"text": "Ada 😀", "label": [[0, 3, "PER"]]}\n',
    "webanno": (
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=x.NamedEntity|value\n\n\n#Text=Ada 😀\n1-1\t0-3\tAda\tPER\n1-2\t4-6\t😀\t_\n"
    ),
    "brat": "T1\tPER 0 3\tAda\n\nT2\tPER 10 13\tBob\n",
    "casjson": cas_json(place(NAMED_ENTITY, 0, 3, value="PER")),
    "xmi": XMI,
}
OF_JSON = ("jsonl", "json", "labelstudio", "prodigy", "gliner", "potato", "doccano", "casjson")


def read(records_of: Reader, kind: str, data: bytes) -> list[Record]:
    return records_of(data, "news.x", format=kind, beside=TEXT.encode() if kind == "brat" else None)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_or_utf16_makes_no_difference(records_of: Reader, kind: str, encoding: str) -> None:
    plain = read(records_of, kind, FILES[kind].encode())
    assert plain
    assert not any(record.errors for record in plain)
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    assert read(records_of, kind, (mark + FILES[kind]).encode(encoding)) == plain


@pytest.mark.parametrize("kind", FILES)
def test_line_ends_may_be_mixed(records_of: Reader, kind: str) -> None:
    lines = FILES[kind].split("\n")
    mixed = "".join(line + ("\r\n", "\n")[number % 2] for number, line in enumerate(lines[:-1])) + lines[-1]
    before, after = (
        [apply(record, "fail") for record in read(records_of, kind, content.encode())]
        for content in (FILES[kind], mixed)
    )
    assert [(r.words, r.tags, r.suggested) for r in before] == [(r.words, r.tags, r.suggested) for r in after]


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    "sign", [b"\x00", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"&#0;", b"&#xD800;"]
)
def test_a_nul_or_half_a_character_is_refused_with_the_place(records_of: Reader, kind: str, sign: bytes) -> None:
    data = FILES[kind].encode()
    assert b"Ada" in data
    try:
        records = read(records_of, kind, data.replace(b"Ada", b"Ada" + sign))
    except FormatError:
        return
    # An escape is the sign in its own format alone.
    if kind in OF_JSON if sign.startswith(b"\\") else kind == "xmi" or sign[:1] != b"&":
        assert any(record.errors for record in records)
    for record in records:
        assert all(problem.line and "\x00" not in problem.message.encode().decode() for problem in record.problems)
        whole = apply(record, "repair")
        assert whole is None or "\x00" not in "".join([whole.text or "", *(whole.tags or [])]).encode().decode()


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_another_encoding_is_refused_at_its_first_such_byte(records_of: Reader, kind: str) -> None:
    data = FILES[kind].encode().replace(b"Ada", b"Ad\xe9")
    with pytest.raises(FormatError, match=r"not UTF-8: byte 0xE9 at position [\d,]+ \(line \d+\)"):
        read(records_of, kind, data)
