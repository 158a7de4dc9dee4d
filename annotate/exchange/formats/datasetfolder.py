"""A dataset of Hugging Face, written as a folder in a zip archive: Parquet files for each split, and a card that says
what the columns are, so that `load_dataset("folder")` finds all of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from annotate.exchange.formats.archive import zipped
from annotate.exchange.records import Corpus, FormatError, Record

if TYPE_CHECKING:
    import pyarrow as pa

SHARD = 1_000  # articles of a file
SPLITS = ("train", "validation", "test", "aside")
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
