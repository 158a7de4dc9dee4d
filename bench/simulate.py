"""Play an annotator who knows WikiGold's tags, and see in which order the articles are best handed out.

`python -m bench.simulate --json`: of the first hundred articles ten at a time are tagged, the first ten at random, the
next by an order; after each round the instant learner is fitted anew and scored on the other 45. Each order is played
with the same five seeds. What is measured, fixed beforehand: how many articles, and how many edits, it takes to reach
95 % of the F1 that the whole pool gives. An edit is a span added, mended or removed against the suggestions shown. A
play ends where it has reached that, or at the end of the pool where a plot is wanted.

`--fine-tune` plays random and the shipped order once more with fine-tuning in the place of the instant learner (slow);
`--plot FILE` draws F1 against articles and against edits. The last line is one JSON object.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from annotate.iob2 import Span, spans_of
from bench.wikigold import ARTICLES, read
from training.engine.articles import Article, label_names
from training.engine.decode import Decoded
from training.engine.instant import Instant, Reader
from training.engine.order import ceiling_at, to_mend
from training.engine.recipe import Settings
from training.engine.scores import score
from training.engine.train import train
from training.plots import library

AT_ONCE = 10  # articles of a round
GOAL = 0.95  # of the whole pool's F1
SHIPPED = "in all, but for the very most"


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
    "most unsure a word": lambda view: view.unsure,
    "by the root of its words": lambda view: view.unsure * np.sqrt(view.words),
    "most unsure in all": lambda view: view.unsure * view.words,
    SHIPPED: shipped,
    "in all, unlike the tagged": lambda view: (
        view.unsure * view.words * (1 - view.likeness[:, view.done].max(axis=1) / 2)
    ),
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


class FineTuner:
    """The same by fine-tuning; it is asked for no order that goes by likeness."""

    def __init__(self, labels: list[str]) -> None:
        self.labels, self.seed = labels, 0

    def anew(self, seed: int) -> None:
        self.seed = seed

    def learn(self, articles: Sequence[Article], others: Sequence[Article]) -> list[Any]:
        settings = Settings.for_data(sum(len(article.words) for article in articles), seed=self.seed + 1)
        with tempfile.TemporaryDirectory(prefix="tagdesk-bench-") as folder:
            result = train(
                settings, self.labels, articles, others, Path(folder) / "model", lambda progress: None, lambda: False
            )
        return result.predicted

    def likeness(self, pool: Sequence[Article]) -> NDArray[np.float64]:
        return np.zeros((len(pool), len(pool)))


def main() -> None:
    options = parse()
    pool, held_out = read(options.articles)
    labels = sorted(label_names([tag for article in pool for tag in article.tags]))
    played = play_all(Teacher(labels), pool, held_out, list(ORDERS), options.seeds, whole=bool(options.plot))
    figures = measure(played)
    if options.plot:
        draw(played.rounds, options.plot)
    if options.fine_tune:
        slow = play_all(FineTuner(labels), pool, held_out, ["random", SHIPPED], options.fine_tune, whole=False)
        figures["fine_tuned"] = measure(slow)
    if options.json:
        print(json.dumps(figures))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=Path, default=ARTICLES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fine-tune", type=int, metavar="SEEDS", help="with so many seeds")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="SVG")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def play_all(
    teacher: Any, pool: Sequence[Article], held_out: Sequence[Article], orders: Sequence[str], seeds: int, whole: bool
) -> Plays:
    """Play each order with each seed: as far as the goal, or with `whole` to the end of the pool."""
    played = Plays({name: [] for name in orders}, f1_of(teacher.learn(pool, held_out), held_out))
    print(f"the whole pool gives F1 {played.whole_f1:.4f}", flush=True)
    for seed in range(seeds):
        for name in orders:
            goal = 1.0 if whole else GOAL * played.whole_f1
            rounds = play(teacher, pool, held_out, ORDERS[name], seed, goal)
            played.rounds[name].append(rounds)
            print(f"seed {seed}, {name:25}", " ".join(f"{r.f1:.3f}" for r in rounds), rounds[-1].edits, flush=True)
    return played


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


def draw(played: dict[str, list[list[Round]]], path: Path) -> None:
    """F1 against articles, and in a second file beside it against edits."""
    for what, file in (("articles", path), ("edits", path.with_stem(f"{path.stem}-edits"))):
        chart = library().XY(
            title=f"F1 by {what}", x_title=what, y_title="F1", js=[], dots_size=2, legend_at_bottom=True
        )
        for name, plays in played.items():
            rows = [[(getattr(one, what), one.f1) for one in rounds] for rounds in plays]
            chart.add(name, [tuple(map(mean, zip(*at, strict=True))) for at in zip(*rows, strict=True)])
        chart.render_to_file(str(file))


if __name__ == "__main__":
    main()
