"""Articles for the benchmarks, as many as are wanted: sentences of real, tagged articles put together anew.

A seed gives the same articles on every machine. Each has a byline and a title of its own, so that the vocabulary of
a large project grows with it as that of a real one does.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from annotate import iob2, tokens
from training.engine.articles import Article as Tagged

BESIDE = Path(__file__).parents[2] / "shared" / "data" / "wikigold" / "articles.jsonl"
SAMPLES = Path(__file__).parents[1] / "samples" / "articles.jsonl"
LABELS = ("PER", "ORG", "LOC", "MISC")
LENGTH = 210  # tokens of an article, give or take a sentence
RARE_WORD = "quockerwodger"
RARE_IN = 3  # articles
SOURCES = ("Reuters", "The Morning Ledger", "Harbour Gazette", "Evening Post", "Wire Service", "Valley News")
SYLLABLES = ("ka", "lo", "mir", "ten", "sa", "ver", "du", "phi", "gor", "ne", "bal", "ish", "tor", "wen", "qua", "zel")


class Sentence(NamedTuple):
    words: list[str]
    tags: list[str]


@dataclass
class Article:
    """An article with its tags; the offsets are those of its words in the text, in code points."""

    title: str
    text: str
    offsets: tokens.Offsets
    sentence_starts: list[int]
    tags: list[str]
    source: str
    date: str


def articles(count: int, seed: int = 3, length: int = LENGTH) -> Iterator[Article]:
    """The rare word is in the first, the middle and the last."""
    draw = random.Random(seed)
    rare = {round(place * (count - 1) / (RARE_IN - 1)) for place in range(RARE_IN)}
    for number in range(count):
        yield _article(draw, number, length, number in rare)


def _article(draw: random.Random, number: int, length: int, rare: bool) -> Article:
    pool = sentences()
    byline = ["By", _name(draw), _name(draw), ",", *draw.choice(SOURCES).split(), "."]
    parts = [Sentence(byline, ["O", "B-PER", "I-PER", *["O"] * (len(byline) - 3)])]
    if rare:
        parts.append(Sentence(["A", RARE_WORD, "was", "seen", "."], ["O"] * 5))
    left = length + draw.randrange(-20, 1) - sum(len(part.words) for part in parts)
    while left > 0:
        part = draw.choice(pool)
        parts.append(part)
        left -= len(part.words)
    day = date(2015, 1, 1) + timedelta(days=draw.randrange(3650))
    title = f"{' '.join(parts[-1].words[:6])} ({number + 1})"
    return put_together(title, parts, draw.choice(SOURCES), day.isoformat())


def put_together(title: str, parts: list[Sentence], source: str, day: str) -> Article:
    """Words are one blank apart, and every fourth sentence begins a paragraph."""
    pieces: list[str] = []
    offsets: tokens.Offsets = []
    starts: list[int] = []
    position = 0
    for index, part in enumerate(parts):
        starts.append(len(offsets))
        for place, word in enumerate(part.words):
            gap = "" if not offsets else "\n" if place == 0 and index % 4 == 1 else " "
            pieces += [gap, word]
            offsets.append((position + len(gap), position + len(gap) + len(word)))
            position = offsets[-1][1]
    tags = [tag for part in parts for tag in part.tags]
    return Article(title, "".join(pieces), offsets, starts, tags, source, day)


def _name(draw: random.Random) -> str:
    return "".join(draw.choice(SYLLABLES) for _ in range(draw.randrange(2, 5))).capitalize()


@cache
def sentences() -> list[Sentence]:
    """Those of the articles beside the repository where it is developed, else of its own sample."""
    with (BESIDE if BESIDE.exists() else SAMPLES).open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found = [_sentences(row["text"], row["spans"]) if "text" in row else _given(row["sentences"]) for row in rows]
    return [sentence for article in found for sentence in article if len(sentence.words) > 3]


def _given(rows: list[dict[str, list[str]]]) -> list[Sentence]:
    return [Sentence(row["tokens"], row["tags"]) for row in rows]


def sentences_of(article: Tagged) -> list[Sentence]:
    """Take a tagged article apart, so that it can be put together as these are."""
    starts = sorted({0, *article.sentence_starts})
    bounds = zip(starts, [*starts[1:], len(article.words)], strict=True)
    return [Sentence(article.words[low:high], article.tags[low:high]) for low, high in bounds]


def _sentences(text: str, spans: list[tuple[int, int, str]]) -> list[Sentence]:
    offsets = tokens.tokenize(text)
    starts = tokens.sentence_starts(text, offsets)
    found = []
    for low, high in zip(starts, [*starts[1:], len(offsets)], strict=True):
        inside = [
            iob2.Span(words[0] - low, words[-1] + 1 - low, label)
            for start, end, label in spans
            if (words := [i for i in range(low, high) if start <= offsets[i][0] and offsets[i][1] <= end])
        ]
        found.append(Sentence([text[s:e] for s, e in offsets[low:high]], iob2.tags_of(inside, high - low)))
    return found
