"""Train a model on whole articles and leave it, whole, in a folder."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import set_seed

from annotate import iob2
from training.engine import device, encoders, ranks
from training.engine import folder as model_folder
from training.engine.align import pieces, targets
from training.engine.articles import Article, tag_names
from training.engine.batches import for_epochs
from training.engine.calibration import calibrate, scale_of
from training.engine.checkpoints import Checkpoints
from training.engine.encoders import EncoderError
from training.engine.fitting import Diverged, Example, Keeping, fit
from training.engine.predict import Predicted, Predictor
from training.engine.progress import Pace, Progress, Reporter, Stopped
from training.engine.recipe import Settings
from training.engine.scores import score

__all__ = [
    "Diverged",
    "EncoderError",
    "Progress",
    "Result",
    "Settings",
    "Start",
    "Stopped",
    "TrainingError",
    "train",
    "untrained",
]


class TrainingError(Exception):
    """Training cannot begin; the message says why, for people."""


class Start(NamedTuple):
    """The folder of a model to go on from, and what labels that were renamed since are called now (None: deleted)."""

    folder: Path
    renamed: Mapping[str, str | None]


class Result(NamedTuple):
    """What a run came to. `scores` is None, and `predicted` empty, where there were no validation articles."""

    scores: dict[str, Any] | None
    predicted: list[Predicted]  # of the validation articles, in their order
    manifest: dict[str, Any]  # as written to the folder
    words_per_second: float  # read in training
    seconds: float  # of training alone


def train(
    settings: Settings,
    labels: Sequence[str],
    training: Sequence[Article],
    validation: Sequence[Article],
    folder: Path | None,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    data_hash: str = "",
    start: Start | None = None,
    checkpoints: Checkpoints | None = None,
) -> Result:
    """Fine-tune the settings' encoder on the training articles, score it on the others, write it to `folder`.

    labels: entity types, in the order the project gives them; every tag of the articles must speak of one of them.
    start: a trained model to go on from instead of the encoder.
    folder: new or empty, and the caller's to move into place; it is removed again where the run does not end well.
    None: nothing is kept but the result.
    checkpoints: where to keep what a run needs to go on after its process died. Where one lies there already, kept by
    a run of the same settings, articles and start, this goes on from it.
    should_stop is asked after each step. The same settings and articles on the same machine give the same model.

    Raises TrainingError (nothing to learn from), EncoderError, Diverged, and Stopped.
    """
    if ranks.count() > 1:  # which gradients processes add up is settled as training begins
        settings = replace(settings, frozen_at_last=settings.frozen_share)
    tags = tag_names(labels)
    check_data(tags, training, validation)
    report = Reporter(on_progress, should_stop)
    report(Progress("preparing", 0, 1))
    learner = untrained(settings, tags, start)
    pace = _fit(learner, settings, training, report, checkpoints)
    logits = learner.scores(validation, lambda done, of: report(Progress("scoring", done, of)))
    gold = [article.tags for article in validation]
    calibration = calibrate([article.key for article in validation], gold, logits, learner.tags)
    learner.scale = scale_of(calibration)
    predicted = learner.decode(validation, logits)
    scores = score(gold, [p.tags for p in predicted]) if validation else None
    manifest = _manifest(settings, labels, learner, pace, data_hash) | {
        "articles": {"training": len(training), "validation": len(validation)},
        "scores": scores,
        "calibration": calibration,
    }
    if folder is not None:
        _save(folder, learner, manifest, report)
    return Result(scores, predicted, manifest, manifest["words_per_second"], manifest["seconds"])


def check_data(tags: Sequence[str], training: Sequence[Article], validation: Sequence[Article]) -> None:
    """Refuse what nothing can be learnt from. Raises TrainingError."""
    if len(tags) == 1:
        raise TrainingError("There are no labels to learn.")
    if not any(article.words for article in training):
        raise TrainingError("There are no finished articles to learn from.")
    for article in (*training, *validation):
        if len(article.tags) != len(article.words):
            raise TrainingError(f"Article {article.key} has {len(article.words)} words but {len(article.tags)} tags.")
        if unknown := set(article.tags) - set(tags):
            raise TrainingError(f"Article {article.key} has the tag {min(unknown)}, which is not among the labels.")
        if faults := iob2.faults(article.words, article.tags):
            raise TrainingError(f"Article {article.key}, word {faults[0].token + 1}: {faults[0].message}")


def untrained(settings: Settings, tags: Sequence[str], start: Start | None = None) -> Predictor:
    """Load the encoder under a new head with random weights, the same for the same seed; or the model to go on from,
    whose head keeps what it knows of the tags.
    """
    on = device.prepare()
    set_seed(settings.seed)
    source = str(start.folder) if start else encoders.locate(settings.encoder)
    tokenizer = encoders.load_tokenizer(source)
    window = min(settings.window, encoders.longest_input(source, tokenizer))
    model = encoders.load_model(source, tags)
    if start:
        keep_head(model, tags, start)
    return Predictor(model, tokenizer, window, on)


@torch.no_grad()
def keep_head(model: Any, tags: Sequence[str], start: Start) -> None:
    """Give each tag the row of the head that it had in the model before, and a new row where it is new."""
    before = encoders.load_model(str(start.folder))
    known = {
        tag: row
        for row, was in before.config.id2label.items()
        if (tag := iob2.relabelled([was], start.renamed)[0]) != "O" or was == "O"
    }
    model.classifier.weight.normal_(std=model.config.initializer_range)
    model.classifier.bias.zero_()
    for row, tag in enumerate(tags):
        if tag in known:
            model.classifier.weight[row] = before.classifier.weight[known[tag]]
            model.classifier.bias[row] = before.classifier.bias[known[tag]]


def examples_of(learner: Predictor, articles: Sequence[Article], all_subwords: bool) -> list[Example]:
    """Cut articles into pieces with their targets."""
    tag_ids = {tag: i for i, tag in enumerate(learner.tags)}
    return [
        (piece, targets(piece, articles[piece.article].tags, tag_ids, all_subwords))
        for piece in pieces(learner.tokenizer, articles, learner.window)
    ]


def _fit(
    learner: Predictor,
    settings: Settings,
    articles: Sequence[Article],
    report: Reporter,
    checkpoints: Checkpoints | None,
) -> Pace:
    examples = examples_of(learner, articles, settings.all_subwords)
    lengths = [len(piece.input_ids) for piece, _ in examples]
    batches = for_epochs(lengths, settings.token_budget, settings.epochs, settings.seed)
    pace = Pace(sum(len(article.words) for article in articles), batches, ranks.count())
    since = checkpoints.last() if checkpoints else None
    if checkpoints and since and not pace.go_on(since.told):
        checkpoints.clear()
        since = None
    fit(
        learner.model,
        learner.tokenizer,
        examples,
        list(chain.from_iterable(batches)),
        settings,
        lambda step, loss: report(pace.progress(step, loss)),
        Keeping(checkpoints, pace.told) if checkpoints else None,
        since,
    )
    return pace


def _manifest(
    settings: Settings, labels: Sequence[str], learner: Predictor, pace: Pace, data_hash: str
) -> dict[str, Any]:
    return {
        "settings": settings.as_dict(),
        "window": learner.window,
        "seed": settings.seed,
        "labels": list(labels),
        "tags": learner.tags,
        "data_hash": data_hash,
        "versions": model_folder.versions(),
        "device": device.describe(learner.device),
        "words": pace.words_in_epoch,
        "losses": pace.losses,
        "seconds": round(pace.seconds, 3),
        "words_per_second": round(pace.words_per_second(len(pace.losses)), 1),
    }


def _save(folder: Path, learner: Predictor, manifest: dict[str, Any], report: Reporter) -> None:
    try:
        report(Progress("saving", 0, 1))
        model_folder.write(folder, learner.model, learner.tokenizer, manifest)
        report(Progress("saving", 1, 1))
    except BaseException:  # half a model is worse than none, whatever ended the run
        shutil.rmtree(folder, ignore_errors=True)
        raise


if __name__ == "__main__":
    from training.engine.launched import main

    main()
