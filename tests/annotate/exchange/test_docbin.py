"""spaCy's DocBin, read and written as spaCy itself does."""

import builtins
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus as SpacyCorpus

from annotate.exchange import FormatError, Options, read
from annotate.exchange.formats import docbin, found
from annotate.exchange.records import Corpus, Record
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.hostile import articles, same


def english(text: str, *spans: tuple[int, int, str]) -> Doc:
    nlp = spacy.blank("en")
    doc = nlp(text)
    doc.set_ents([Span(doc, start, end, label=label) for start, end, label in spans], default="outside")
    return doc


def saved(*docs: Doc, **options: Any) -> bytes:
    return DocBin(docs=docs, **options).to_bytes()


def read_back(data: bytes) -> Iterator[Record]:
    with ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            yield from read(io.BytesIO(archive.read(name)), name, Options())


def test_a_file_of_spacys_own_is_known_and_read(records_of: Reader) -> None:
    doc = english("Ada King  met\nBob. In U.K.", (0, 2, "PERSON"), (5, 6, "PERSON"), (8, 9, "GPE"))
    data = saved(doc, english("Nobody."))
    assert found("a.bin", data) == "spacy"
    assert found("a.bin", saved(doc, attrs=["ENT_IOB", "ENT_TYPE"], store_user_data=True)) == "spacy"
    first, second = records_of(data, "corpus/dev.spacy")
    assert (first.text, first.words) == (doc.text, ["Ada", "King", "met", "Bob", ".", "In", "U.K."])
    assert first.tags == ["B-PERSON", "I-PERSON", "O", "B-PERSON", "O", "O", "B-GPE"]
    assert (first.split, first.errors, second.tags) == ("validation", [], ["O", "O"])


def test_other_compressed_files_are_none() -> None:
    for content in (b"plain text", b"\x81\xa5other"):
        with suppress(FormatError):
            assert found("a", zlib.compress(content)) != "spacy"


def test_a_doc_that_nobody_has_tagged_has_no_tags(records_of: Reader) -> None:
    (record,) = records_of(saved(spacy.blank("en")("Ada met Bob.")), "a.spacy")
    assert (record.tags, record.split, record.left_out) == (None, None, [])


def test_user_data_says_what_the_article_is(records_of: Reader) -> None:
    doc = english("Ada.")
    doc.user_data.update({"id": 7, "title": "T", "split": "dev", "beat": "sport", "metadata": "no JSON", "x": object})
    doc.user_data["x"] = [1]
    (record,) = records_of(saved(doc, store_user_data=True), "train.spacy")
    assert (record.external_id, record.title, record.split) == ("7", "T", "validation")
    assert record.metadata == {"beat": "sport", "metadata": "no JSON"}


@given(st.lists(articles(whole=True), min_size=1, max_size=3))
def test_what_is_written_is_read_back_without_a_difference(records: list[Record]) -> None:
    again = list(read_back(b"".join(docbin.write(Corpus(records)))))
    splits = list(dict.fromkeys(record.split for record in records))
    for before, after in zip(sorted(records, key=lambda r: splits.index(r.split)), again, strict=True):
        same(before, after)


def test_spacy_reads_what_is_written_as_its_training_does(tmp_path: Path) -> None:
    text = "Ada King\nmet  Bob."
    record = Record(
        text=text,
        offsets=[(0, 3), (4, 8), (9, 12), (14, 17), (17, 18)],
        words=["Ada", "King", "met", "Bob", "."],
        tags=["B-PER", "I-PER", "O", "B-PER", "O"],
        sentence_starts=[0, 2],
        split="validation",
    )
    with ZipFile(io.BytesIO(b"".join(docbin.write(Corpus([record] * 1_001))))) as archive:
        assert archive.namelist() == ["dev/00000.spacy", "dev/00001.spacy"]
        archive.extractall(tmp_path)
    examples = list(SpacyCorpus(tmp_path / "dev")(spacy.blank("en")))
    assert len(examples) == 1_001
    doc = examples[0].reference
    assert doc.text == text
    assert [(span.text, span.label_) for span in doc.ents] == [("Ada King", "PER"), ("Bob", "PER")]
    assert examples[0].get_aligned_ner() == ["B-PER", "L-PER", "O", "O", "O", "U-PER", "O"]


def test_without_the_library_it_is_said_what_to_do(records_of: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(english("Ada."))
    real = builtins.__import__

    def refuse(name: str, *args: Any) -> Any:
        if name.startswith("spacy"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for act in (lambda: records_of(data, "a.spacy"), lambda: list(docbin.write(Corpus([])))):
        with pytest.raises(FormatError, match=r"pip install 'tagdesk\[spacy\]'"):
            act()


def test_damage_is_no_more_than_a_reason(records_of: Reader) -> None:
    data = saved(english("Ada King met Bob.", (0, 2, "PER")), store_user_data=True)
    with pytest.raises(FormatError, match="damaged"):
        records_of(data[: len(data) // 2], "a.spacy")
    whole = zlib.decompress(data)
    for place in range(0, len(whole), 7):
        broken = whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :]
        with suppress(FormatError):
            records_of(zlib.compress(broken), "a.spacy", format="spacy")


def test_a_file_that_unpacks_without_end_is_refused(records_of: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docbin, "LARGEST", 10_000_000)
    bomb = zlib.compress(b"\x81\xa5attrs" + bytes(20_000_000))
    assert len(bomb) < 30_000
    with pytest.raises(FormatError, match="unpacks to more than 10,000,000 bytes"):
        records_of(bomb, "a.spacy")
