"""Parquet and Arrow files, as `datasets` saves them and as others do: rows in the shapes of JSON rows.

Written as a dataset folder in a zip archive: Parquet files for each split, and a card that says what the columns are,
so that `load_dataset("folder")` finds all of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import yaml

from annotate.exchange import fields
from annotate.exchange.formats import rows
from annotate.exchange.formats.archive import zipped
from annotate.exchange.formats.head import Head
from annotate.exchange.records import Corpus, FormatError, Options, Record

if TYPE_CHECKING:
    import pyarrow as pa

READ_AT_ONCE = 32  # rows
SHARD = 1_000  # articles of a written file
SPLITS = ("train", "validation", "test", "aside")
CHUNK = 1 << 16
LARGEST_BATCH = 1 << 27  # bytes of the rows that are read at once
_STREAM = b"\xff\xff\xff\xff"  # what Arrow's stream begins with; `save_to_disk` writes it


def is_parquet(head: Head) -> bool:
    return head.data.startswith(b"PAR1")


def is_arrow(head: Head) -> bool:
    return head.data.startswith((b"ARROW1", _STREAM))


def read_parquet(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """One record a row; the split is in the file's name, as in "train-00000-of-00001.parquet", where no column says
    it. The stream must be seekable. Raises FormatError for a damaged file.
    """
    return _records(_parquet_rows(stream), name, options)


def read_arrow(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """As `read_parquet`, of the file or the stream format of Arrow."""
    return _records(_arrow_rows(stream), name, options)


def parquet_labels(stream: BinaryIO) -> tuple[str, ...]:
    """The names of the tags, where they are a ClassLabel of `datasets`."""
    with _words_for_damage():
        from pyarrow import parquet

        return _label_names(parquet.read_schema(stream))


def arrow_labels(stream: BinaryIO) -> tuple[str, ...]:
    with _words_for_damage():
        return _label_names(_arrow_schema(stream))


def parquet_sequences(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    return (tags for row in _parquet_rows(stream) for tags in rows.tag_sequences(row, options))


def arrow_sequences(stream: BinaryIO, options: Options) -> Iterator[list[str]]:
    return (tags for row in _arrow_rows(stream) for tags in rows.tag_sequences(row, options))


def _records(found: Iterator[dict[str, Any]], name: str, options: Options) -> Iterator[Record]:
    split = fields.split_of(name)
    for number, row in enumerate(found, start=1):
        yield rows.record_of(row, options, number, number, split)


@contextmanager
def _words_for_damage() -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except FormatError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise FormatError(f"The file is damaged or of a kind that cannot be read: {reason}") from error


def _parquet_rows(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    with _words_for_damage():
        file = parquet.ParquetFile(stream, pre_buffer=False, buffer_size=CHUNK)
        columns = _columns(file.schema_arrow)
        for batch in file.iter_batches(READ_AT_ONCE, columns=columns):
            yield from _rows_of(batch)


def _rows_of(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Raises FormatError where a few bytes were a flood: as Python's values they would be thirty times as large."""
    if batch.nbytes > LARGEST_BATCH:
        raise FormatError(f"{batch.num_rows} rows hold {batch.nbytes:,} bytes: no articles are in them.")
    return map(_row, batch.to_pylist())


