"""One article as a JSON object, in the shapes that the field uses.

- text alone, or with spans: `label` or `spans` as [start, end, label] or {"start", "end", "label"} in code points
- tokens with tags: `tokens` + `tags` (strings), or + `ner_tags` (numbers of a label list)
- sentences: {"sentences": [{"tokens", "tags"}, ...]}
- our own: text, tokens, offsets and tags together
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotate.exchange import fields
from annotate.exchange.checking import checked
from annotate.exchange.formats.rowvalues import (
    RowError,
    errors_of,
    is_number,
    kind_of,
    notices_of,
    span_of,
    spans_of,
    strings,
)
from annotate.exchange.records import STATUSES, Options, Record, as_iob2, broken
from annotate.passages import PassageError, Passages, check
from annotate.tokens import Offsets, TokenError, check_offsets

TOKENS = ("tokens", "words")
TAGS = ("tags", "ner_tags", "ner", "labels", "label")
SPANS = ("spans", "label", "labels", "entities")
METADATA = ("metadata", "meta")


def record_of(row: Any, options: Options, line: int, number: int, split: str | None = None) -> Record:
    """Read one row; a row that cannot be read is a record with the error. `split` is the file's, the row's own wins."""
    try:
        if not isinstance(row, dict):
            raise RowError("shape", f"The row is no object but {kind_of(row)}.")
        known = fields.identity(row)
        used = set(known.used)
        record = Record(line=line, number=number, **{"split": split, **known.fields})
        record = _with_content(record, row, options, used)
        record = _with_suggestions(with_state(record, row, used), row, used)
        metadata = metadata_of(row, used)
        return checked(replace(record, metadata=metadata) if metadata else record)
    except RowError as error:
        return broken(line, number, error.kind, str(error))


def tag_sequences(row: Any, options: Options) -> list[list[str]]:
    """The tags of a row, sentence by sentence, for the decision on the scheme; none where they cannot be read."""
    try:
        if isinstance(row, dict) and "sentences" in row:
            return [tags for _, tags in _sentences(row["sentences"], options) if tags is not None]
        if isinstance(row, dict) and _first(row, TOKENS):
            tags = _tags(row, options)[1]
            return [tags] if tags is not None else []
    except RowError:
        pass
    return []


def identity_of(record: Record) -> dict[str, Any]:
    """What names an article, as the keys of a row that are read back as such; of its state, that it is not finished."""
    named = {
        "id": record.external_id,
        "title": record.title,
        "source": record.source,
        "date": record.date,
        "language": record.language,
        "split": record.split,
        "status": "in_progress" if record.tags is not None and record.status == "in_progress" else None,
    }
    return {key: value for key, value in named.items() if value}


def _with_content(record: Record, row: Mapping[str, Any], options: Options, used: set[str]) -> Record:
    if _is_sentences(row.get("sentences")):
        used.add("sentences")
        return _from_sentences(record, row["sentences"], options)
    if key := _first(row, TOKENS):
        words = strings(row[key], key)
        tags_key, tags = _tags(row, options)
        used |= {key, tags_key, "sentence_starts", "left_out"}
        starts, out = _starts(row, words), _left_out(row, len(words), tags or [])
        record = replace(record, words=words, tags=tags, sentence_starts=starts, left_out=out)
        if isinstance(row.get("text"), str):
            used |= {"text", "offsets"}
            record = replace(record, text=row["text"], offsets=_offsets(row, words))
        return record
    if isinstance(row.get("sentences"), list) and "text" not in row:
        used.add("sentences")
        return replace(record, text="\n".join(strings(row["sentences"], "sentences")))
    text_key = fields.text_key([key for key in row if isinstance(row[key], str)], options.text_column)
    if text_key is None:
        raise RowError("shape", f"The row has neither text nor tokens; it has {', '.join(map(str, row)) or 'nothing'}.")
    used.add(text_key)
    spans_key = next((key for key in SPANS if isinstance(row.get(key), list)), None)
    if spans_key is None:
        return replace(record, text=row[text_key])
    used.add(spans_key)
    spans, faults = spans_of(row[spans_key], span_of)
    return replace(record, text=row[text_key], spans=spans).having(errors_of(record, faults))


def _with_suggestions(record: Record, row: Mapping[str, Any], used: set[str]) -> Record:
    """What our own export says that was suggested. Other things of this name are metadata."""
    said = row.get("suggestions")
    keys = {"start", "end", "label", "score"}
    is_ours = isinstance(said, list) and all(isinstance(one, dict) and keys <= one.keys() for one in said)
    if not is_ours or "text" not in used:
        return record
    used |= {"suggestions", "suggested_by"}
    suggested, faults = spans_of(said or [], span_of)
    return replace(record, suggested=tuple(suggested)).having(notices_of(record, faults))


def _from_sentences(record: Record, sentences: Any, options: Options) -> Record:
    words: list[str] = []
    tags: list[str] = []
    starts: list[int] = []
    tagged = True
    for some_words, some_tags in _sentences(sentences, options):
        if not some_words:
            continue
        starts.append(len(words))
        words += some_words
        tagged = tagged and some_tags is not None
        tags += some_tags or []
    return replace(
        record, words=words, tags=tags if tagged else None, sentence_starts=starts or None, sentences_apart=True
    )


def _sentences(sentences: Any, options: Options) -> list[tuple[list[str], list[str] | None]]:
    read = []
    for number, sentence in enumerate(sentences, start=1):
        key = _first(sentence, TOKENS) if isinstance(sentence, dict) else None
        if key is None:
            raise RowError("shape", f"Sentence {number} has no tokens.")
        words, tags = strings(sentence[key], key), _tags(sentence, options)[1]
        if tags is not None and len(words) != len(tags):
            raise RowError("length", f"Sentence {number} has {len(words)} tokens but {len(tags)} tags.")
        read.append((words, tags))
    return read


def _is_sentences(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(sentence, dict) for sentence in value)


def _tags(row: Mapping[str, Any], options: Options) -> tuple[str, list[str] | None]:
    """The key of the tags ("" for none) and the tags; numbers are looked up in the label list."""
    key = next((key for key in TAGS if row.get(key) is not None), "")
    if not key:
        return "", None
    values = row[key]
    if not isinstance(values, list):
        raise RowError("shape", f"“{key}” is no list but {kind_of(values)}.")
    if any(is_number(value) for value in values):
        return key, as_iob2([_label_of(value, options) for value in values], options.scheme)
    return key, as_iob2(strings(values, key), options.scheme)


def _label_of(value: Any, options: Options) -> str:
    if not is_number(value):
        raise RowError("shape", f"The tags mix numbers and {kind_of(value)}.")
    if not options.labels:
        raise RowError("label-list", "The tags are numbers, but nothing says what they stand for: give the label list.")
    if not 0 <= value < len(options.labels):
        raise RowError(
            "label-id", f"The tag {value} is not in the label list, which goes from 0 to {len(options.labels) - 1}."
        )
    return options.labels[value]


def _starts(row: Mapping[str, Any], words: Sequence[str]) -> list[int] | None:
    starts = row.get("sentence_starts")
    if starts is None:
        return None
    ascending = isinstance(starts, list) and all(map(is_number, starts)) and starts == sorted(set(starts))
    if not ascending or (words and starts[:1] != [0]) or (starts and starts[-1] >= len(words)):
        raise RowError("sentences", "“sentence_starts” must ascend from 0 and stay within the tokens.")
    return list(starts)


def _left_out(row: Mapping[str, Any], count: int, tags: Sequence[str]) -> Passages:
    pairs = row.get("left_out") or []
    if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        raise RowError("left-out", "“left_out” is no list of [start, end].")
    passages = [(start, end) for start, end in pairs]
    try:
        check(passages, count)
    except PassageError as error:
        raise RowError("left-out", str(error)) from error
    if any(tag != "O" for start, end in passages for tag in tags[start:end]):
        raise RowError("left-out", "A passage that is left out holds an entity.")
    return passages


def _offsets(row: Mapping[str, Any], words: Sequence[str]) -> Offsets:
    text: str = row["text"]
    if row.get("offsets") is None:
        return _found(text, words)
    offsets = row["offsets"]
    if not isinstance(offsets, list) or not all(_is_pair(pair) for pair in offsets):
        raise RowError("offsets", "“offsets” is no list of [start, end].")
    pairs = [(start, end) for start, end in offsets]
    try:
        check_offsets(text, pairs)
    except TokenError as error:
        raise RowError("offsets", f"The offsets do not fit: {error}.") from error
    if [text[start:end] for start, end in pairs] != list(words):
        raise RowError("offsets", "The offsets cut other words from the text than “tokens” names.")
    return pairs


def _found(text: str, words: Sequence[str]) -> Offsets:
    offsets: Offsets = []
    place = 0
    for index, word in enumerate(words):
        start = text.find(word, place)
        if start < 0:
            raise RowError("offsets", f"Token {index}, {word!r}, is not in the text after the token before it.")
        place = start + len(word)
        offsets.append((start, place))
    return offsets


def with_state(record: Record, row: Mapping[str, Any], used: set[str]) -> Record:
    if row.get("status") in STATUSES:
        used.add("status")
        return replace(record, status=row["status"])
    if isinstance(row.get("finished"), bool):
        used.add("finished")
        return replace(record, status="finished" if row["finished"] else "in_progress")
    return record


def metadata_of(row: Mapping[str, Any], used: set[str]) -> dict[str, Any]:
    """What of a row has no place of its own; what it keeps under `meta` is not nested further."""
    others = {key: value for key, value in row.items() if key not in used and key not in METADATA}
    rest = {key: value for key, value in others.items() if value is not None and value != ""}
    for key in METADATA:
        value = row.get(key)
        if isinstance(value, dict):
            rest |= value
        elif value is not None:
            rest[key] = value
    return rest


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if isinstance(row.get(name), list)), None)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(map(is_number, pair))
