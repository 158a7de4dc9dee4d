"""A training as a folder, for processes that have nothing else in common: what it is to do, and what came of it.

`order.json` has settings, labels, the data's hash and what to go on from; `articles.jsonl` the articles, one a line.
`python -m training.engine.train FOLDER` adds checkpoints, `model/` and, last of all, `result.json`. While it works it
prints a line of JSON for each report, and it stops when it finds a file `stop`.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.engine.articles import Article
from training.engine.folder import flush_one
from training.engine.predict import Predicted
from training.engine.recipe import Settings
from training.engine.train import Start

ORDER, ARTICLES, RESULT, STOP, HELD = "order.json", "articles.jsonl", "result.json", "stop", "held"
MODEL = "model"
SPLITS = ("training", "validation")


class Order(NamedTuple):
    """What to train, as `train.train` is told it."""

    settings: Settings
    labels: list[str]
    training: Sequence[Article]
    validation: Sequence[Article]
    data_hash: str = ""
    start: Start | None = None


def write_order(folder: Path, order: Order) -> None:
    """Write the order into a folder, new or not. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ARTICLES).open("w", encoding="utf-8") as file:
        for split, articles in zip(SPLITS, (order.training, order.validation), strict=True):
            file.writelines(json.dumps({"split": split, **article._asdict()}) + "\n" for article in articles)
    told = {
        "settings": order.settings.as_dict(),
        "labels": order.labels,
        "data_hash": order.data_hash,
        "start": {"folder": str(order.start.folder), "renamed": dict(order.start.renamed)} if order.start else None,
    }
    (folder / ORDER).write_text(json.dumps(told, indent=2), encoding="utf-8")


def read_order(folder: Path) -> Order:
    """Read it back. Raises OSError where there is none, ValueError, KeyError and TypeError where it is not one."""
    told = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    articles: dict[str, list[Article]] = {split: [] for split in SPLITS}
    with (folder / ARTICLES).open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            articles[row.pop("split")].append(Article(**row))
    start = told["start"]
    return Order(
        Settings(**told["settings"]),
        told["labels"],
        articles["training"],
        articles["validation"],
        told["data_hash"],
        Start(Path(start["folder"]), start["renamed"]) if start else None,
    )


def write_result(folder: Path, told: dict[str, Any]) -> None:
    """Write what came of it, whole or not at all; the first process to say so is believed."""
    aside = folder / f"{RESULT}.{os.getpid()}.part"
    aside.write_text(json.dumps(told), encoding="utf-8")
    flush_one(aside)
    if not (folder / RESULT).exists():
        aside.replace(folder / RESULT)


def read_result(folder: Path) -> dict[str, Any]:
    """Read it back: what `Result` has, or an `error` and its `message`. Raises OSError where there is none."""
    told: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    if "predicted" in told:
        told["predicted"] = [_predicted(*row) for row in told["predicted"]]
    return told


def _predicted(key: str, tags: list[str], spans: list[list[Any]], uncertainty: float) -> Predicted:
    return Predicted(key, tags, [(start, end, label, share) for start, end, label, share in spans], uncertainty)
