"""The formats that articles come in and go out as, each a module of its own.

A format is found by what is inside a file. `READERS` are asked in their order; where none knows the file for its own,
its name decides, and what nobody knows is plain text.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import BinaryIO

from annotate.exchange.formats import (
    brat,
    cas,
    conll,
    datasetfolder,
    docbin,
    doccano,
    gliner,
    html,
    jsonl,
    labelstudio,
    parquet,
    plain,
    prodigy,
    shapes,
    table,
    webanno,
    webannowriter,
    xlsx,
)
from annotate.exchange.formats.head import HEAD, Head
from annotate.exchange.records import Corpus, Options, Record

__all__ = ["HEAD", "READERS", "WRITERS", "Head", "Reader", "Writer", "found"]


@dataclass(frozen=True)
class Reader:
    """How a format is recognised and read.

    is_mine: whether a file is of this format, by its first bytes. Where these do not tell for sure (`sure` is False),
    it is asked only about files whose name says nothing.
    read: the records of a stream, which came under this name, one at a time, each checked.
    sequences: its tags, a sentence at a time, for the decision on the scheme.
    labels: the label list that a file carries.
    """

    title: str  # for people
    endings: tuple[str, ...]
    is_mine: Callable[[Head], bool]
    read: Callable[[BinaryIO, str, Options], Iterator[Record]]
    sure: bool = True
    sequences: Callable[[BinaryIO, Options], Iterator[list[str]]] = lambda stream, options: iter(())
    labels: Callable[[BinaryIO], tuple[str, ...]] = lambda stream: ()


@dataclass(frozen=True)
class Writer:
    """How a format is written: bytes of a corpus as it comes. `tagged`: it has no way to say that an article has not
    been read yet, and takes only those with tags. `suggested`, `provenance`: it takes what is suggested, too, and who
    tagged what.
    """

    title: str
    told: str  # what is in it, for people
    ending: str
    write: Callable[[Corpus], Iterator[bytes]]
    tagged: bool = False
    suggested: bool = False
    provenance: bool = False
    content_type: str = "text/plain; charset=utf-8"
    needs: str = ""  # a library that not every server has, and the extra of ours that brings it

    @property
    def is_missing(self) -> bool:
        return bool(self.needs) and find_spec(self.needs) is None


def _of_tool(title: str, key: str) -> Reader:
    return Reader(title, (), lambda head: shapes.tool_of(head) == key, jsonl.read_tool)


CONLL = (".conll", ".conllu", ".conllup", ".iob", ".iob2", ".bio", ".bioes")
READERS = {
    "parquet": Reader(
        "Parquet",
        (".parquet",),
        parquet.is_parquet,
        parquet.read_parquet,
        sequences=parquet.parquet_sequences,
        labels=parquet.parquet_labels,
    ),
    "arrow": Reader(
        "Arrow (a saved dataset)",
        (".arrow", ".feather"),
        parquet.is_arrow,
        parquet.read_arrow,
        sequences=parquet.arrow_sequences,
        labels=parquet.arrow_labels,
    ),
    "spacy": Reader("spaCy DocBin", (".spacy",), docbin.is_mine, docbin.read),
    "xlsx": Reader("Excel workbook", (".xlsx", ".xlsm"), xlsx.is_mine, xlsx.read),
    "labelstudio": _of_tool("Label Studio", "labelstudio"),
    "prodigy": _of_tool("Prodigy", "prodigy"),
    "gliner": _of_tool("GLiNER", "gliner"),
    "potato": _of_tool("Potato", "potato"),
    "doccano": _of_tool("doccano", "doccano"),
    "webanno": Reader("WebAnno TSV", (), webanno.is_mine, webanno.read),
    "brat": Reader("brat", (".ann",), brat.is_mine, brat.read),
    "casjson": Reader("UIMA CAS JSON", (), cas.is_json, cas.read_json),
    "xmi": Reader("UIMA CAS XMI", (".xmi",), cas.is_xmi, cas.read_xmi),
    "html": Reader("HTML page", (".html", ".htm", ".xhtml"), html.is_mine, html.read),
    "jsonl": Reader(
        "JSON Lines", (".jsonl", ".ndjson"), jsonl.is_lines, jsonl.read_lines, sequences=jsonl.sequences_of_lines
    ),
    "json": Reader(
        "JSON",
        (".json",),
        jsonl.is_container,
        jsonl.read_container,
        sequences=jsonl.sequences_of_container,
        labels=jsonl.label_list,
    ),
    "conll": Reader("CoNLL", CONLL, conll.is_mine, conll.read, sequences=conll.sequences),
    "csv": Reader("Table", (".csv", ".tsv"), table.is_mine, table.read, sure=False),
    "txt": Reader("Plain text", (".txt", ".text"), lambda head: False, plain.read),
}


def _encoded(write: Callable[[Iterable[Record]], Iterator[str]]) -> Callable[[Corpus], Iterator[bytes]]:
    return lambda corpus: (line.encode() for line in write(corpus))


WRITERS = {
    "jsonl": Writer(
        "JSON Lines",
        "One article a line: text, tokens with code-point offsets, IOB2 tags, split, source and metadata. Reads back "
        "without a difference.",
        "jsonl",
        _encoded(jsonl.write),
        suggested=True,
        provenance=True,
    ),
    "conll2003": Writer(
        "CoNLL-2003",
        "Four columns, IOB2, one -DOCSTART- an article, sentence breaks kept.",
        "conll",
        _encoded(conll.write),
        tagged=True,
    ),
    "doccano": Writer(
        "doccano",
        "JSON Lines: text, and entities as [start, end, label] in code points. Tokens are not kept.",
        "jsonl",
        _encoded(doccano.write),
    ),
    "labelstudio": Writer(
        "Label Studio",
        "A JSON list of tasks with annotations, for a labeling config whose Labels are called “label” and whose Text "
        "is called “text”. Tokens are not kept.",
        "json",
        _encoded(labelstudio.write),
        suggested=True,
        provenance=True,
    ),
    "prodigy": Writer(
        "Prodigy",
        "JSON Lines: tokens, spans by characters and tokens, and the answer “accept” where an article is finished.",
        "jsonl",
        _encoded(prodigy.write),
        suggested=True,
        provenance=True,
    ),
    "gliner": Writer(
        "GLiNER",
        "A JSON list of tokens and entities, ready for training. Nothing else of an article is kept.",
        "json",
        _encoded(gliner.write),
        tagged=True,
    ),
    "brat": Writer(
        "brat",
        "A zip of texts (.txt) and their entities (.ann), with an annotation.conf of your labels.",
        "brat.zip",
        brat.write,
        content_type="application/zip",
    ),
    "webanno": Writer(
        "WebAnno TSV",
        "A zip of files that INCEpTION reads: tokens, sentences, entities and the text with all its blanks.",
        "tsv.zip",
        webannowriter.write,
        content_type="application/zip",
    ),
    "casjson": Writer(
        "UIMA CAS JSON",
        "A zip of files with the types of DKPro, which INCEpTION reads: text, tokens, sentences and entities.",
        "cas.zip",
        cas.write_json,
        tagged=True,
        content_type="application/zip",
    ),
    "xmi": Writer(
        "UIMA CAS XMI",
        "The same as XML 1.0, with a TypeSystem.xml: what UIMA tools of any age read.",
        "xmi.zip",
        cas.write_xmi,
        tagged=True,
        content_type="application/zip",
    ),
    "datasets": Writer(
        "Hugging Face dataset",
        "A folder in a zip archive, ready for load_dataset: a Parquet file for each split, tags as ClassLabel in the "
        "order of the labels, and a dataset card. Reads back without a difference.",
        "dataset.zip",
        datasetfolder.write,
        tagged=True,
        content_type="application/zip",
    ),
    "spacy": Writer(
        "spaCy DocBin",
        "A zip archive with .spacy files in the folders train, dev and test, ready for spacy train. Reads back without "
        "a difference.",
        "spacy.zip",
        docbin.write,
        tagged=True,
        content_type="application/zip",
        needs="spacy",
    ),
}


def found(name: str, data: bytes) -> str:
    """The format of a file, a key of READERS, by its first bytes (up to HEAD) and by its name. Raises FormatError for
    what is no text, and none of the others.
    """
    head = Head(name, data)
    named = next((key for key, reader in READERS.items() if head.ending in reader.endings), None)
    for key, reader in READERS.items():
        if (reader.sure or named is None) and reader.is_mine(head):
            return key
    return named or "txt"
