"""Tag whole articles with a trained model."""

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from training.engine import device, encoders
from training.engine.align import pieces
from training.engine.articles import Article
from training.engine.batches import by_length, collate
from training.engine.calibration import Scale, lined, scale_of, tempered
from training.engine.decode import decode_all
from training.engine.folder import MANIFEST
from training.engine.reading import Reading

TOKEN_BUDGET = 2048  # sub-words in a batch; more gains nothing on two cores and takes memory
GPU_BUDGET = 32768  # a GPU computes many at once; the largest table, an encoder's inner layer, takes some 400 MB

Batch = dict[str, torch.Tensor]


class Predicted(NamedTuple):
    """What a model says of one article: IOB2 tags, spans as (start, end, label, probability), and its uncertainty.

    Start and end are token indices, half open; probability and uncertainty lie in [0, 1] (see `decode_all`).
    Probability is calibrated whole; the uncertainty, which orders articles and is not shown, by the temperature alone.
    """

    key: str
    tags: list[str]
    spans: list[tuple[int, int, str, float]]
    uncertainty: float


class Predictor:
    """A model that is loaded and ready to tag. `budget` is how many sub-words, padding included, it reads at once."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        window: int,
        on: torch.device,
        reading: Reading | None = None,
        scale: Scale | None = None,
        half: bool = False,
    ) -> None:
        self.model = model.to(on)
        self.device = on
        self.half = half
        self.budget = GPU_BUDGET if on.type == "cuda" else TOKEN_BUDGET
        self._know(model.config, Knowledge(tokenizer, window, reading, scale or Scale()))

    def _know(self, config: Any, knowing: "Knowledge") -> None:
        self.tokenizer, self.window, self.reading, self.scale = knowing
        self.outputs: int = config.num_labels
        self.tags: list[str] = self.reading.names if self.reading else [config.id2label[i] for i in range(self.outputs)]

    @classmethod
    def load(cls, folder: Path, half: bool = False) -> "Predictor":
        """Load a model folder; `half` computes in half precision, for a GPU. Raises EncoderError where it cannot be
        loaded.
        """
        on = device.prepare()
        tokenizer, window, reading, scale = knowledge(folder)
        return cls(encoders.load_model(str(folder)), tokenizer, window, on, reading, scale, half)

    def predict(
        self, articles: Sequence[Article], after_batch: Callable[[int, int], None] | None = None
    ) -> list[Predicted]:
        """Tag articles, in the order given; their own tags are not looked at.

        `after_batch` is called with the batches done and the batches in all, and may raise to stop.
        """
        return self.decode(articles, self.scores(articles, after_batch))

    def decode(self, articles: Sequence[Article], scores: Sequence[NDArray[np.floating]]) -> list[Predicted]:
        """Turn logits of (tokens, tags) into tags and calibrated spans."""
        found = decode_all([tempered(rows, self.scale.temperature) for rows in scores], self.tags)
        return [
            Predicted(article.key, decoded.tags, lined(decoded.spans, self.scale), decoded.uncertainty)
            for article, decoded in zip(articles, found, strict=True)
        ]

    def scores(
        self, articles: Sequence[Article], after_batch: Callable[[int, int], None] | None = None
    ) -> list[NDArray[np.float32]]:
        """Compute each article's logits, (tokens, tags), each token's from the piece that owns it."""
        found = self._own_scores(articles, after_batch)
        return [self.reading.apply(scores) for scores in found] if self.reading else found

    def _own_scores(
        self, articles: Sequence[Article], after_batch: Callable[[int, int], None] | None = None
    ) -> list[NDArray[np.float32]]:
        result = [np.zeros((len(article.words), self.outputs), dtype=np.float32) for article in articles]
        parts = pieces(self.tokenizer, articles, self.window)
        batches = self._batches([len(part.input_ids) for part in parts])
        pad_id = self.tokenizer.pad_token_id or 0
        with closing(self._computed(collate([parts[i] for i in batch], pad_id) for batch in batches)) as computed:
            for done, (batch, logits) in enumerate(zip(batches, computed, strict=True), start=1):
                for i, row in zip(batch, logits, strict=True):
                    result[parts[i].article][parts[i].first : parts[i].last] = row[parts[i].heads()]
                if after_batch:
                    after_batch(done, len(batches))
        return result

    def _batches(self, lengths: Sequence[int]) -> list[list[int]]:
        return by_length(lengths, self.budget)

    def _computed(self, batches: Iterable[Batch]) -> Generator[NDArray[np.float32], None, None]:
        """Compute the logits of batches, in their order, until it is closed."""
        yield from map(self._logits, batches)

    @torch.inference_mode()
    def _logits(self, batch: Batch) -> NDArray[np.float32]:
        """Compute (pieces, longest, outputs)."""
        self.model.eval()
        on_device = {name: tensor.to(self.device) for name, tensor in batch.items()}
        with torch.autocast(self.device.type, device.half_precision(), enabled=self.half):
            logits = self.model(**on_device).logits
        computed: NDArray[np.float32] = logits.float().cpu().numpy()
        return computed


class Knowledge(NamedTuple):
    """What a model folder holds beside the weights: how texts are split, how many sub-words the model was taught to
    see at once, how the outputs of a ready model are read, whose own tags are others, and what makes its
    probabilities true (see `calibration`).
    """

    tokenizer: Any
    window: int
    reading: Reading | None = None
    scale: Scale = Scale()


def knowledge(folder: Path) -> Knowledge:
    """Read it. Raises EncoderError."""
    tokenizer = encoders.load_tokenizer(str(folder))
    window = encoders.longest_input(str(folder), tokenizer)
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return Knowledge(tokenizer, window)
    told = json.loads(manifest.read_text(encoding="utf-8"))
    reading = Reading(**told["reading"]) if "reading" in told else None
    scale = scale_of(told.get("calibration") or {})
    return Knowledge(tokenizer, min(window, told["settings"]["window"]), reading, scale)
