"""What a run learns from: the project's finished gold, frozen as a `datasets.DatasetDict` under `snapshots/HASH/`.

Passages that people left out are not in it. The hash is over the label order and every article's words, tags and
sentence starts, so the same gold has the same
name, and a snapshot that lies there already is used again. Snapshots hold the articles: they never leave with a model.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from array import array
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.db import models

from annotate import passages
from annotate.models import Annotation, Document, Project, Split, State
from training import mistakes

if TYPE_CHECKING:
    from datasets import DatasetDict

    from training.engine.articles import Article

LAYOUT = 1  # raise it when the columns change: old snapshots then get other names
SPLITS = (Split.TRAIN, Split.VALIDATION)
LEFT_AFTER = 3600  # seconds; writing takes a minute at most

log = logging.getLogger(__name__)


class NothingToLearn(Exception):
    """The project's gold is not enough to train on. The message is for the person."""


class Snapshot(NamedTuple):
    """`blind` counts the validation articles tagged without suggestions in sight, `unknown` those nobody can say.
    `labels_at` is the last change of labels that its names take in. `offsets` holds for each validation article where
    its tokens begin and end in the text as it is stored, in code points: begin, end, begin, end ...
    """

    hash: str
    labels: list[str]
    training: list[Article]
    validation: list[Article]
    blind: int
    unknown: int
    labels_at: int
    offsets: list[array[int]]


def take(project: Project) -> Snapshot:
    """Freeze the finished gold as it is now, and read it back. Raises NothingToLearn."""
    labels_at = _labels_at_rest(project)
    labels = project.label_names()
    rows: dict[str, list[Article]] = {split: [] for split in SPLITS}
    blind: list[bool | None] = []
    offsets: list[array[int]] = []
    corrected = mistakes.corrected(project)
    whole = 0
    for annotation in finished_gold(project).iterator(chunk_size=500):
        document = annotation.document
        if not passages.rest(len(annotation.tags), document.left_out):
            whole += 1
            continue
        rows[document.split].append(taught_by(annotation))
        if document.split == Split.VALIDATION:
            blind.append(annotation.blind and document.pk not in corrected)
            offsets.append(_offsets(document))
    if _labels_at_rest(project) != labels_at:
        raise NothingToLearn("Labels were changed while the articles were being read. Retrain once more.")
    _check(project, labels, rows, whole)
    name = digest(labels, rows)
    folder = snapshots_folder() / name
    frozen = _written_before(folder)
    if frozen is None:
        _write(folder, labels, rows)
        frozen = read(folder)
    validation = frozen.get("validation", [])
    known = blind.count(True), blind.count(None)
    return Snapshot(name, labels, frozen["train"], validation, *known, labels_at, offsets)


def held_out(project: Project) -> Snapshot:
    """The finished validation articles as they are, to score a model on that learns nothing here; none is frozen.

    Raises NothingToLearn.
    """
    labels_at = _labels_at_rest(project)
    corrected = mistakes.corrected(project)
    gold = finished_gold(project).filter(document__split=Split.VALIDATION)
    read = [one for one in gold if passages.rest(len(one.tags), one.document.left_out)]
    blind = [one.blind and one.document_id not in corrected for one in read]
    known = blind.count(True), blind.count(None)
    offsets = [_offsets(one.document) for one in read]
    return Snapshot("", project.label_names(), [], [taught_by(one) for one in read], *known, labels_at, offsets)


def _offsets(document: Document) -> array[int]:
    return array("I", chain.from_iterable(passages.left(document.tokens, document.left_out)))


def _labels_at_rest(project: Project) -> int:
    """The last change of labels. Raises NothingToLearn while one is under way: articles have old names and new."""
    changes = project.label_changes.all()
    if under_way := next((change for change in changes if not change.is_over), None):
        raise NothingToLearn(f"A change of labels is not finished yet: {under_way}. Retrain when it is.")
    return max((change.pk for change in changes), default=0)


def finished_gold(project: Project) -> models.QuerySet[Annotation]:
    """The gold that training may see, with its documents: finished, not deleted, never of the test split."""
    gold = Annotation.objects.filter(
        kind=Annotation.Kind.GOLD,
        status=State.FINISHED,
        document__project=project,
        document__deleted_at=None,
        document__split__in=SPLITS,
    )
    needed = ("text", "tokens", "sentence_starts", "left_out", "split")
    return (
        gold.select_related("document")
        .only("tags", "blind", *(f"document__{name}" for name in needed))
        .order_by("document_id")
    )


def snapshots_folder() -> Path:
    return Path(settings.TAGDESK_DATA) / "snapshots"


