"""Choose the recipe's defaults: F1 and seconds by learning rate, passes and what is frozen, on few articles and many.

`python -m bench.recipes` trains on the first articles of WikiGold, as many as each of `--sizes` says, and scores on the
same forty-five held-out ones. One setting is changed at a time, the others are the recipe's. With `--json`, the last
line is one JSON object.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from statistics import mean
from typing import Any

from bench.train import counts, f1, labels_of
from bench.wikigold import ARTICLES, read
from training.engine.articles import Article
from training.engine.recipe import Settings
from training.engine.train import train

TRIED: dict[str, list[float]] = {
    "learning_rate": [1e-4, 2e-4, 3e-4, 5e-4],
    "passes": [0.5, 1, 2],  # times the recipe's epochs
    "frozen_share": [0.0, 1 / 3, 0.5],
    "frozen_at_last": [0.0, 1 / 2, 2 / 3, 5 / 6],
    "token_budget": [256, 512, 1024],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=numbers, default=[20, 100], help="articles to learn from")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--levers", nargs="*", choices=list(TRIED), default=list(TRIED))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    learnt, held_out = read(ARTICLES)
    for size in options.sizes:
        found[str(size)] = rows = []
        for changed, settings in variants(learnt[:size], options.levers):
            rows.append({**changed, **tried(settings, learnt[:size], held_out, options.seeds)})
            print(f"{size:4} articles, {told(changed):24} {rows[-1]}", flush=True)
    if options.json:
        print(json.dumps(found))


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def variants(articles: list[Article], levers: list[str]) -> Iterator[tuple[dict[str, float], Settings]]:
    """The recipe as it is, then with one lever moved."""
    usual = Settings.for_data(sum(len(article.words) for article in articles))
    yield {}, usual
    for lever in levers:
        for value in TRIED[lever]:
            name, moved = ("epochs", round(usual.epochs * value)) if lever == "passes" else (lever, value)
            if moved != getattr(usual, name):
                yield {name: moved}, Settings(**{**usual.as_dict(), name: moved})


def tried(settings: Settings, articles: list[Article], held_out: list[Article], seeds: int) -> dict[str, float]:
    """The mean over the seeds."""
    scores, seconds = [], []
    gold = [article.tags for article in held_out]
    for seed in range(1, seeds + 1):
        seeded = replace(settings, seed=seed)
        result = train(seeded, labels_of(articles), articles, held_out, None, lambda _: None, lambda: False)
        scores.append(float(f1(counts(gold, [p.tags for p in result.predicted]).sum(axis=0))))
        seconds.append(result.seconds)
    return {"f1": round(mean(scores), 4), "seconds": round(mean(seconds), 1)}


def told(changed: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in changed.items()) or "the recipe"


if __name__ == "__main__":
    main()
