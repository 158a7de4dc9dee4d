"""Two versions side by side: what both were scored on, their scores by label, and the articles where they differ."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from annotate.models import Source
from training import mistakes
from training.models import Mistake, Run, Version

if TYPE_CHECKING:
    from training.engine.articles import Article


class LabelRow(NamedTuple):
    """F1 and gold entities of one label, or of all, for each of the two; None where one does not know the label."""

    label: str
    first: float | None
    second: float | None
    difference: float | None
    entities: tuple[int | None, int | None]


class ArticleRow(NamedTuple):
    """An article in which the two went wrong otherwise: how often each alone did, and the mistake to open it at."""

    document: int
    first: int
    second: int
    at: int


def held_out(articles: Iterable[Article]) -> dict[str, str]:
    """{document: digest of its words and tags}: what a score rests on, told without the articles."""
    return {article.key: hashlib.sha256(json.dumps(article).encode()).hexdigest()[:12] for article in articles}


def scored_on(first: Run, second: Run) -> str:
    """Say whether two runs were scored on the same articles with the same tags; otherwise, how far apart they were."""
    ours, theirs = first.held_out, second.held_out
    if not ours or not theirs:
        if first.snapshot_hash and first.snapshot_hash == second.snapshot_hash:
            return "Both were scored on the same held-out articles."
        return (
            "Which articles each was scored on was not recorded: part of the difference may be due to other articles."
        )
    if ours == theirs:
        return f"Both were scored on the same {_articles(len(ours))}, with the same tags."
    same = sum(theirs.get(key) == digest for key, digest in ours.items())
    changed = len(ours.keys() & theirs.keys()) - same
    alone = len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())
    return (
        f"They were not scored on the same: {_articles(same)} with the same tags, {changed:,} with other tags by then, "
        f"{alone[0]:,} for the first alone and {alone[1]:,} for the second alone. So part of the difference may be "
        "due to the articles."
    )


def _articles(number: int) -> str:
    return f"{number:,} held-out article{'' if number == 1 else 's'}"


def fair_scores(first: Version, second: Version) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The scores of both, and what was compared. Where the later was trained while the other was current, both were
    scored on its articles; these scores are taken, since they are of one and the same test.
    """
    for at, (earlier, later) in enumerate(((first, second), (second, first))):
        scores = later.run.scores
        if scores.get("current") and scores.get("current_number") == earlier.number:
            pair = (scores["current"], later.scores)
            told = (
                f"When version {later.number} was trained, version {earlier.number} was scored on the same articles: "
                "these are the scores of that day."
            )
            return (*(pair if at == 0 else pair[::-1]), told)
    return first.scores, second.scores, scored_on(first.run, second.run)


def label_rows(first: Mapping[str, Any], second: Mapping[str, Any], labels: Iterable[str]) -> list[LabelRow]:
    """By label as each run named it, in the project's order and then by name, and all together last."""
    ours, theirs = first.get("per_label", {}), second.get("per_label", {})
    known = [label for label in labels if label in ours or label in theirs]
    known += sorted((ours.keys() | theirs.keys()) - set(known))
    rows = [_row(label, ours.get(label), theirs.get(label)) for label in known]
    return [*rows, _row("All", first, second)] if first or second else rows


def _row(label: str, first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> LabelRow:
    one, other = ((scores or {}).get("f1") for scores in (first, second))
    difference = other - one if one is not None and other is not None else None
    return LabelRow(label, one, other, difference, ((first or {}).get("support"), (second or {}).get("support")))


def why_no_articles(first: Run, second: Run) -> str:
    """Say why it cannot be told where the two differ. Empty where it can."""
    if any(run.scores.get("mistakes") is None for run in (first, second)):
        return "Of one of them no mistakes were kept, so nobody can say where they differ."
    if not _shared(first, second):
        return "No held-out article with the same tags was scored for both, so nobody can say where they differ."
    if any(run.scores["mistakes"] > mistakes.MOST for run in (first, second)):
        return f"Only the first {mistakes.MOST:,} mistakes of each were kept; they are not enough to compare by."
    return ""


def differing(first: Version, second: Version) -> list[ArticleRow]:
    """The articles scored for both, with the same tags, where one made a mistake that the other did not make."""
    shared = _shared(first.run, second.run)
    ours, theirs = _mistakes(first, shared), _mistakes(second, shared)
    alone: dict[int, dict[bool, list[int]]] = defaultdict(lambda: {True: [], False: []})
    for is_first, mine, others in ((True, ours, theirs), (False, theirs, ours)):
        for what, (document, pk) in mine.items():
            if what not in others:
                alone[document][is_first].append(pk)
    rows = [
        ArticleRow(document, len(found[True]), len(found[False]), min([*found[True], *found[False]]))
        for document, found in alone.items()
    ]
    return sorted(rows, key=lambda row: (-(row.first + row.second), row.document))


def _shared(first: Run, second: Run) -> set[str]:
    return {key for key, digest in first.held_out.items() if second.held_out.get(key) == digest}


def _mistakes(version: Version, shared: set[str]) -> dict[tuple[Any, ...], tuple[int, int]]:
    """{what was wrong, by the labels' names now: (document, mistake)}"""
    rows = Mistake.objects.filter(run=version.run_id, document__deleted_at=None).values_list(
        "pk", "document_id", "start", "end", "label", "said_start", "said_end", "said"
    )
    return {
        (document, start, end, _now(label, version.source), said_start, said_end, _now(said, version.source)): (
            document,
            pk,
        )
        for pk, document, start, end, label, said_start, said_end, said in rows
        if str(document) in shared
    }


def _now(label: str, source: Source) -> str | None:
    return source.name_now(label) if label else ""
