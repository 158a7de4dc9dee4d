"""spaCy's DocBin: documents with their tokens, blanks and entities in one compressed file, as `spacy train` reads them.

Needs the library itself, which is large: see `MISSING`.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, BinaryIO

from annotate import iob2
from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.archive import zipped
from annotate.exchange.formats.head import Head
from annotate.exchange.records import (
    LONGEST_TEXT,
    SPLIT_NAMES,
    STATUSES,
    Corpus,
    FormatError,
    Options,
    Record,
    broken,
)
from annotate.passages import Passages
from annotate.tokens import Offsets, word_fault

if TYPE_CHECKING:
    from spacy.tokens import Doc, DocBin, Token
    from spacy.vocab import Vocab

MISSING = "spaCy is not installed here. Whoever runs this server can add it: pip install 'tagdesk[spacy]'."
LARGEST = 1 << 30  # bytes of an unpacked file: spaCy reads it whole
PART = 1_000  # articles of a file
CHUNK = 1 << 16
# Where `spacy train` and its templates look for a split.
FOLDERS = {"train": "train", "validation": "dev", "test": "test", "aside": "aside"}
KEPT = ("title", "source", "date", "language", "status", "split")


def is_mine(head: Head) -> bool:
    """Whether it is compressed by zlib, and begins with the names of a DocBin's parts."""
    if head.data[:1] != b"\x78":
        return False
    try:
        return b"attrs" in zlib.decompressobj().decompress(head.data, 64)
    except zlib.error:
        return False


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record a Doc. Tokens that show nothing (the line breaks and second blanks of spaCy) are text between tokens;
    what is not annotated of a tagged Doc is left out. The split is in its user data or in the file's name. Raises
    FormatError where the library is missing, and for a damaged or oversized file.
    """
    for record in _records(_bytes(stream), fields.split_of(name)):
        if len(record.text or "") > LONGEST_TEXT:
            message = f"The article is longer than {LONGEST_TEXT:,} characters. Split it."
            yield broken(record.line, record.number, "too-long", message)
        else:
            yield checked(record)


def write(corpus: Corpus) -> Iterator[bytes]:
    """A zip archive of folders, train, dev and test, with a DocBin for each thousand articles. Raises FormatError where
    the library is missing.
    """
    _vocab()  # says at once that the library is missing
    return zipped(_files(corpus))


def _vocab() -> Vocab:
    try:
        from spacy.vocab import Vocab
    except ImportError as error:
        raise FormatError(MISSING) from error
    return Vocab()


def _bytes(stream: BinaryIO) -> bytes:
    """The file as it is. Raises FormatError where it would unpack to more than `LARGEST`, without unpacking it."""
    unpacking = zlib.decompressobj()
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := stream.read(CHUNK):
            pieces.append(piece)
            while piece and not unpacking.eof:
                size += len(unpacking.decompress(piece, CHUNK))
                piece = unpacking.unconsumed_tail
                if size > LARGEST:
                    raise FormatError(f"The file unpacks to more than {LARGEST:,} bytes. Write several smaller ones.")
    except zlib.error as error:
        raise FormatError(f"The file is damaged: {error}.") from error
    return b"".join(pieces)


def _records(data: bytes, split: str | None) -> Iterator[Record]:
    vocab = _vocab()
    from spacy.tokens import DocBin

    try:
        docs = DocBin().from_bytes(data).get_docs(vocab)
        for number, doc in enumerate(docs, start=1):
            yield _record(doc, number, split)
    except Exception as error:  # it trusts its files, and stumbles in many ways over others
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise FormatError(f"The DocBin is damaged and cannot be read: {reason}") from error


def _record(doc: Doc, number: int, split: str | None) -> Record:
    tokens = [token for token in doc if word_fault(token.text) != "is empty"]
    is_tagged = doc.has_annotation("ENT_IOB")
    told = {key: value for key, value in doc.user_data.items() if isinstance(key, str)}
    record = Record(
        line=number,
        number=number,
        text=doc.text,
        words=[token.text for token in tokens],
        offsets=[(token.idx, token.idx + len(token.text)) for token in tokens],
        tags=[_tag(token.ent_iob_, token.ent_type_) for token in tokens] if is_tagged else None,
        sentence_starts=_starts(doc, tokens),
        left_out=_left_out(tokens) if is_tagged else [],
        split=split,
    )
    known = {name: told.pop(name) for name in KEPT if isinstance(told.get(name), str)}
    known["split"] = SPLIT_NAMES.get(known.get("split", "").casefold(), split)
    if known.get("status") not in STATUSES:
        known.pop("status", None)
    external_id = told.pop("id", "")
    return replace(record, external_id=str(external_id), metadata=_metadata(told), **known)


def _tag(part: str, label: str) -> str:
    return f"{part}-{label}" if part in {"B", "I"} else "O"


def _starts(doc: Doc, tokens: Sequence[Token]) -> list[int] | None:
    """Where sentences start, in our tokens; None where nobody has said so."""
    if not doc.has_annotation("SENT_START"):
        return None
    edges = [token.i for token in doc if token.is_sent_start]
    places = [token.i for token in tokens]
    found = {bisect_left(places, edge) for edge in edges}
    return sorted(({0} | found) - {len(tokens)})


def _left_out(tokens: Sequence[Token]) -> Passages:
    """Runs of tokens that say nothing of an entity, not even that there is none."""
    passages: Passages = []
    for index, token in enumerate(tokens):
        if token.ent_iob_:
            continue
        if passages and passages[-1][1] == index:
            passages[-1] = (passages[-1][0], index + 1)
        else:
            passages.append((index, index + 1))
    return passages


def _metadata(told: dict[str, Any]) -> dict[str, Any]:
    """What a Doc says of itself beside: plain values, and ours, which are JSON."""
    known: Any = None
    if isinstance(told.get("metadata"), str):
        with suppress(ValueError):
            known = json.loads(told["metadata"])
    rest = told if not isinstance(known, dict) else {key: told[key] for key in told if key != "metadata"}
    plain = {key: value for key, value in rest.items() if isinstance(value, (str, int)) or _is_finite(value)}
    return {**plain, **(known if isinstance(known, dict) else {})}


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and isfinite(value)


def _files(corpus: Corpus) -> Iterator[tuple[str, bytes]]:
    from spacy.tokens import DocBin

    counts: Counter[str] = Counter()
    waiting: dict[str, tuple[DocBin, Vocab]] = {}
    for record in corpus:
        folder = FOLDERS[record.split or "train"]
        if folder not in waiting:
            # Words of its own: those of a whole corpus would be held to its end.
            waiting[folder] = DocBin(["ENT_IOB", "ENT_TYPE", "SENT_START"], store_user_data=True), _vocab()
        docs, vocab = waiting[folder]
        docs.add(_doc(record, vocab))
        counts[folder] += 1
        if counts[folder] % PART == 0:
            yield _part(folder, counts[folder], waiting.pop(folder)[0])
    for folder, (left, _) in waiting.items():
        yield _part(folder, counts[folder], left)


def _part(folder: str, count: int, docs: DocBin) -> tuple[str, bytes]:
    """The file with the last of so many articles of a folder."""
    return f"{folder}/{(count - 1) // PART:05d}.spacy", docs.to_bytes()


def _doc(record: Record, vocab: Vocab) -> Doc:
    from spacy.tokens import Doc, Span

    words, spaces, places = _pieces(record.text or "", record.offsets or [])
    starts = {0, *(places[start] for start in record.sentence_starts or [])}
    doc = Doc(vocab, words=words, spaces=spaces, sent_starts=[place in starts for place in range(len(words))])
    spans = [
        Span(doc, places[start], places[end - 1] + 1, label=label)
        for start, end, label in iob2.spans_of(record.tags or [])
    ]
    untold = [Span(doc, places[start], places[end - 1] + 1) for start, end in record.left_out]
    doc.set_ents(spans, missing=untold, default="outside")
    told = {"id": record.external_id, **{name: getattr(record, name) for name in KEPT}}
    doc.user_data.update({name: value for name, value in told.items() if value})
    if record.metadata:
        doc.user_data["metadata"] = json.dumps(record.metadata, ensure_ascii=False)
    return doc


def _pieces(text: str, offsets: Offsets) -> tuple[list[str], list[bool], list[int]]:
    """The text as spaCy holds it: words, whether a blank follows each, and which of the words are our tokens. What else
    stands between tokens is a word of its own.
    """
    words: list[str] = []
    spaces: list[bool] = []
    places: list[int] = []
    last = 0
    for start, end in [*offsets, (len(text), len(text))]:
        gap = text[last:start]
        if gap.startswith(" ") and words:
            spaces[-1] = True
            gap = gap[1:]
        if gap:
            words.append(gap)
            spaces.append(False)
        if start < end:
            places.append(len(words))
            words.append(text[start:end])
            spaces.append(False)
        last = end
    return words, spaces, places
