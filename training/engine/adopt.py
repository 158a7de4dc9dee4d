"""Take over a model that tags already, as a version of its own: nothing is trained."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.engine import device, encoders, shelf
from training.engine import folder as model_folder
from training.engine.articles import Article
from training.engine.calibration import calibrate, scale_of
from training.engine.checking import SENTENCE
from training.engine.predict import Predictor
from training.engine.progress import Progress, Reporter
from training.engine.reading import Reading, starts_inside
from training.engine.recipe import Settings
from training.engine.schemes import Scheme, labels_of, scheme_of
from training.engine.scores import score
from training.engine.shelf import EncoderError
from training.engine.train import Result


def adopt(
    encoder: str,
    ours: Mapping[str, str],
    labels: Sequence[str],
    sample: Sequence[Article],
    validation: Sequence[Article],
    folder: Path,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> Result:
    """Read a ready model's tags as the project's, score it on the validation articles, write it to `folder`.

    ours: {its label: the project's}, what lacks is left out; labels: the project's that it is to know, in their order;
    sample: articles that show how the model begins an entity, where the names of its tags do not say. `folder` is new
    or empty, and removed again where this does not end well. Raises EncoderError and Stopped.
    """
    report = Reporter(on_progress, should_stop)
    report(Progress("preparing", 0, 1))
    began = time.monotonic()
    learner = _ready(encoder, ours, labels, sample)
    logits = learner.scores(validation, lambda done, of: report(Progress("scoring", done, of)))
    gold = [article.tags for article in validation]
    calibration = calibrate([article.key for article in validation], gold, logits, learner.tags)
    learner.scale = scale_of(calibration)
    predicted = learner.decode(validation, logits)
    scores = score(gold, [p.tags for p in predicted]) if validation else None
    manifest = _manifest(encoder, learner, len(validation)) | {"scores": scores, "calibration": calibration}
    try:
        report(Progress("saving", 0, 1))
        model_folder.write(folder, learner.model, learner.tokenizer, manifest)
        report(Progress("saving", 1, 1))
    except BaseException:  # half a model is worse than none, whatever ended it
        shutil.rmtree(folder, ignore_errors=True)
        raise
    seconds = time.monotonic() - began
    return Result(scores, predicted, manifest, 0.0, seconds)


def _ready(encoder: str, ours: Mapping[str, str], labels: Sequence[str], sample: Sequence[Article]) -> Predictor:
    on = device.prepare()
    source = encoders.locate(encoder)
    tags = shelf.facts(Path(source)).tags
    if strange := set(ours) - set(labels_of(tags)):
        raise EncoderError(f"{encoder} does not tag {min(strange)} any more: check it again.")
    tokenizer = encoders.load_tokenizer(source)
    window = min(Settings().window, encoders.longest_input(source, tokenizer))
    plain = Predictor(encoders.load_model(source), tokenizer, window, on)
    reading = Reading(tags, _scheme(plain, tags, sample), dict(ours), list(labels))
    return Predictor(plain.model, tokenizer, window, on, reading)


def _scheme(plain: Predictor, tags: list[str], sample: Sequence[Article]) -> Scheme:
    told = scheme_of(tags)
    if told == "IOB2" and starts_inside(tags, plain.scores([*sample, Article("", SENTENCE, [], [0])])):
        return "IOB1"
    return told


def _manifest(encoder: str, learner: Predictor, validation: int) -> dict[str, Any]:
    assert learner.reading is not None
    return {
        "settings": {"encoder": encoder, "window": learner.window},
        "reading": learner.reading._asdict(),
        "window": learner.window,
        "labels": learner.reading.labels,
        "tags": learner.tags,
        "versions": model_folder.versions(),
        "device": device.describe(learner.device),
        "articles": {"training": 0, "validation": validation},
    }
