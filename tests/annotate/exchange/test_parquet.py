"""Datasets of Hugging Face: read as they save them, and written so that `load_dataset` reads them."""

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value, load_dataset
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from annotate.exchange import FormatError, Options, read, resolve
from annotate.exchange.fields import split_of
from annotate.exchange.formats import datasetfolder, found
from annotate.exchange.formats import parquet as format_
from annotate.exchange.records import Corpus, Record
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.hostile import LABELS, articles, same

NAMES = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
FEATURES = Features({"id": Value("string"), "tokens": List(Value("string")), "ner_tags": List(ClassLabel(names=NAMES))})
ROWS = {"id": ["0", "1"], "tokens": [["Ada", "King", "left"], ["Acme"]], "ner_tags": [[1, 2, 0], [3]]}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset as `datasets` itself writes it."""
    folder = tmp_path_factory.mktemp("saved")
    dataset = Dataset.from_dict(ROWS, features=FEATURES)
    dataset.save_to_disk(folder / "validation")
    dataset.to_parquet(folder / "validation-00000-of-00001.parquet")
    return folder


def tagged(record: Record) -> tuple[str, list[str] | None, list[str] | None, str | None]:
    assert record.errors == []
    return record.external_id, record.words, record.tags, record.split


@pytest.mark.parametrize("name", ["validation/data-00000-of-00001.arrow", "validation-00000-of-00001.parquet"])
def test_what_datasets_saves_is_read_with_its_names_and_split(saved: Path, records_of: Reader, name: str) -> None:
    data = (saved / name).read_bytes()
    assert found("upload", data) == name.rpartition(".")[2]
    options = resolve(io.BytesIO(data), name, Options())
    assert (options.labels, options.scheme) == (tuple(NAMES), "iob2")
    assert [tagged(record) for record in records_of(data, name)] == [
        ("0", ["Ada", "King", "left"], ["B-PER", "I-PER", "O"], "validation"),
        ("1", ["Acme"], ["B-ORG"], "validation"),
    ]


def written(table: pa.Table, kind: str = "parquet") -> bytes:
    target = io.BytesIO()
    if kind == "parquet":
        parquet.write_table(table, target)
    else:
        with ipc.new_file(target, table.schema) as writer:
            writer.write_table(table)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_texts_days_and_pictures_of_other_tables(records_of: Reader, kind: str) -> None:
    table = pa.table(
        {
            "text": ["Ada sang.", "Bob left."],
            "published": pa.array([20_000, None], pa.date32()),
            "words": [2, 3],
            "image": [b"\x00\xff", b""],
        }
    )
    first, second = records_of(written(table, kind), f"test.{kind}")
    assert (first.text, first.date, first.split, first.metadata) == ("Ada sang.", "2024-10-04", "test", {"words": 2})
    assert (second.date, second.errors) == ("", [])


def test_numbers_without_names_are_told_and_can_be_given(records_of: Reader) -> None:
    data = written(pa.table({"tokens": ROWS["tokens"], "ner_tags": ROWS["ner_tags"]}))
    assert [error.kind for error in records_of(data, "a.parquet")[0].errors] == ["label-list"]
    assert records_of(data, "a.parquet", labels=tuple(NAMES))[1].tags == ["B-ORG"]


def test_other_schemes_are_read_as_well(records_of: Reader) -> None:
    data = written(pa.table({"tokens": [["Ada", "King", "Bob"]], "tags": [["B-PER", "E-PER", "S-PER"]]}))
    assert records_of(data, "a.parquet")[0].tags == ["B-PER", "I-PER", "B-PER"]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00001.parquet", "train"),
        ("dev.arrow", "validation"),
        ("train/test_2.parquet", "test"),
        ("devices.parquet", None),
        ("x", None),
    ],
)
def test_the_split_is_in_the_name(name: str, split: str | None) -> None:
    assert split_of(name) == split


def unpacked(corpus: Corpus, folder: Path) -> Path:
    with ZipFile(io.BytesIO(b"".join(datasetfolder.write(corpus)))) as archive:
        archive.extractall(folder)
    return folder


def read_back(data: bytes) -> Iterator[Record]:
    with ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.endswith(".parquet"):
                yield from read(io.BytesIO(archive.read(name)), name, Options())


@given(st.lists(articles(whole=True), min_size=1, max_size=3))
def test_what_is_written_is_read_back_without_a_difference(records: list[Record]) -> None:
    again = list(read_back(b"".join(datasetfolder.write(Corpus(records, "News", LABELS)))))
    splits = list(dict.fromkeys(record.split for record in records))
    for before, after in zip(sorted(records, key=lambda r: splits.index(r.split)), again, strict=True):
        same(before, after)


def test_load_dataset_finds_splits_names_and_card(tmp_path: Path) -> None:
    def article(split: str, number: int) -> Record:
        return Record(
            text="Ada left Acme",
            offsets=[(0, 3), (4, 8), (9, 13)],
            words=["Ada", "left", "Acme"],
            tags=["B-PER", "O", "B-ORG"],
            sentence_starts=[0],
            split=split,
            external_id=str(number),
        )

    records = [article("train" if n % 3 else "validation", n) for n in range(2_500)]
    folder = unpacked(Corpus(records, "The “News”: a\nB", ["ORG", "PER"]), tmp_path / "news")
    dataset = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in dataset.items()} == {"train": 1_666, "validation": 834}
    names = dataset["train"].features["ner_tags"].feature.names
    assert names == ["O", "B-ORG", "I-ORG", "B-PER", "I-PER"]
    assert [names[tag] for tag in dataset["train"][0]["ner_tags"]] == ["B-PER", "O", "B-ORG"]
    assert dataset["train"][0]["tokens"] == ["Ada", "left", "Acme"]
    assert [row["id"] for row in dataset["validation"]] == [str(n) for n in range(2_500) if not n % 3]
    assert "# The “News”: a B" in (folder / "README.md").read_text()


def test_the_same_labels_have_the_same_numbers_whatever_comes_first(tmp_path: Path) -> None:
    record = Record(text="Ada", offsets=[(0, 3)], words=["Ada"], tags=["B-PER"], sentence_starts=[0], split="train")
    (again,) = read_back(b"".join(datasetfolder.write(Corpus([record], "", ["ORG", "PER"]))))
    assert again.tags == ["B-PER"]
    schema = parquet.read_schema(unpacked(Corpus([record], "", ["ORG", "PER"]), tmp_path) / "data/train-00000.parquet")
    told = json.loads(schema.metadata[b"huggingface"])["info"]["features"]["ner_tags"]["feature"]["names"]
    assert told == ["O", "B-ORG", "I-ORG", "B-PER", "I-PER"]


def test_an_entity_of_no_label_of_the_project_is_refused() -> None:
    record = Record(text="Ada", offsets=[(0, 3)], words=["Ada"], tags=["B-PER"], sentence_starts=[0])
    with pytest.raises(FormatError, match="no label for the tag 'B-PER'"):
        list(datasetfolder.write(Corpus([record], "", ["ORG"])))


def damaged(data: bytes) -> Iterator[bytes]:
    yield data[: len(data) // 2]
    yield data[:8]
    yield data[:4] + bytes(200) + data[-4:]
    for place in range(4, len(data), max(1, len(data) // 40)):
        yield data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :]


@pytest.mark.parametrize("name", ["validation/data-00000-of-00001.arrow", "validation-00000-of-00001.parquet"])
def test_damage_is_no_more_than_a_reason(saved: Path, records_of: Reader, name: str) -> None:
    data = (saved / name).read_bytes()
    with pytest.raises(FormatError, match="damaged"):
        records_of(data[: len(data) // 2], name)
    for broken in damaged(data):
        with suppress(FormatError):
            records_of(broken, name, format=name.rpartition(".")[2])


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_few_bytes_that_are_a_flood_of_values_are_refused(
    records_of: Reader, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    zeros = pa.Array.from_buffers(pa.int8(), 2_000_000, [None, pa.py_buffer(bytes(2_000_000))])
    data = written(pa.table({"text": ["Ada."], "ner_tags": pa.ListArray.from_arrays([0, 2_000_000], zeros)}), kind)
    monkeypatch.setattr(format_, "LARGEST_BATCH", 1_000_000)
    with pytest.raises(FormatError, match=r"A row holds 4,000,\d+ values and bytes"):
        records_of(data, f"a.{kind}")


def floods() -> dict[str, pa.Array]:
    """Few bytes, and a value of sixteen million in each."""
    nulls, text = pa.nulls(1 << 24), pa.array(["x" * (1 << 24)])
    places = pa.array([0, 0, 0, 0], pa.int32())
    views = pa.ListViewArray.from_arrays(places, pa.array([1 << 24] * 4, pa.int32()), nulls)
    return {
        "nulls": pa.ListArray.from_arrays([0, 1 << 24, 1 << 24, 1 << 24, 1 << 24], nulls),
        "dictionary": pa.DictionaryArray.from_arrays(places, text),
        "views of lists": views,
        "views of views": pa.ListViewArray.from_arrays(places, pa.array([4] * 4, pa.int32()), views),
        "views of texts": text.take(places).cast(pa.string_view()),
    }


@pytest.mark.parametrize("kind", floods())
def test_what_refers_to_the_same_values_again_and_again_is_weighed_by_all_of_them(kind: str) -> None:
    assert format_._weight_of(floods()[kind]) > 1 << 24


def test_rows_too_heavy_to_be_read_together_are_read_one_by_one(
    records_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(pa.table({"text": ["Ada. " * 100, "Bob. " * 100]}))
    monkeypatch.setattr(format_, "LARGEST_BATCH", 600)
    assert [record.errors for record in records_of(data, "a.parquet")] == [[], []]


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_spans_as_records_are_read_and_what_is_no_text_is_left(records_of: Reader, kind: str) -> None:
    span = {"start": 0, "end": 3, "label": "PER"}
    table = pa.table(
        {
            "text": pa.array(["Ada sang."]).dictionary_encode(),
            "spans": [[span]],
            "pictures": [[b"\x00"]],
            "weight": [float("nan")],
            "author": [{"name": "Eve"}],
        }
    )
    (record,) = records_of(written(table, kind), f"a.{kind}")
    assert (record.errors, record.tags, record.metadata) == ([], ["B-PER", "O", "O"], {})


def test_two_columns_of_one_name_are_refused(records_of: Reader) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(FormatError, match="Two columns have one name"):
        records_of(written(table), "a.parquet")


def test_metadata_of_any_kind_never_breaks_the_reading(records_of: Reader) -> None:
    for told in (b"{", b"[]", b'{"info": {"features": {"ner_tags": 3}}}', b'{"info": {"features": []}}', b"\xff"):
        table: Any = pa.table({"text": ["Ada."]}).replace_schema_metadata({"huggingface": told})
        assert records_of(written(table), "a.parquet")[0].text == "Ada."
