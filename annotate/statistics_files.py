"""A project's statistics as files and programs have them: one object, or one table of many kinds of rows."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from annotate import spreadsheet
from annotate.histogram import Spread
from annotate.statistics import Statistics

COLUMNS = ("figure", "split", "label", "mention", "from", "to", "value")
HOW_TAGGED = {"blind": "tagged blind", "helped": "tagged with help", "unknown": "nobody knows how"}


def told(statistics: Statistics) -> dict[str, Any]:
    mentions = statistics.mentions()
    return {
        "articles": [row._asdict() for row in statistics.articles()],
        "entities": [row._asdict() for row in statistics.entities()],
        "lengths": _spread(statistics.lengths()),
        "density": _spread(statistics.density()),
        "blind": [row._asdict() for row in statistics.blind()],
        "mentions": {
            "read": mentions.read,
            "as_of": mentions.as_of.isoformat() if mentions.as_of else None,
            "different": mentions.different,
            "frequent": [asdict(row) for rows in mentions.frequent.values() for row in rows],
            "several": mentions.several,
            "contested": [{"mention": one.mention, "labels": dict(one.labels)} for one in mentions.contested],
        },
    }


def csv_lines(statistics: Statistics) -> Iterator[str]:
    """A table of one figure a line."""
    given = told(statistics)
    rows = [*_counts(given), *_spreads(given), *_mentions(given["mentions"])]
    return spreadsheet.csv_lines(COLUMNS, ([row.get(name, "") for name in COLUMNS] for row in rows))


def _spread(found: Spread) -> dict[str, Any]:
    bins = [{"start": one.start, "end": one.end, "articles": one.size} for one in found.bins]
    figures = {name: round(getattr(found, name), 4) for name in ("least", "median", "mean", "most")}
    return {"articles": found.total, **figures, "bins": bins}


def _counts(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in given["articles"]:
        for name in ("articles", "tokens", "finished", "finished_tokens"):
            yield {"figure": name, "split": row["split"], "value": row[name]}
    for row in given["entities"]:
        where = {"split": row["split"], "label": row["label"]}
        yield {"figure": "entities", **where, "value": row["entities"]}
        yield {"figure": "articles with the label", **where, "value": row["articles"]}
    for row in given["blind"]:
        for name, figure in HOW_TAGGED.items():
            yield {"figure": figure, "split": row["split"], "value": row[name]}


def _spreads(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, figure in (("lengths", "tokens an article"), ("density", "entities in 100 tokens")):
        for word in ("least", "median", "mean", "most"):
            yield {"figure": f"{figure}, {word}", "value": given[name][word]}
        for one in given[name]["bins"]:
            end = "" if one["end"] is None else one["end"]
            yield {"figure": f"articles by {figure}", "from": one["start"], "to": end, "value": one["articles"]}


def _mentions(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if given["as_of"]:
        yield {"figure": "mentions as of", "value": given["as_of"]}
    for label, count in given["different"].items():
        yield {"figure": "different mentions", "label": label, "value": count}
    for row in given["frequent"]:
        yield {"figure": "mention", "label": row["label"], "mention": row["mention"], "value": row["count"]}
    for one in given["contested"]:
        for label, count in one["labels"].items():
            yield {"figure": "mention with several labels", "label": label, "mention": one["mention"], "value": count}
