"""Train three ways on the first hundred articles of WikiGold, and score on the other forty-five.

`python -m bench.train` compares (a) the textbook script at its own settings, (b) the same script with our learning
rate, epochs and sequences, so that only the engine differs, and (c) ours, the Standard recipe. Each run has a process
of its own; they take turns, seed by seed. With `--json`, the last line is one JSON object.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from seqeval.scheme import IOB2, Entities

from bench.wikigold import ARTICLES, read
from training.engine.articles import Article, label_names, tag_names

WAYS = {
    "textbook": "(a) textbook: 2e-5, 3 epochs, 16 sentences",
    "same_recipe": "(b) the same script, our recipe",
    "ours": "(c) ours, Standard",
}
RESAMPLES = 5000


def main() -> None:
    options = parse()
    if options.one:
        print(json.dumps(one(options.one, options.seed, options.epochs, options.limit)))
        return
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for seed in range(1, options.seeds + 1):
        for way in WAYS:
            runs[way].append(in_its_own_process(way, seed, options))
            print(f"seed {seed} {WAYS[way]}: {told(runs[way][-1])}", flush=True)
    found = {way: medians(runs[way]) for way in WAYS}
    gold = [article.tags for article in read(ARTICLES)[1]]
    for other in ("textbook", "same_recipe"):
        found[f"ours_less_{other}"] = difference(gold, runs["ours"], runs[other])
    found["speed_over_same_recipe"] = round(
        median(o["words_per_s"] / b["words_per_s"] for o, b in zip(runs["ours"], runs["same_recipe"], strict=True)), 2
    )
    report(found)
    if options.json:
        print(json.dumps(found))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="paired runs of each way")
    parser.add_argument("--epochs", type=int, default=5, help="of (b) and (c)")
    parser.add_argument("--limit", type=int, default=100, help="train on the first so many articles only")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


def in_its_own_process(way: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.train", "--one", way, "--seed", str(seed)]
    command += ["--epochs", str(options.epochs), "--limit", str(options.limit)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(way: str, seed: int, epochs: int, limit: int) -> dict[str, Any]:
    """Train once; give the tags of the held-out articles, seconds of training alone, words a second, peak memory."""
    training, held_out = read(ARTICLES)
    training = training[:limit]
    with tempfile.TemporaryDirectory(prefix="tagdesk-bench-") as folder:
        ran = (ours if way == "ours" else textbook)(way, seed, epochs, training, held_out, Path(folder))
    words = sum(len(article.words) for article in training)
    found = counts([article.tags for article in held_out], ran["tags"]).sum(axis=0)
    return ran | {
        "f1": float(f1(found)),
        "words_per_s": words * ran["epochs"] / ran["seconds"],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def ours(
    way: str, seed: int, epochs: int, training: list[Article], held_out: list[Article], folder: Path
) -> dict[str, Any]:
    from training.engine.recipe import Settings
    from training.engine.train import train

    words = sum(len(article.words) for article in training)
    settings = Settings.for_data(words, epochs=epochs, seed=seed)
    result = train(settings, labels_of(training), training, held_out, folder / "model", lambda _: None, lambda: False)
    return {"tags": [p.tags for p in result.predicted], "seconds": result.seconds, "epochs": epochs}


def textbook(
    way: str, seed: int, epochs: int, training: list[Article], held_out: list[Article], folder: Path
) -> dict[str, Any]:
    from bench.textbook import Recipe, predicted, seconds_of, trained
    from training.engine.encoders import default_encoder
    from training.engine.recipe import Settings

    ours = Settings()
    recipe = Recipe() if way == "textbook" else Recipe(ours.learning_rate, epochs)
    cut: Callable[[Article], list[tuple[int, int]]] = sentences if way == "textbook" else windows_of(ours.window)
    tags = tag_names(labels_of(training))
    sequences = [(a.words[start:end], a.tags[start:end]) for a in training for start, end in cut(a)]
    trainer = trained(str(default_encoder()), sequences, tags, recipe, seed, folder)
    ranges = [cut(article) for article in held_out]
    asked = [(a.words[s:e], a.tags[s:e]) for a, cuts in zip(held_out, ranges, strict=True) for s, e in cuts]
    said = iter(predicted(trainer, asked, tags))
    joined = [[tag for _ in cuts for tag in next(said)] for cuts in ranges]
    return {"tags": joined, "seconds": seconds_of(trainer), "epochs": recipe.epochs}


def sentences(article: Article) -> list[tuple[int, int]]:
    starts = sorted({0, *article.sentence_starts})
    return list(zip(starts, [*starts[1:], len(article.words)], strict=True))


def windows_of(room: int) -> Callable[[Article], list[tuple[int, int]]]:
    """Sequences as ours are: the tokens that each window owns, without those it shows for their context alone."""
    from training.engine.align import pieces
    from training.engine.encoders import default_encoder, load_tokenizer

    tokenizer = load_tokenizer(str(default_encoder()))
    return lambda article: [(piece.first, piece.last) for piece in pieces(tokenizer, [article], room)]


def labels_of(articles: Sequence[Article]) -> list[str]:
    return sorted(label_names([tag for article in articles for tag in article.tags]))


def counts(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """By article what is right, predicted and gold, (articles, 3), as seqeval counts strictly: no ill-formed span."""
    rows = []
    for true, found in zip(gold, predicted, strict=True):
        said, meant = entities(found), entities(true)
        rows.append((len(said & meant), len(said), len(meant)))
    return np.array(rows, dtype=np.int64)


def entities(tags: Sequence[str]) -> set[tuple[Any, ...]]:
    return {entity.to_tuple()[1:] for row in Entities([list(tags)], IOB2).entities for entity in row}


def f1(counted: NDArray[np.int64]) -> NDArray[np.float64]:
    right, found, true = np.moveaxis(counted, -1, 0)
    return np.asarray(2 * right / np.maximum(found + true, 1), dtype=np.float64)


def difference(
    gold: Sequence[Sequence[str]], ours: list[dict[str, Any]], others: list[dict[str, Any]]
) -> dict[str, float]:
    """The mean difference of F1 over the paired seeds, and its 95 % interval by a bootstrap over articles.

    Each resample draws the same articles for both and for all seeds (Koehn 2004).
    """
    mine, theirs = ([counts(gold, run["tags"]) for run in runs] for runs in (ours, others))
    drawn = np.random.default_rng(1).multinomial(len(gold), np.full(len(gold), 1 / len(gold)), size=RESAMPLES)
    gaps = np.mean([f1(drawn @ a) - f1(drawn @ b) for a, b in zip(mine, theirs, strict=True)], axis=0)
    plain = np.mean([f1(a.sum(axis=0)) - f1(b.sum(axis=0)) for a, b in zip(mine, theirs, strict=True)])
    low, high = np.percentile(gaps, [2.5, 97.5])
    return {"f1": round(float(plain), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"f1": 4, "seconds": 1, "words_per_s": 1, "peak_mb": 0}
    middle = {name: round(median(run[name] for run in runs), digits) for name, digits in names.items()}
    return middle | {"f1_by_seed": [round(run["f1"], 4) for run in runs], "epochs": runs[0]["epochs"]}


def told(run: dict[str, Any]) -> str:
    return (
        f"F1 {run['f1']:.4f}, {run['seconds']:.0f} s, {run['words_per_s']:.0f} words/s, {run['peak_mb']:.0f} MB at most"
    )


def report(found: dict[str, Any]) -> None:
    print("\nmedians over the seeds")
    for way, name in WAYS.items():
        print(f"{name:45} {told(found[way])}")
    for other in ("textbook", "same_recipe"):
        gap = found[f"ours_less_{other}"]
        print(f"F1 of ours less {other}: {gap['f1']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})")
    print(f"words a second, ours over same_recipe, median of pairs: {found['speed_over_same_recipe']}")


if __name__ == "__main__":
    main()
