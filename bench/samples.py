"""Compare the two passes in which the sample articles were tagged: entity by entity, exact words and exact label.

`python -m bench.samples` prints the agreement for people; with `--json`, one JSON object. The articles hold what was
decided in the end, so the first pass is that with the decisions taken back.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

SAMPLES = Path(__file__).parents[1] / "samples"


class Entity(NamedTuple):
    """A tagged span: code points of the article's text, half open."""

    article: str
    start: int
    end: int
    label: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=SAMPLES, help="of the three files of the sample")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = figures(options.folder)
    print(json.dumps(found, indent=2) if options.json else "\n".join(told(found)))


def figures(folder: Path) -> dict[str, Any]:
    """The agreement of the passes, over all labels and label by label, and how their differences were decided."""
    articles, decisions = rows(folder / "articles.jsonl"), rows(folder / "decisions.jsonl")
    gold = {Entity(row["id"], *span) for row in articles for span in row["spans"]}
    second = {Entity(row["id"], *span) for row in rows(folder / "second_pass.jsonl") for span in row["spans"]}
    first = first_pass(gold, decisions)
    labels = sorted({entity.label for entity in first | second})
    return {
        "articles": len(articles),
        "entities": len(gold),
        "passes": agreement(first, second),
        "per_label": {label: agreement(of(first, label), of(second, label)) for label in labels},
        "differences": len(decisions),
        "decided_as_second": sum(row["decided"] == row["second"] for row in decisions),
    }


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def first_pass(gold: set[Entity], decisions: list[dict[str, Any]]) -> set[Entity]:
    decided = {Entity(row["id"], *row["decided"]) for row in decisions}
    return (gold - decided) | {Entity(row["id"], *row["first"]) for row in decisions}


def agreement(first: set[Entity], second: set[Entity]) -> dict[str, float]:
    """F1 of one pass against the other, which is the same either way; 1.0 where neither tagged anything."""
    both, in_all = len(first & second), len(first) + len(second)
    f1 = round(2 * both / in_all, 4) if in_all else 1.0
    return {"first": len(first), "second": len(second), "both": both, "f1": f1}


def of(found: Iterable[Entity], label: str) -> set[Entity]:
    return {entity for entity in found if entity.label == label}


def told(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['articles']} articles, {found['entities']:,} entities as decided"
    for name, row in {"all": found["passes"], **found["per_label"]}.items():
        yield f"{name:5} F1 {row['f1']:.4f}: {row['both']:,} in both, {row['first']:,} and {row['second']:,} in each"
    yield f"{found['differences']} differences, {found['decided_as_second']} decided as the second pass had it"


if __name__ == "__main__":
    main()
