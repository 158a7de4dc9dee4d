"""Texts that somebody sends to be tagged: cut into words here, read by the predictor, told with their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import BoundedSemaphore
from typing import Any, NamedTuple

from annotate import iob2, tokens
from annotate.models import Project
from training import line
from training.line import NoAnswer
from training.models import Version

MOST_TEXTS = 1_000  # of one request
MOST_WORDS = 100_000
MOST_CHARACTERS = 2_000_000
MOST_AT_ONCE = 20  # requests of one process: its other threads are for the pages

Spans = list[list[Any]]  # start, end, label, probability; in tokens
Read = Callable[[Version, Sequence["Text"]], Sequence[Spans]]

_places = BoundedSemaphore(MOST_AT_ONCE)


class TooMuch(Exception):
    """More than one request may have. The message is for people."""


@dataclass(frozen=True)
class Text:
    """A text and its tokens."""

    text: str
    offsets: list[tuple[int, int]]
    sentence_starts: list[int]

    @classmethod
    def of(cls, text: str) -> Text:
        offsets = tokens.tokenize(text)
        return cls(text, offsets, tokens.sentence_starts(text, offsets))

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Text:
        """Raises TokenError."""
        text, offsets = tokens.text_from_words(words)
        return cls(text, offsets, tokens.sentence_starts(text, offsets))

    @cached_property
    def words(self) -> list[str]:
        return [self.text[start:end] for start, end in self.offsets]


class Mention(NamedTuple):
    """An entity by code points and by tokens, both half open."""

    start: int
    end: int
    label: str
    text: str
    token_start: int
    token_end: int
    probability: float


def version_of(project: Project) -> Version:
    """The model that answers. Raises NoAnswer."""
    version = Version.current_of(project)
    if version is None:
        raise NoAnswer(409, f"“{project}” has no trained model yet. Train one first, or make one current.")
    return version


def check(texts: Sequence[Text]) -> None:
    """Raises TooMuch."""
    words = sum(len(text.offsets) for text in texts)
    if words > MOST_WORDS:
        raise TooMuch(f"These are {words:,} words; one request may have {MOST_WORDS:,}. Send fewer at once.")


@contextmanager
def a_place() -> Iterator[None]:
    """One of this process's places for requests, before anything is done for one. Raises NoAnswer and QueueDown."""
    if not _places.acquire(blocking=False):
        raise line.full()
    try:
        line.look()
        yield
    finally:
        _places.release()


def by_worker(version: Version, texts: Sequence[Text]) -> Sequence[Spans]:
    """Have the predictor read them. Raises NoAnswer and QueueDown."""
    request = {
        "version": version.pk,
        "words": [text.words for text in texts],
        "starts": [text.sentence_starts for text in texts],
    }
    told = line.ask(request, sum(len(text.offsets) for text in texts))
    if "trouble" in told:
        raise NoAnswer(503, told["trouble"])
    said: Sequence[Spans] = told["said"]
    return said


def here(version: Version, texts: Sequence[Text]) -> Sequence[Spans]:
    """Read them in this process. Raises EncoderError and OSError."""
    from training import predictions
    from training.engine.articles import Article

    articles = [Article("", text.words, [], text.sentence_starts) for text in texts]
    return [[list(span) for span in one.spans] for one in predictions.predictor(version).predict(articles)]


def mentions(version: Version, texts: Sequence[Text], read: Read) -> Iterator[list[Mention]]:
    """What the version says of each text, under the names that labels have now; deleted ones are left out."""
    for text, spans in zip(texts, read(version, texts), strict=True):
        yield [
            _mention(text, first, last, now, probability)
            for first, last, label, probability in spans
            if (now := version.source.name_now(label)) is not None
        ]


def _mention(text: Text, first: int, last: int, label: str, probability: float) -> Mention:
    start, end = text.offsets[first][0], text.offsets[last - 1][1]
    return Mention(start, end, label, text.text[start:end], first, last, round(probability, 4))


def tags(text: Text, found: Sequence[Mention]) -> list[str]:
    return iob2.tags_of(((one.token_start, one.token_end, one.label) for one in found), len(text.offsets))
