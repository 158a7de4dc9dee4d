"""The ways in which one model can be computed for prediction: which there are here, what each comes to, which to take.

Torch in single precision is what all others are measured against, and what is left where no other works.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.engine import device, onnx
from training.engine.articles import Article
from training.engine.predict import Predicted, Predictor

TORCH, HALF, ONNX, INT8 = "torch", "half", "onnx", "int8"
EXACT = (HALF, ONNX)  # these are to say the same; INT8 is judged by its F1
EQUAL = 0.999  # share of spans that must be those of torch
LOSS = 0.002  # of F1 that a faster path may cost without being asked for
FEWEST_ENTITIES = 100  # with fewer, two paths may have the same F1 by luck
WARMING = 2  # articles that a path reads before it is timed


class Tried(NamedTuple):
    """What one path said of the articles, and how many words a second it read."""

    predicted: list[Predicted]
    words_per_s: float


def here() -> tuple[str, ...]:
    """Name the paths that this machine offers."""
    return (TORCH, HALF) if device.pick().type == "cuda" else (TORCH, ONNX, INT8)


def load(path: str, folder: Path, cache: Path) -> Predictor:
    """Load a model by this path; what it needs beside the model's folder is made in `cache` where it is not there yet.

    Raises EncoderError, NotExported and OSError.
    """
    if path not in (ONNX, INT8):
        return Predictor.load(folder, half=path == HALF)
    exact, file = cache / f"{ONNX}.onnx", cache / f"{path}.onnx"
    if not file.exists():
        if not exact.exists():
            onnx.export(folder, exact)
        if path == INT8:
            onnx.quantize(exact, file)
    return onnx.OnnxPredictor.load_file(folder, file)


def try_all(folder: Path, cache: Path, articles: Sequence[Article]) -> Iterator[tuple[str, Tried | str]]:
    """Tag the articles by each path in turn: (path, what came of it), or the reason in words where it does not work.

    Raises EncoderError where not even torch can load the model.
    """
    words = sum(len(article.words) for article in articles)
    for path in here():
        try:
            predictor = load(path, folder, cache)
        except onnx.NotExported as error:
            yield path, str(error)
            continue
        predictor.predict(articles[:WARMING])
        began = time.perf_counter()
        predicted = predictor.predict(articles)
        yield path, Tried(predicted, words / (time.perf_counter() - began))


def agreement(one: Sequence[Predicted], other: Sequence[Predicted]) -> float:
    """Say which share of the spans that either has both have, with the same label. Where neither has any, all."""
    ours, theirs = _spans(one), _spans(other)
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0


def _spans(predicted: Sequence[Predicted]) -> set[tuple[str, int, int, str]]:
    return {(article.key, *span[:3]) for article in predicted for span in article.spans}


def pick(tried: Mapping[str, Mapping[str, Any]], entities: int) -> str:
    """Choose the fastest path that costs nothing anybody would notice.

    tried: of each path that works `words_per_s`, `agreement` with torch and, where there is gold, `f1`; entities: how
    many the gold holds.
    """
    fit = [TORCH, *(path for path in EXACT if path in tried and tried[path]["agreement"] >= EQUAL)]
    if INT8 in tried and entities >= FEWEST_ENTITIES and tried[TORCH]["f1"] - tried[INT8]["f1"] <= LOSS:
        fit.append(INT8)
    return max(fit, key=lambda path: tried[path]["words_per_s"])