def digest(labels: list[str], rows: dict[str, list[Article]]) -> str:
    """Name the content: 64 hex digits, the same on every machine."""
    content = hashlib.sha256(json.dumps([LAYOUT, labels]).encode())
    for split in SPLITS:
        content.update(f"\n{split}".encode())
        for article in rows[split]:
            content.update(b"\n" + json.dumps(article).encode())
    return content.hexdigest()


def read(folder: Path) -> dict[str, list[Article]]:
    """The articles of a snapshot by split, in order. A split without articles is not there."""
    from datasets import load_from_disk

    from training.engine.articles import Article

    dataset = load_from_disk(str(folder))
    return {
        split: [
            Article(row["key"], row["tokens"], [names[tag] for tag in row["ner_tags"]], row["sentence_starts"])
            for row in part
        ]
        for split, part in dataset.items()
        for names in [part.features["ner_tags"].feature.names]
    }


def _written_before(folder: Path) -> dict[str, list[Article]] | None:
    """What lies there. None where nothing does, or nothing that can be read: that is removed, to be written again."""
    if not folder.exists():
        return None
    try:
        return read(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("Snapshot %s cannot be read (%s), so it is written again.", folder.name, type(error).__name__)
        shutil.rmtree(folder, ignore_errors=True)
        return None


def taught_by(annotation: Annotation) -> Article:
    """What the article teaches: all but the passages that people left out of it."""
    from training.engine.articles import Article

    document, out = annotation.document, annotation.document.left_out
    starts = passages.sentences_left(document.sentence_starts, len(annotation.tags), out)
    return Article(str(document.pk), passages.left(document.words(), out), passages.left(annotation.tags, out), starts)


def _check(project: Project, labels: list[str], rows: dict[str, list[Article]], whole: int) -> None:
    if not labels:
        raise NothingToLearn("The project has no labels. Add one, tag with it, then retrain.")
    if not rows[Split.TRAIN] and whole:
        raise NothingToLearn(
            f"{whole} finished article{'s are' if whole > 1 else ' is'} left out whole, and no other is there to learn "
            "from. Take a passage in again, or finish another article."
        )
    if not rows[Split.TRAIN]:
        raise NothingToLearn(nothing_finished(len(rows[Split.VALIDATION])))
    used = {tag[2:] for articles in rows.values() for article in articles for tag in article.tags if tag != "O"}
    if strange := sorted(used - set(labels)):
        raise NothingToLearn(f"Finished articles hold labels that “{project}” no longer has: {', '.join(strange)}.")


def nothing_finished(held_out: int) -> str:
    """Say why there is nothing to train on, given how many finished articles are held out."""
    if not held_out:
        return "Finish at least one article first: a model learns from finished articles only."
    articles = "The one finished article is" if held_out == 1 else f"All {held_out} finished articles are"
    return f"Finish at least one more article first: {articles} held out to score with, so there is none to learn from."


def _write(folder: Path, labels: list[str], rows: dict[str, list[Article]]) -> None:
    """Write aside and move: what lies under its hash is whole. Of two that write the same, the second is dropped."""
    from training.engine.folder import flush, flush_one

    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    aside = folder.with_name(f".partial-{uuid4().hex}")
    try:
        _dataset(labels, rows).save_to_disk(str(aside))
        flush(aside)
        aside.rename(folder)
        flush_one(folder.parent)
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed runs left half written. Other projects may be writing here now, so the fresh stays."""
    for left in folder.glob(".partial-*"):
        with suppress(OSError):  # another run has removed it
            if time.time() - left.stat().st_mtime > LEFT_AFTER:
                shutil.rmtree(left, ignore_errors=True)


def _dataset(labels: list[str], rows: dict[str, list[Article]]) -> DatasetDict:
    from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value, disable_progress_bars

    from training.engine.articles import tag_names

    disable_progress_bars()
    names = tag_names(labels)
    features = Features(
        {
            "key": Value("string"),
            "tokens": List(Value("string")),
            "ner_tags": List(ClassLabel(names=names)),
            "sentence_starts": List(Value("int32")),
        }
    )
    number = {name: index for index, name in enumerate(names)}
    return DatasetDict(
        {
            str(split): Dataset.from_dict(_columns(articles, number), features=features)
            for split, articles in rows.items()
            if articles  # an empty part would be written without a file, and not read back
        }
    )


def _columns(articles: list[Article], number: dict[str, int]) -> dict[str, list[Any]]:
    return {
        "key": [article.key for article in articles],
        "tokens": [article.words for article in articles],
        "ner_tags": [[number[tag] for tag in article.tags] for article in articles],
        "sentence_starts": [article.sentence_starts for article in articles],
    }
