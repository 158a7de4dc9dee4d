"""Try an encoder before anybody waits for a training with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from transformers import AutoConfig, AutoModelForTokenClassification

from training.engine import device, encoders, hub, shelf
from training.engine.articles import Article, tag_names
from training.engine.predict import Predictor
from training.engine.progress import Progress
from training.engine.shelf import EncoderError, Facts

SENTENCE = ["Angela", "Merkel", "met", "Barack", "Obama", "in", "Berlin", ",", "on", "behalf", "of", "Siemens", "."]


class Found(NamedTuple):
    """What was found in an encoder that is fit for use; `window` is how many sub-words it reads at once."""

    facts: Facts
    window: int


def check(name: str, report: Callable[[Progress], None]) -> Found:
    """Fetch the encoder where it is not here, load it, and read a sentence with it.

    `report` may raise to end it. Raises EncoderError with the reason in words.
    """
    report(Progress("asking", 0, 1))
    folder = shelf.place(name) or fetched(name, report)
    if reason := shelf.why_not(folder):
        raise EncoderError(reason)
    report(Progress("trying", 0, 1))
    found = shelf.facts(folder)
    return Found(found, try_out(str(folder), found.tags))


def fetched(name: str, report: Callable[[Progress], None]) -> Path:
    return Path(name) if shelf.is_folder(name) else hub.fetch(name, report)


def try_out(source: str, tags: list[str]) -> int:
    """Load it as training would, or as it is where it tags already, and read a sentence. Answers the longest input.

    Raises EncoderError.
    """
    on = device.prepare()
    check_kind(source)
    tokenizer = encoders.load_tokenizer(source)
    window = encoders.longest_input(source, tokenizer)
    model = encoders.load_model(source, None if tags else tag_names(["X"]))
    (scores,) = Predictor(model, tokenizer, window, on).scores([Article("", SENTENCE, [], [0])])
    if not np.isfinite(scores).all():
        raise EncoderError("It reads a sentence and answers with what are no numbers: its weights are damaged.")
    return window


def check_kind(source: str) -> None:
    """Refuse what transformers cannot tag words with, or not without a stranger's code. Raises EncoderError."""
    said = shelf.config_of(Path(source))
    kind = said["model_type"]
    mapping: Any = AutoModelForTokenClassification._model_mapping
    try:
        fits = type(AutoConfig.for_model(kind)) in mapping
    except ValueError:
        if "auto_map" in said:
            raise EncoderError(
                f"A model of the kind {kind} runs code of its own, which comes with its weights. Tagdesk runs no"
                " stranger's code."
            ) from None
        raise EncoderError(f"It is a model of the kind {kind}, which is not known here.") from None
    if not fits:
        raise EncoderError(f"A model of the kind {kind} cannot tag words. Choose an encoder such as BERT or RoBERTa.")
