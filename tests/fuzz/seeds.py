"""Whole files of every format, to begin with: the examples of the documents, and an article as we write it."""

import io
import zlib
from zipfile import ZipFile

import pyarrow as pa
from pyarrow import ipc

from annotate.exchange import Record
from annotate.exchange.formats import WRITERS
from annotate.exchange.records import Corpus
from tests.annotate.exchange.documented import EXAMPLES
from tests.annotate.exchange.test_xlsx import workbook
from tests.annotate.exchange.zips import zip_of
from tests.fuzz.targets import TARGETS

ARTICLE = Record(
    text="Ada King\nmet 😀 in\u00a0Oslo .",
    offsets=[(0, 3), (4, 8), (9, 12), (13, 14), (15, 17), (18, 22), (23, 24)],
    words=["Ada", "King", "met", "😀", "in", "Oslo", "."],
    tags=["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"],
    sentence_starts=[0, 2],
    title="News",
    external_id="a1",
    split="train",
    status="finished",
    metadata={"desk": ["sport", 3]},
)
TABLE = b'title;text;date\nNews;"Ada ""met""\r\nBob.";2026\n'
CONLL = (
    b"-DOCSTART- (a1) -X- -X- O\n\nAda NNP B-NP B-PER\nmet VBD O O\n\n\nBob NNP B-NP S-PER\n",
    b"# newdoc id = a1\n# text = In Rome\n1\tIn\tO\n2\tRome\tI-LOC\n1-2\tIn Rome\t_\n\n",
    b"Ada -X- _ B-PER\nleft -X- _ O\n\nBob -X- _ B-PER\n\n",
)
ROWS = (
    b'{"id": "a1", "text": "Ada met Bob.", "label": [[0, 3, "PER"], {"start": 8, "end": 11, "label": "PER"}]}\n',
    b'{"tokens": ["Ada", "met"], "ner_tags": [1, 0], "doc": 3}\n{"tokens": ["Bob"], "ner_tags": [1], "doc": 3}\n',
    b'{"sentences": [{"tokens": ["Ada"], "tags": ["I-PER"]}, {"tokens": ["met"], "tags": ["O"]}], "finished": true}\n',
)
SPLITS = b'{"label_list": ["O", "B-PER"], "train": [{"tokens": ["Ada"], "ner_tags": [1]}], "test": [{"text": "Bob."}]}'


def seeds() -> dict[str, list[bytes]]:
    """Some files for each of the targets."""
    found: dict[str, list[bytes]] = {name: [] for name in TARGETS}
    for _, kind, content in EXAMPLES:
        found[kind].append(content.encode())
    for kind in ("jsonl", "doccano", "labelstudio", "prodigy", "gliner"):
        found[kind].append(_written(kind))
    found["conll"] += [_written("conll2003"), *CONLL]
    found["jsonl"] += ROWS
    found["json"] += [SPLITS, b"[" + ROWS[0].strip() + b"]"]
    found["csv"] += [TABLE, TABLE.replace(b";", b"\t"), TABLE.decode().encode("utf-16")]
    found["txt"] += ["Ada met 😀.\r\n\r\n\n Bob.".encode(), b"\xef\xbb\xbfAda"]
    packed = {kind: _members(kind) for kind in ("brat", "webanno", "casjson", "xmi", "datasets", "spacy")}
    found["brat"].append(packed["brat"][".ann"] + b"\x00" + packed["brat"][".txt"])
    found["brat"].append(b"T1\tLOC 0 3;8 12\tAda King\nR1\tin Arg1:T1\n#1\tNote T1\tx\n")
    found["webanno"].append(packed["webanno"][".tsv"])
    found["casjson"].append(packed["casjson"][".json"])
    found["xmi"].append(packed["xmi"][".xmi"])
    found["xmi-types"].append(packed["xmi"][".xml"])
    found["parquet"].append(packed["datasets"][".parquet"])
    found["arrow"] += [_arrow(ipc.new_file), _arrow(ipc.new_stream)]
    found["spacy"].append(packed["spacy"][".spacy"])
    found["spacy-unpacked"].append(zlib.decompress(packed["spacy"][".spacy"]))
    book = workbook([["id", "text", "held"], [7, "Ada met Bob.", True], [None, "=1+1", 2.5]])
    found["xlsx"].append(book)
    found["xlsx-sheet"].append(ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml"))
    found["zip"].append(
        zip_of({"a.txt": "Ada.", "b/c.ann": "T1\tPER 0 3\tBob\n", "b/c.txt": "Bob.", "d.jsonl": ROWS[0]})
    )
    found["zip-member"] += [*ROWS, *CONLL, TABLE]
    return found


def _written(kind: str) -> bytes:
    return b"".join(WRITERS[kind].write(Corpus([ARTICLE], "News", ["PER", "LOC"])))


def _members(kind: str) -> dict[str, bytes]:
    """The files of a zip by their endings."""
    with ZipFile(io.BytesIO(_written(kind))) as archive:
        return {f".{name.rpartition('.')[2]}": archive.read(name) for name in archive.namelist()}


def _arrow(opened: object) -> bytes:
    table = pa.table({"id": ["a1"], "tokens": [["Ada", "met"]], "ner_tags": [[1, 0]], "day": [None]})
    target = io.BytesIO()
    with opened(target, table.schema) as writer:  # type: ignore[operator]
        writer.write_table(table)
    return target.getvalue()
