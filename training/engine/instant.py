"""Learn from a handful of articles in a second: a linear head over the states of a frozen encoder.

The encoder reads each article once. Of the states of four of its layers the main directions are kept, for the word and
its neighbours; beside them stands what an uncased encoder does not see, the shapes of the words around. The head is
fitted to the likelihood of whole tag sequences, over the very chain that `decode` reads them by (a conditional random
field, Lafferty et al. 2001, whose transitions are fixed): told each tag alone, it finds fewer entities whole.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from training.engine import device, encoders
from training.engine.align import NOBODY, pieces
from training.engine.articles import Article, tag_names
from training.engine.batches import by_length, collate
from training.engine.decode import Decoded, decode_all
from training.engine.shapes import shapes_of

LAYERS = (1 / 3, 1 / 2, 2 / 3, 5 / 6)  # how deep: the first know words, the last what a sentence is about
WINDOW = 128  # sub-words seen at once
TOKEN_BUDGET = 1024  # sub-words in a batch
DIRECTIONS, BESIDE = 256, 128  # main directions kept of a word's states, and of each neighbour's
ENOUGH = 8_000  # words from which the main directions are found
SCALE = 3.0  # of the states against the shapes: the larger, the less the states are held back by DECAY
DECAY = 2.0  # times the squared weights is added to the loss of all words together
STEPS = 40  # of L-BFGS at most
STRETCH = 24  # words at least in a stretch of a chain that is fitted by itself
MOST_WORDS = 200_000  # kept, in 100 MB

Matrix = NDArray[np.float32]


class Basis(NamedTuple):
    """The main directions of states: (states,) mean, and (states, directions) with the scale in it."""

    mean: torch.Tensor
    directions: torch.Tensor


class Reader:
    """A frozen encoder, whose states of a word are the mean over its sub-words."""

    def __init__(self, encoder: str = encoders.DEFAULT) -> None:
        self.device = device.prepare()
        source = encoders.locate(encoder)
        self.tokenizer = encoders.load_tokenizer(source)
        self.window = min(WINDOW, encoders.longest_input(source, self.tokenizer))
        self.model: Any = AutoModel.from_pretrained(source, use_safetensors=True, trust_remote_code=False)
        self.model.to(self.device).eval()
        count = self.model.config.num_hidden_layers
        self.layers = sorted({max(1, round(depth * count)) for depth in LAYERS})

    @torch.inference_mode()
    def states(self, articles: Sequence[Article]) -> list[torch.Tensor]:
        """Read articles: of each (words, layers * width)."""
        width = self.model.config.hidden_size * len(self.layers)
        result = [torch.zeros(len(article.words), width) for article in articles]
        parts = pieces(self.tokenizer, articles, self.window)
        pad_id = self.tokenizer.pad_token_id or 0
        for batch in by_length([len(part.input_ids) for part in parts], TOKEN_BUDGET):
            given = collate([parts[i] for i in batch], pad_id)
            seen = self.model(**{k: v.to(self.device) for k, v in given.items()}, output_hidden_states=True)
            states = torch.cat([seen.hidden_states[layer] for layer in self.layers], dim=-1).float().cpu()
            for i, rows in zip(batch, states, strict=True):
                part = parts[i]
                owners = torch.from_numpy(part.owners)
                owned = owners != NOBODY
                place = owners[owned] - part.first
                sums = torch.zeros(part.last - part.first, width).index_add_(0, place, rows[: len(owned)][owned])
                result[part.article][part.first : part.last] = sums / torch.bincount(place)[:, None]
        return result


def main_directions(states: torch.Tensor) -> Basis:
    """Find the main directions of (words, states): principal components, with all states brought to one spread."""
    mean, spread = states.mean(dim=0), states.std(dim=0) + 1e-5
    scale = SCALE / states.shape[1] ** 0.5
    torch.manual_seed(0)
    _, _, directions = torch.pca_lowrank((states - mean) / spread, q=min(DIRECTIONS, *states.shape), center=False)
    return Basis(mean, directions / spread[:, None] * scale)


class Instant:
    """What is learnt of one project: it keeps what it has read, and begins each fit from the last."""

    def __init__(self, labels: Sequence[str], reader: Reader) -> None:
        self.labels = list(labels)
        self.tags = tag_names(labels)
        self.reader = reader
        self.basis: Basis | None = None
        self.weights: torch.Tensor | None = None  # (features + 1, tags)
        self._read: OrderedDict[int, torch.Tensor] = OrderedDict()

    def fit(self, articles: Sequence[Article]) -> None:
        """Learn from these tagged articles, and from no others."""
        articles = [article for article in articles if article.words]
        features = self._features(articles)
        number = {tag: i for i, tag in enumerate(self.tags)}
        tags = [torch.tensor([number[tag] for tag in article.tags]) for article in articles]
        start = self.weights if self.weights is not None else torch.zeros(features[0].shape[1] + 1, len(self.tags))
        self.weights = fit_chain(torch.cat(features), tags, start, self.tags)

    def predict(self, articles: Sequence[Article]) -> list[Decoded]:
        """Tag articles as `decode` does, in the order given."""
        assert self.weights is not None, "nothing was learnt yet"
        weights = self.weights
        return decode_all([(rows @ weights[:-1] + weights[-1]).numpy() for rows in self._features(articles)], self.tags)

    def has_read(self, article: Article) -> bool:
        return _key(article) in self._read

    def read(self, articles: Sequence[Article]) -> list[torch.Tensor]:
        """The main directions of each article's states, (words, directions): read once, and kept for the next time."""
        unread = {_key(a): a for a in articles if a.words and _key(a) not in self._read}
        found = dict(zip(unread, self._directed(list(unread.values())), strict=True))
        found |= {_key(a): self._read[_key(a)] for a in articles if _key(a) in self._read}
        for key, rows in found.items():
            self._read[key] = rows
            self._read.move_to_end(key)
        kept = sum(len(rows) for rows in self._read.values())
        while kept > MOST_WORDS:
            kept -= len(self._read.popitem(last=False)[1])
        return [found[_key(a)].float() if a.words else torch.zeros(0, self._width) for a in articles]

    @property
    def _width(self) -> int:
        assert self.basis is not None
        return self.basis.directions.shape[1]

    def _directed(self, articles: Sequence[Article]) -> list[torch.Tensor]:
        if not articles:
            return []
        states = self.reader.states(articles)
        if self.basis is None:
            self.basis = main_directions(torch.cat(states)[:ENOUGH])
        return [((rows - self.basis.mean) @ self.basis.directions).half() for rows in states]

    def _features(self, articles: Sequence[Article]) -> list[torch.Tensor]:
        return [
            torch.cat([rows, beside(rows[:, :BESIDE]), torch.from_numpy(shapes_of(article))], dim=1)
            for article, rows in zip(articles, self.read(articles), strict=True)
        ]


