"""Train on one set of tagged articles and score on another: F1, calibration, minutes, words a second.

`python -m bench.wikigold` takes the first hundred articles of WikiGold to train on and the rest to score;
`--articles FILE` takes JSONL of {"id", "tokens", "tags", "sentence_starts", "split"} instead. With `--json`, the last
line is one JSON object.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from training import telling
from training.engine.articles import Article, label_names
from training.engine.progress import Progress
from training.engine.recipe import Settings
from training.engine.train import Result, train

ARTICLES = Path(__file__).parents[2] / "shared" / "data" / "wikigold" / "articles.jsonl"
LAST_TO_TRAIN = "wikigold-099"


def main() -> None:
    options = parse()
    training, validation = read(options.articles)
    if options.limit:
        training = training[: options.limit]
    words = sum(len(article.words) for article in training)
    settings = Settings.for_data(words, **chosen(options))
    print(f"{len(training)} articles of {words:,} words to train, {len(validation)} to score; {settings}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tagdesk-bench-") as folder:
        labels = sorted(label_names([tag for article in training for tag in article.tags]))
        result = train(settings, labels, training, validation, Path(folder) / "model", show, lambda: False)
    report(result, time.monotonic() - began, settings, options.json)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=Path, default=ARTICLES)
    parser.add_argument("--limit", type=int, help="train on the first so many articles only")
    parser.add_argument("--json", action="store_true")
    for field in fields(Settings):
        kind: Any = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=json.loads if kind is bool else kind)
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    named = {field.name: getattr(options, field.name) for field in fields(Settings)}
    return {name: value for name, value in named.items() if value is not None}


def read(path: Path) -> tuple[list[Article], list[Article]]:
    """Read the articles to train on and those to score."""
    sides: dict[bool, list[Article]] = {True: [], False: []}
    with path.open(encoding="utf-8") as file:
        for record in map(json.loads, file):
            article = from_sentences(record) if "sentences" in record else from_tokens(record)
            sides[record.get("split", "train" if record["id"] <= LAST_TO_TRAIN else "test") == "train"].append(article)
    return sides[True], sides[False]


def from_tokens(record: dict[str, Any]) -> Article:
    return Article(record["id"], record["tokens"], record["tags"], record["sentence_starts"])


def from_sentences(record: dict[str, Any]) -> Article:
    starts = []
    words: list[str] = []
    tags: list[str] = []
    for sentence in record["sentences"]:
        starts.append(len(words))
        words += sentence["tokens"]
        tags += sentence["tags"]
    return Article(record["id"], words, tags, starts)


def show(progress: Progress) -> None:
    loss = f" loss {progress.loss:.3f}" if progress.loss is not None else ""
    pace = f" {progress.words_per_second:,.0f} words/s" if progress.words_per_second else ""
    left = f" {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
    print(f"\r{progress.phase} {progress.step}/{progress.steps}{loss}{pace}{left}   ", end="", flush=True)


def report(result: Result, seconds: float, settings: Settings, as_json: bool) -> None:
    assert result.scores is not None, "there were no articles to score"
    scores = result.scores
    print(f"\nF1 {scores['f1']:.4f}, precision {scores['precision']:.4f}, recall {scores['recall']:.4f}")
    print("\n".join(per_label(scores["per_label"])))
    calibration = result.manifest["calibration"]
    errors = {when: calibration[when]["error"] for when in ("before", "after") if when in calibration}
    print(telling.calibration(calibration))
    print(f"{seconds / 60:.2f} minutes, {result.seconds / 60:.2f} in training; {result.words_per_second:.0f} words/s")
    if as_json:
        figures = {
            "f1": round(scores["f1"], 4),
            "precision": round(scores["precision"], 4),
            "recall": round(scores["recall"], 4),
            "accuracy": round(scores["accuracy"], 4),
            "calibration_error": {when: round(error, 4) for when, error in errors.items()},
            "minutes": round(seconds / 60, 3),
            "training_minutes": round(result.seconds / 60, 3),
            "words_per_s": round(result.words_per_second, 1),
            "settings": settings.as_dict(),
        }
        print(json.dumps(figures))


def per_label(scores: dict[str, dict[str, float]]) -> Iterable[str]:
    for label, values in scores.items():
        yield f"  {label:6} F1 {values['f1']:.4f}, support {values['support']:.0f}"


if __name__ == "__main__":
    main()
