"""Play an annotator who knows the tags of all articles, and count how many of them an order of handing out needs.

An order is played in rounds: some articles are tagged, the first ones at random, the next by the order; after each
round the learner is fitted anew and scored on articles held out. A play ends at a goal, a share of the F1 that the
whole pool gives. An edit is a span added, mended or removed against the suggestions shown.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from annotate.iob2 import Span, spans_of
from training.engine.articles import Article
from training.engine.decode import Decoded
from training.engine.instant import Instant, Reader
from training.engine.order import ceiling_at, to_mend
from training.engine.scores import score

AT_ONCE = 10  # articles of a round
GOAL = 0.95  # of the whole pool's F1


class Round(NamedTuple):
    """Where a play stands after a round: articles tagged, their words, edits made so far, and F1."""

    articles: int
    words: int
    edits: int
    f1: float


class View(NamedTuple):
    """What an order goes by: of each article of the pool how unsure the model is of a word, how many words it has, and
    how like it is to each other one; and which are tagged.
    """

    unsure: NDArray[np.float64]
    words: NDArray[np.float64]
    likeness: NDArray[np.float64]
    done: list[int]


def shipped(view: View) -> NDArray[np.float64]:
    """As the queue has it: the few with by far most to mend come last, and of these the least first."""
    worth = np.array([to_mend(*one) for one in zip(view.unsure, view.words, strict=True)])
    left = np.setdiff1d(np.arange(len(worth)), view.done)
    most_first = left[np.argsort(-worth[left])]
    worth[most_first[: ceiling_at(len(left))]] *= -1
    return worth


Order = Callable[[View], NDArray[np.float64]]  # how much each article is worth
ORDERS: dict[str, Order | None] = {
    "random": None,
    "most unsure": lambda view: view.unsure,
    "as the queue": shipped,
}


class Plays(NamedTuple):
    """The rounds of each order, one play a seed, and the F1 that all articles give."""

    rounds: dict[str, list[list[Round]]]
    whole_f1: float


class Teacher:
    """Learns from articles, and says what the model then says of others."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self.learner = Instant(labels, Reader())

    def anew(self, seed: int) -> None:
        self.learner.weights = None

    def learn(self, articles: Sequence[Article], others: Sequence[Article]) -> list[Decoded]:
        self.learner.fit(articles)
        return self.learner.predict(others)

    def likeness(self, pool: Sequence[Article]) -> NDArray[np.float64]:
        """The cosine of the mean states of each two articles."""
        means = torch.stack([rows.mean(dim=0) for rows in self.learner.read(pool)])
        means = torch.nn.functional.normalize(means - means.mean(dim=0), dim=1)
        return np.asarray((means @ means.T).numpy(), dtype=np.float64)


def each_play(
    teacher: Any,
    pool: Sequence[Article],
    held_out: Sequence[Article],
    orders: Mapping[str, Order | None],
    seeds: int,
    goal: float,
) -> Iterator[tuple[int, str, list[Round]]]:
    """Play each order with each seed until F1 has reached the goal: (seed, order, rounds) as each play ends."""
    for seed in range(seeds):
        for name, order in orders.items():
            yield seed, name, play(teacher, pool, held_out, order, seed, goal)


def play(
    teacher: Any, pool: Sequence[Article], held_out: Sequence[Article], order: Order | None, seed: int, goal: float
) -> list[Round]:
    """Tag the pool, a round at a time, until F1 has reached the goal."""
    at_random = np.random.default_rng(seed).permutation(len(pool)).tolist()
    lengths = np.array([len(article.words) for article in pool], dtype=np.float64)
    teacher.anew(seed)
    said: list[Any] = []
    done: list[int] = []
    rounds: list[Round] = []
    made = 0
    while len(done) < len(pool) and (not rounds or rounds[-1].f1 < goal):
        left = [index for index in at_random if index not in done]
        if order is not None and said:
            view = View(np.array([one.uncertainty for one in said]), lengths, teacher.likeness(pool), done)
            worth = order(view)
            left.sort(key=lambda index: -worth[index])
        chosen = left[:AT_ONCE]
        made += sum(edits(pool[i].tags, said[i].spans if said else []) for i in chosen)
        done += chosen
        found = teacher.learn([pool[i] for i in done], [*pool, *held_out])
        said = found[: len(pool)]
        f1 = f1_of(found[len(pool) :], held_out)
        rounds.append(Round(len(done), int(lengths[done].sum()), made, f1))
    return rounds


def f1_of(said: Sequence[Any], gold: Sequence[Article]) -> float:
    return float(score([article.tags for article in gold], [one.tags for one in said])["f1"])


def edits(gold_tags: Sequence[str], suggested: Sequence[tuple[int, int, str, float]]) -> int:
    """Count what one does to turn suggestions into the gold: a span added, mended (extent or label) or removed."""
    gold = spans_of(gold_tags)
    wrong = [Span(*span[:3]) for span in suggested if Span(*span[:3]) not in gold]
    right = {span[:3] for span in suggested}
    count = 0
    for span in gold:
        if span in right:
            continue
        mended = next((one for one in wrong if one.start < span.end and span.start < one.end), None)
        if mended is not None:
            wrong.remove(mended)
        count += 1
    return count + len(wrong)


def measure(played: Plays) -> dict[str, Any]:
    """How far each order had to go to the goal, by articles, words and edits, and as shares of random's."""
    goal = GOAL * played.whole_f1
    needed = {
        name: {what: mean(reached(rounds, goal, what) for rounds in plays) for what in ("articles", "words", "edits")}
        for name, plays in played.rounds.items()
    }
    return {
        "whole_pool_f1": round(played.whole_f1, 4),
        "goal_f1": round(goal, 4),
        "seeds": len(played.rounds["random"]),
        "needed": {name: {what: round(value, 1) for what, value in row.items()} for name, row in needed.items()},
        "share_of_random": {
            name: {what: round(value / needed["random"][what], 3) for what, value in row.items()}
            for name, row in needed.items()
        },
    }


def reached(rounds: list[Round], goal: float, what: str) -> float:
    """How much of it was done when F1 first reached the goal, between two rounds in proportion."""
    before = Round(0, 0, 0, 0.0)
    for now in rounds:
        if now.f1 >= goal:
            share = (goal - before.f1) / (now.f1 - before.f1)
            start, end = float(getattr(before, what)), float(getattr(now, what))
            return start + share * (end - start)
        before = now
    return float(getattr(rounds[-1], what))
