"""Learn instantly from the first 5, 10, 20, 50 and 100 articles of WikiGold: F1 on the others, seconds of each fit.

`python -m bench.instant --json` takes the articles in their order first, as if they had been finished one after the
other, each fit beginning from the last; then in shuffled orders (`--orders`). The last line is one JSON object.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench.wikigold import ARTICLES, read
from training.engine.articles import Article, label_names
from training.engine.instant import Instant, Reader
from training.engine.scores import score

SIZES = (5, 10, 20, 50, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=Path, default=ARTICLES)
    parser.add_argument("--orders", type=int, default=5, help="in how many orders; the first is the file's own")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    training, held_out = read(options.articles)
    words = sum(len(article.words) for article in (*training, *held_out))
    learner = Instant(sorted(label_names([tag for article in training for tag in article.tags])), Reader())
    began = time.monotonic()
    learner.read([*training, *held_out])
    reading = words / (time.monotonic() - began)
    print(f"read at {reading:,.0f} words a second", flush=True)
    runs = [learn(learner, order(training, seed), held_out) for seed in range(options.orders)]
    print(f"seconds of the next fit, one article more than 99: {runs[0]['next_seconds']:.2f}")
    if options.json:
        print(json.dumps(figures(runs, reading)))


def order(articles: list[Article], seed: int) -> list[Article]:
    """The file's own order is the first."""
    return [articles[i] for i in np.random.default_rng(seed).permutation(len(articles))] if seed else articles


def learn(learner: Instant, articles: list[Article], held_out: list[Article]) -> dict[str, Any]:
    """Fit on ever more articles; the encoder has read them all already, as the predictor has by then."""
    learner.weights = None
    found: dict[str, Any] = {"f1": {}, "seconds": {}}
    for size in SIZES:
        found["seconds"][size] = fit(learner, articles[:size])
        gold = [article.tags for article in held_out]
        found["f1"][size] = score(gold, [decoded.tags for decoded in learner.predict(held_out)])["f1"]
        print(f"{size:4} articles: F1 {found['f1'][size]:.4f}, {found['seconds'][size]:.2f} s", flush=True)
    fit(learner, articles[:-1])
    return {**found, "next_seconds": fit(learner, articles)}


def fit(learner: Instant, articles: list[Article]) -> float:
    began = time.monotonic()
    learner.fit(articles)
    return time.monotonic() - began


def figures(runs: list[dict[str, Any]], reading: float) -> dict[str, Any]:
    return {
        "f1": {size: round(runs[0]["f1"][size], 4) for size in SIZES},
        "f1_mean": {size: round(mean(run["f1"][size] for run in runs), 4) for size in SIZES},
        "seconds": {size: round(mean(run["seconds"][size] for run in runs), 2) for size in SIZES},
        "next_seconds": round(mean(run["next_seconds"] for run in runs), 2),
        "orders": len(runs),
        "read_words_per_s": round(reading),
    }


if __name__ == "__main__":
    main()
