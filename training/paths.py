"""By which path a version's predictions are computed: tried on held-out articles, chosen, remembered in its row."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from annotate import iob2
from annotate.models import Document, Split
from training import snapshot
from training.folders import folder_of
from training.models import Version

if TYPE_CHECKING:
    from training.engine.articles import Article
    from training.engine.predict import Predicted, Predictor

MOST_WORDS = 20_000  # to try a path on: some seconds
MOST_ARTICLES = 500

log = logging.getLogger(__name__)


def load(version: Version) -> Predictor:
    """The version's model by the path that it is to take. Where that does not work any more torch does it, and the row
    says so.
    """
    from training.engine import paths
    from training.engine.onnx import NotExported

    path = version.path or paths.TORCH
    try:
        return paths.load(path, folder_of(version), cache_of(version))
    except NotExported as error:
        log.warning("Version %s predicts by torch, not by %s: %s", version.pk, path, error)
        told = {**version.paths, path: {"trouble": str(error)}}
        Version.objects.filter(pk=version.pk).update(path=paths.TORCH, paths=told)
        return paths.load(paths.TORCH, folder_of(version), cache_of(version))


def settle(version: Version) -> None:
    """Try all paths that this machine has, and take the best. Where a person has chosen meanwhile, that stands."""
    from training.engine import paths
    from training.engine.scores import score

    articles = _articles(version)
    gold = [article.tags for article in articles if article.tags]
    tried: dict[str, dict[str, Any]] = {}
    exact: Sequence[Predicted] = []
    for path, found in paths.try_all(folder_of(version), cache_of(version), articles):
        if isinstance(found, str):
            log.warning("Version %s cannot predict by %s: %s", version.pk, path, found)
            tried[path] = {"trouble": found}
            continue
        exact = exact or found.predicted
        tried[path] = {"words_per_s": round(found.words_per_s), "agreement": paths.agreement(found.predicted, exact)}
        if gold:
            said = [iob2.relabelled(predicted.tags, version.source.renamed) for predicted in found.predicted]
            tried[path] |= {"f1": score(gold, said)["f1"]}
    working = {path: figures for path, figures in tried.items() if "words_per_s" in figures}
    entities = sum(len(iob2.spans_of(tags)) for tags in gold)
    row = Version.objects.filter(pk=version.pk)
    row.update(paths={**tried, "tried_on": {"articles": len(articles), "entities": entities, "gold": bool(gold)}})
    row.filter(path="").update(path=paths.pick(working, entities))
    version.refresh_from_db(fields=["path", "paths"])
    sweep(version)


def cache_of(version: Version) -> Path:
    """Where the files of ONNX Runtime lie: not in the model's folder, which nobody changes; they can be made again."""
    return Path(settings.TAGDESK_DATA) / "cache" / "onnx" / str(version.project_id) / f"v{version.number}"


def sweep(version: Version) -> None:
    """Remove what the version's path does not need, and what lies there of the project's other versions."""
    mine = cache_of(version)
    for other in mine.parent.glob("v*"):
        if other != mine:
            shutil.rmtree(other, ignore_errors=True)
    for file in mine.glob("*"):
        if file.name != f"{version.path}.onnx":
            file.unlink(missing_ok=True)


def _articles(version: Version) -> list[Article]:
    """The finished held-out articles as they are today; where there is none, some that are still to be tagged."""
    gold = snapshot.finished_gold(version.project).filter(document__split=Split.VALIDATION)
    held_out = _few(map(snapshot.taught_by, gold[:MOST_ARTICLES].iterator(chunk_size=50)))
    return held_out or _few(map(_untagged, _waiting(version)))


def _waiting(version: Version) -> Iterator[Document]:
    unfinished = Document.objects.filter(project=version.project_id).unfinished().in_split(Split.TRAIN)
    return unfinished.order_by("pk")[:MOST_ARTICLES].iterator(chunk_size=50)


def _untagged(document: Document) -> Article:
    from training.engine.articles import Article

    return Article(str(document.pk), document.words(), [], document.sentence_starts)


def _few(articles: Iterator[Article]) -> list[Article]:
    """As many as it takes to know."""
    taken: list[Article] = []
    words = 0
    for article in articles:
        if words >= MOST_WORDS:
            break
        if article.words:
            taken.append(article)
            words += len(article.words)
    return taken
