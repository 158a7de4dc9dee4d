"""The predictor's side of the line in the thread of the test, with a model that knows who Ada and Bob are."""

from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from training import line, serving
from training.engine.articles import Article
from training.engine.predict import Predicted

PEOPLE = {"Ada", "Bob"}


class Knowing:
    """A model; `asked` is how many texts it was given at a time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict(self, articles: Sequence[Article], after_batch: Any = None) -> list[Predicted]:
        self.asked.append(len(articles))
        if any("boom" in article.words for article in articles):
            raise RuntimeError("out of memory")
        if after_batch:
            after_batch(1, 1)
        return [Predicted(article.key, [], spans_of(article.words), 0.1) for article in articles]


def spans_of(words: Sequence[str]) -> list[tuple[int, int, str, float]]:
    return [(place, place + 1, "PER", 0.97) for place, word in enumerate(words) if word in PEOPLE]


def serve_while_waiting(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever waits for an answer do the predictor's work first."""
    wait = line._await

    def work_first(key: str) -> bytes:
        for lane in serving.TOGETHER:
            if client.llen(line.CALLS % lane):
                serving.serve_once(lane, Event())
        return wait(key)

    monkeypatch.setattr(line, "_await", work_first)
