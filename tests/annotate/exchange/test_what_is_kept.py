"""The table of docs/formats.md that says what each format cannot hold: tried with an article that has all there is."""

import io
import re
from dataclasses import replace

import pytest

from annotate.exchange import Options, Record, read, resolve
from annotate.exchange.formats import WRITERS
from annotate.exchange.records import CharSpan, Corpus, apply
from tests.annotate.exchange.documented import DOCS
from tests.annotate.exchange.zips import records_of_zip

TEXT = "By  Eve.\n\nAda\tKing-Noel met 中国 Bob. He left Oslo."
WORDS = ["By", "Eve", ".", "Ada", "Ki", "ng-Noel", "met", "中国", "Bob", ".", "He", "left", "Oslo", "."]
TAGS = ["O", "O", "O", "B-PER", "I-PER", "I-PER", "O", "B-LOC", "B-PER", "O", "O", "O", "B-LOC", "O"]


def _offsets() -> list[tuple[int, int]]:
    offsets, place = [], 0
    for word in WORDS:
        place = TEXT.index(word, place)
        offsets.append((place, place := place + len(word)))
    return offsets


ARTICLE = Record(
    text=TEXT,
    offsets=_offsets(),
    words=WORDS,
    tags=TAGS,
    sentence_starts=[0, 3, 6],
    left_out=[(0, 3)],
    title="News",
    external_id="a1",
    source="The Times",
    date="2026-11-23",
    language="en",
    split="validation",
    metadata={"desk": "sport"},
    status="in_progress",
)
UNTOUCHED = replace(ARTICLE, tags=None, left_out=[], status="raw")
SUGGESTED = replace(UNTOUCHED, suggested=(CharSpan(10, 13, "PER", 0.5),))


def _table() -> dict[str, dict[str, bool]]:
    text = DOCS.read_text(encoding="utf-8").partition("### What each format cannot hold")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.M)]
    header, _, *rows = rows[: 2 + len(WRITERS)]
    return {
        row[0].strip("`"): {name: cell == "yes" for name, cell in zip(header[1:], row[1:], strict=True)} for row in rows
    }


TABLE = _table()


def _come_back(kind: str, *articles: Record) -> list[Record]:
    data = b"".join(WRITERS[kind].write(Corpus(articles, "News", ["PER", "LOC"])))
    if WRITERS[kind].content_type == "application/zip":
        records = records_of_zip(data)
    else:
        name = f"export.{WRITERS[kind].ending}"
        records = list(read(io.BytesIO(data), name, resolve(io.BytesIO(data), name, Options())))
    whole = [apply(record, "repair") for record in records]
    return [record for record in whole if record is not None]


@pytest.mark.parametrize("kind", WRITERS)
def test_the_documents_say_what_comes_back_of_an_article_and_what_does_not(kind: str) -> None:
    (back,) = _come_back(kind, ARTICLE)
    writer = WRITERS[kind]
    untouched = [] if writer.tagged else _come_back(kind, UNTOUCHED)
    suggested = _come_back(kind, SUGGESTED) if writer.suggested else []
    assert TABLE[kind] == {
        "text": back.text == TEXT,
        "tokens": back.words == WORDS,
        "sentences": back.sentence_starts == ARTICLE.sentence_starts,
        "title": back.title == ARTICLE.title,
        "id": back.external_id == ARTICLE.external_id,
        "source, date": (back.source, back.date) == (ARTICLE.source, ARTICLE.date),
        "language": back.language == ARTICLE.language,
        "split": back.split == ARTICLE.split,
        "metadata": back.metadata == ARTICLE.metadata,
        "left out": back.left_out == ARTICLE.left_out,
        "begun": back.status == ARTICLE.status,
        "untouched": bool(untouched) and untouched[0].tags is None,
        "suggestions": bool(suggested) and suggested[0].suggested == SUGGESTED.suggested,
    }
