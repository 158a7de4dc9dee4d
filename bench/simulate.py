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
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotate.drawing import library
from bench.wikigold import ARTICLES, read
from training.engine.articles import Article, label_names
from training.engine.recipe import Settings
from training.engine.simulating import GOAL, Order, Plays, Round, Teacher, each_play, f1_of, measure, shipped
from training.engine.train import train

SHIPPED = "in all, but for the very most"

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
    goal = 1.0 if whole else GOAL * played.whole_f1
    for seed, name, rounds in each_play(teacher, pool, held_out, {name: ORDERS[name] for name in orders}, seeds, goal):
        played.rounds[name].append(rounds)
        print(f"seed {seed}, {name:25}", " ".join(f"{r.f1:.3f}" for r in rounds), rounds[-1].edits, flush=True)
    return played


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
