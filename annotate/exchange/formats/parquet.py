"""Parquet and Arrow files, as `datasets` saves them and as others do: rows in the shapes of JSON rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isfinite
from typing import TYPE_CHECKING, Any, BinaryIO

from annotate.exchange import fields
from annotate.exchange.formats import rows
from annotate.exchange.formats.head import Head
from annotate.exchange.records import FormatError, Options, Record

if TYPE_CHECKING:
    import pyarrow as pa

READ_AT_ONCE = 32  # rows
CHUNK = 1 << 16
LARGEST_BATCH = 1 << 25  # values and bytes of the rows that are read at once
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
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError, RecursionError) as error:
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
    """Raises FormatError where a few bytes are a flood: as Python's values they would be many times as large."""
    if _weight(batch) <= LARGEST_BATCH:
        yield from map(_row, batch.to_pylist())
        return
    for place in range(batch.num_rows):
        one = batch.slice(place, 1)
        if (weight := _weight(one)) > LARGEST_BATCH:
            raise FormatError(f"A row holds {weight:,} values and bytes: no article does.")
        yield from map(_row, one.to_pylist())


def _weight(batch: pa.RecordBatch) -> int:
    return sum(map(_weight_of, batch.columns))


def _weight_of(array: pa.Array) -> int:
    """The values and bytes of an array, at most: one that refers to values may have each of them as often as it likes,
    and nulls take no bytes.
    """
    import pyarrow as pa

    is_, kind, count = pa.types, array.type, len(array)
    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        return count + _weight_of(array.flatten())
    if is_.is_struct(kind):
        return count + sum(map(_weight_of, array.flatten()))
    if is_.is_dictionary(kind):
        return count * (1 + _weight_of(array.dictionary))
    if is_.is_list_view(kind) or is_.is_large_list_view(kind):
        return count * (1 + _weight_of(array.values))
    size: int = array.nbytes
    return count + size * (count if is_.is_string_view(kind) else 1)


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

    names = [field.name for field in schema if not pa.types.is_struct(field.type) and _is_plain(field.type)]
    if len(set(names)) != len(names):
        raise FormatError("Two columns have one name.")
    return names


def _is_plain(kind: pa.DataType) -> bool:
    """Whether its values are text, numbers, days, and lists or records of these."""
    import pyarrow as pa

    is_ = pa.types
    if is_.is_nested(kind):
        inner = [kind.field(place).type for place in range(kind.num_fields)]
        return not (is_.is_map(kind) or is_.is_union(kind) or is_.is_run_end_encoded(kind)) and all(
            map(_is_plain, inner)
        )
    if is_.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (is_.is_primitive, is_.is_string, is_.is_large_string, is_.is_string_view, is_.is_null, is_.is_decimal)
    return any(test(kind) for test in tests)


def _row(values: dict[str, Any]) -> dict[str, Any]:
    row = {key: _plain(value) for key, value in values.items()}
    if isinstance(row.get("metadata"), str):  # as `write` has it: a column of `datasets` has one set of keys
        with suppress(ValueError):
            row["metadata"] = json.loads(row["metadata"])
    return row


def _plain(value: Any) -> Any:
    """A value as JSON has it: days and the like as text; nothing for NaN, by which tables leave a number out."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return None
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