def _arrow_rows(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    with _words_for_damage():
        for batch in _arrow_batches(stream):
            kept = batch.select(_columns(batch.schema))
            for start in range(0, kept.num_rows, READ_AT_ONCE):
                part = kept.slice(start, READ_AT_ONCE)
                part.validate(full=True)
                yield from _rows_of(part)


def _arrow_batches(stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    from pyarrow import ipc

    if _is_stream(stream):
        yield from ipc.open_stream(stream)
    else:
        file = ipc.open_file(stream)
        yield from (file.get_batch(number) for number in range(file.num_record_batches))


def _arrow_schema(stream: BinaryIO) -> pa.Schema:
    from pyarrow import ipc

    return (ipc.open_stream(stream) if _is_stream(stream) else ipc.open_file(stream)).schema


def _is_stream(stream: BinaryIO) -> bool:
    first = stream.read(len(_STREAM))
    stream.seek(0)
    return first == _STREAM


def _columns(schema: pa.Schema) -> list[str]:
    """The columns that can be in a record: no pictures, no sounds."""
    import pyarrow as pa

    names = [
        field.name for field in schema if not pa.types.is_binary(field.type) and not pa.types.is_struct(field.type)
    ]
    if len(set(names)) != len(names):
        raise FormatError("Two columns have one name.")
    return names


def _row(values: dict[str, Any]) -> dict[str, Any]:
    row = {key: _plain(value) for key, value in values.items()}
    if isinstance(row.get("metadata"), str):  # as `write` has it: a column of `datasets` has one set of keys
        with suppress(ValueError):
            row["metadata"] = json.loads(row["metadata"])
    return row


def _plain(value: Any) -> Any:
    """A value as JSON has it: days and the like as text."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)


def _label_names(schema: pa.Schema) -> tuple[str, ...]:
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        found = [features[key] for key in rows.TAGS if key in features]
    except (KeyError, TypeError, ValueError):
        return ()
    for feature in found:
        inner = feature.get("feature") if isinstance(feature, dict) else None
        names = inner.get("names") if isinstance(inner, dict) else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return tuple(names)
    return ()


# What a row is written as, and what `datasets` calls it; the tags have a kind of their own.
COLUMNS: dict[str, Any] = {
    "id": "string",
    "title": "string",
    "text": "string",
    "tokens": ["string"],
    "offsets": [["int32"]],
    "ner_tags": [],
    "sentence_starts": ["int32"],
    "left_out": [["int32"]],
    "status": "string",
    "language": "string",
    "source": "string",
    "date": "string",
    "metadata": "string",
}


def write(corpus: Corpus) -> Iterator[bytes]:
    """A zip archive of the dataset's folder. The tags' names are O, then B- and I- of the project's labels in their
    order: the same labels always have the same numbers. Raises FormatError for an entity of another label.
    """
    return zipped(_files(corpus))


def _files(corpus: Corpus) -> Iterator[tuple[str, bytes]]:
    names = ["O", *(f"{part}-{label}" for label in corpus.labels for part in "BI")]
    schema = _schema(names)
    number = {name: index for index, name in enumerate(names)}
    counts: Counter[str] = Counter()
    waiting: dict[str, list[dict[str, Any]]] = {}
    for record in corpus:
        split = record.split or "train"
        waiting.setdefault(split, []).append(_values(record, number))
        counts[split] += 1
        if counts[split] % SHARD == 0:
            yield _shard(split, counts[split], waiting.pop(split), schema)
    for split, left in waiting.items():
        yield _shard(split, counts[split], left, schema)
    yield "README.md", _card(corpus.name, names, {split: counts[split] for split in SPLITS if counts[split]}).encode()


def _shard(split: str, count: int, values: list[dict[str, Any]], schema: pa.Schema) -> tuple[str, bytes]:
    """The file with the last of so many articles of a split."""
    import pyarrow as pa
    from pyarrow import parquet

    target = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(values, schema), target, compression="zstd")
    return f"data/{split}-{(count - 1) // SHARD:05d}.parquet", target.getvalue().to_pybytes()


def _values(record: Record, number: Mapping[str, int]) -> dict[str, Any]:
    try:
        tags = [number[tag] for tag in record.tags or []]
    except KeyError as error:
        raise FormatError(f"The project has no label for the tag {error}.") from error
    return {
        "id": record.external_id,
        "title": record.title,
        "text": record.text,
        "tokens": record.words,
        "offsets": record.offsets,
        "ner_tags": tags,
        "sentence_starts": record.sentence_starts,
        "left_out": record.left_out,
        "status": record.status,
        "language": record.language,
        "source": record.source,
        "date": record.date,
        "metadata": json.dumps(record.metadata, ensure_ascii=False),
    }


def _schema(names: list[str]) -> pa.Schema:
    import pyarrow as pa

    def kind(told: Any) -> pa.DataType:
        if isinstance(told, list):
            return pa.list_(kind(told[0])) if told else pa.list_(pa.int64())
        return pa.type_for_alias(told)

    def feature(told: Any) -> dict[str, Any]:
        if not isinstance(told, list):
            return {"dtype": told, "_type": "Value"}
        inner = feature(told[0]) if told else {"names": names, "_type": "ClassLabel"}
        return {"feature": inner, "_type": "Sequence"}  # which versions before 4 know as well

    told = {"info": {"features": {name: feature(column) for name, column in COLUMNS.items()}}}
    columns = [(name, kind(column)) for name, column in COLUMNS.items()]
    return pa.schema(columns, metadata={"huggingface": json.dumps(told)})


def _card(name: str, names: list[str], counts: Mapping[str, int]) -> str:
    """The dataset's card: YAML that `datasets` reads, and a page for people."""

    def feature(told: Any) -> dict[str, Any]:
        if not isinstance(told, list):
            return {"dtype": told}
        if not told:
            return {"sequence": {"class_label": {"names": {str(place): tag for place, tag in enumerate(names)}}}}
        return {"sequence": feature(told[0]) if isinstance(told[0], list) else told[0]}

    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in counts]
    head = {
        "pretty_name": name,
        "task_categories": ["token-classification"],
        "task_ids": ["named-entity-recognition"],
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": {
            "features": [{"name": column, **feature(told)} for column, told in COLUMNS.items()],
            "splits": [{"name": split, "num_examples": count} for split, count in counts.items()],
        },
    }
    told = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    articles = "".join(f"| {split} | {count:,} |\n" for split, count in counts.items())
    return CARD.format(head=told, name=" ".join(name.split()), articles=articles, names=", ".join(names))


CARD = """---
{head}---

# {name}

News articles tagged with named entities by hand, one tag for each token (IOB2).

| split | articles |
|---|---|
{articles}
`ner_tags` are numbers of these names, from 0: {names}

`text` is the article to the letter; `offsets` has the start and end of each token in it, in code points. Articles in
`aside`, where there is such a split, are too much like articles on both sides of the split to be in either.

```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder")
names = dataset["train"].features["ner_tags"].feature.names
```
"""