def beside(rows: torch.Tensor) -> torch.Tensor:
    """For each word the rows of the words before and after it, zeros at the ends: (words, 2 * columns)."""
    padded = torch.nn.functional.pad(rows, (0, 0, 1, 1))
    return torch.cat([padded[:-2], padded[2:]], dim=1)


def stretches(tags: torch.Tensor) -> list[int]:
    """Where to cut a chain so that its pieces can be fitted side by side: before a word outside of all entities, as
    soon as a piece is long enough. The edges, from 0 to the end.
    """
    edges = [0]
    outside = (tags == 0).tolist()
    for place, is_outside in enumerate(outside):
        if is_outside and place - edges[-1] >= STRETCH:
            edges.append(place)
    return [*edges, len(outside)]


def fit_chain(
    features: torch.Tensor, tags: Sequence[torch.Tensor], start: torch.Tensor, names: Sequence[str]
) -> torch.Tensor:
    """Find the weights, (features + 1, tags), under which the tags are likeliest among all well-formed ones.

    features: (words, features) of all articles, one behind the other; tags: (words,) of each article, O is 0.
    """
    places = _side_by_side(tags)
    allowed = torch.tensor([[_may_follow(a, b) for b in names] for a in names], dtype=torch.float32)
    begins = torch.tensor([not name.startswith("I-") for name in names], dtype=torch.float32)
    said = torch.nn.functional.one_hot(torch.cat(list(tags)), len(names)).float()
    weights = start.clone().requires_grad_()
    count = len(features)

    def loss() -> torch.Tensor:
        with torch.no_grad():
            scores = torch.addmm(weights[-1], features, weights[:-1])
            likely, marginals = chain(scores, places, allowed, begins)
            wrong = marginals - said
            plain = weights[:-1]
            gradient = torch.cat([features.T @ wrong + 2 * DECAY * plain, wrong.sum(dim=0, keepdim=True)])
            weights.grad = gradient / count
            return (likely - (scores * said).sum() + DECAY * (plain * plain).sum()) / count

    optimizer: Any = torch.optim.LBFGS([weights], max_iter=STEPS, tolerance_change=1e-5, line_search_fn="strong_wolfe")
    optimizer.step(loss)
    return weights.detach()


def _may_follow(before: str, tag: str) -> bool:
    return not tag.startswith("I-") or before in (tag, f"B-{tag[2:]}")


def _side_by_side(tags: Iterable[torch.Tensor]) -> torch.Tensor:
    """Lay the stretches of all articles side by side: (longest, stretches) places of words, -1 behind an end."""
    found: list[tuple[int, int]] = []
    first = 0
    for one in tags:
        found += [(first + start, first + end) for start, end in pairwise(stretches(one))]
        first += len(one)
    longest = max(end - start for start, end in found)
    steps = torch.arange(longest)[:, None]
    starts, ends = torch.tensor(found).T
    places = starts + steps
    return torch.where(places < ends, places, -1)


def chain(
    scores: torch.Tensor, places: torch.Tensor, allowed: torch.Tensor, begins: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum over all well-formed sequences: the log of it for all stretches, and each word's probabilities (words, tags).

    The passes are scaled at each step so that they stay within single precision (Rabiner 1989, section V.A). Behind the
    end of a stretch a word is surely outside, which changes no sum.
    """
    peaks = scores.max(dim=1, keepdim=True).values
    likely = torch.cat([(scores - peaks).exp(), torch.eye(1, scores.shape[1])])  # the last stands behind the ends
    steps = likely[places]  # (longest, stretches, tags)
    forward = torch.empty_like(steps)
    total = peaks.sum()
    before = begins.expand_as(steps[0])
    for step, here in enumerate(steps):
        before = before * here
        sums = before.sum(dim=1, keepdim=True)
        before = forward[step] = before / sums
        total += sums.log().sum()
        before = before @ allowed
    marginals = torch.zeros(len(scores) + 1, scores.shape[1])
    after = torch.ones_like(steps[0])
    for step in range(len(steps) - 1, -1, -1):
        both = forward[step] * after
        marginals[places[step]] = both / both.sum(dim=1, keepdim=True)
        after = (steps[step] * after) @ allowed.T
        after = after / after.sum(dim=1, keepdim=True)
    return total, marginals[:-1]


def _key(article: Article) -> int:
    return hash(tuple(article.words))
