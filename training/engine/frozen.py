"""Leave the lower part of an encoder as it is, and have it read each piece once instead of once an epoch.

What the embeddings and the lower layers make of a text does not change while they are not trained. So they read each
piece once, without dropout, and each step begins from what they made of it: with half of the layers frozen it does half
of the work.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple

import torch
from torch import nn

from training.engine.align import Piece
from training.engine.batches import by_length, collate

TOKEN_BUDGET = 256  # sub-words read at once: on a processor more gains little, and the first step would wait for it
GPU_BUDGET = 32768
MOST_STORED = 2**30  # bytes of states in memory; above, the lower layers read at every step


class Cut(NamedTuple):
    """Where the encoders of a family can be cut in two: the names of their embeddings and of the list of layers."""

    embeddings: str = "embeddings"
    layers: str = "encoder.layer"


# Families whose layers take nothing but the states below them and the mask.
FAMILIES = {
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "camembert", "electra"), Cut()),
    "distilbert": Cut(layers="transformer.layer"),
}
# These too, but what their layers do depends on their place, or what feeds them: frozen, and read at every step.
OTHERS = {
    **dict.fromkeys(("deberta", "deberta-v2"), Cut()),
    "modernbert": Cut(layers="layers"),
}


class Stored(nn.Module):
    """Stands where the embeddings stood, and hands on what the lower part has made of the pieces."""

    def forward(self, input_ids: Any = None, inputs_embeds: Any = None, *args: Any, **kwargs: Any) -> torch.Tensor:
        states: torch.Tensor = inputs_embeds  # (pieces, longest, width)
        return states


def freeze(model: Any, embeddings: bool, share: float) -> None:
    """Leave the vectors of words and positions, and this share of the layers, lowest first, out of training.

    Frozen layers take the embeddings with them. At least one layer is trained. Where the family is not known to us,
    layers cannot be told from the rest: then the embeddings alone are frozen.
    """
    if embeddings or share:
        vectors = getattr(model.base_model, "embeddings", None) or model.get_input_embeddings()
        vectors.requires_grad_(False)
    for layer in _layers(model)[: frozen_layers(model, share)]:
        layer.requires_grad_(False)


def frozen_layers(model: Any, share: float) -> int:
    """Turn a share of the layers into a number: rounded, and never all of them."""
    layers = len(_layers(model))
    return max(0, min(round(share * layers), layers - 1))


class States:
    """What the embeddings and the frozen layers make of pieces, (sub-words, width) in float32 each: read where it is
    first asked for, together with the pieces of its length.
    """

    def __init__(self, lower: Any, pieces: Sequence[Piece], pad_id: int) -> None:
        self.lower, self.pieces, self.pad_id = lower.eval(), pieces, pad_id
        self.read: dict[int, torch.Tensor] = {}
        budget = GPU_BUDGET if lower.device.type == "cuda" else TOKEN_BUDGET
        batches = by_length([len(piece.input_ids) for piece in pieces], budget)
        self.batch_of = {i: batch for batch in batches for i in batch}

    def __getitem__(self, index: int) -> torch.Tensor:
        if index not in self.read:
            self._read(self.batch_of[index])
        return self.read[index]

    @torch.no_grad()
    def _read(self, batch: Sequence[int]) -> None:
        given = collate([self.pieces[i] for i in batch], self.pad_id)
        on = self.lower.device
        found = self.lower(**{name: tensor.to(on) for name, tensor in given.items()}).last_hidden_state.cpu()
        for states, i in zip(found, batch, strict=True):
            self.read[i] = states[: len(self.pieces[i].input_ids)].clone()


@contextmanager
def read_once(model: Any, share: float, pieces: Sequence[Piece], pad_id: int) -> Iterator[States | None]:
    """Give what the frozen part makes of each piece; inside the `with`, the model is its upper part, and takes these as
    `inputs_embeds`. It is whole again afterwards.

    None, and the model left whole, where nothing below is frozen, the family is not cut so, or the states would take
    too much memory.
    """
    count = frozen_layers(model, share)
    cut = FAMILIES.get(model.config.model_type)
    width = model.config.hidden_size
    size = 4 * width * sum(len(piece.input_ids) for piece in pieces)
    if not count or cut is None or hasattr(model.base_model, "embeddings_project") or size > MOST_STORED:
        yield None
        return
    base = model.base_model
    embeddings, whole = base.get_submodule(cut.embeddings), base.get_submodule(cut.layers)
    try:
        lower = _with(base, cut.layers, whole[:count])
        base.set_submodule(cut.layers, whole[count:])
        base.set_submodule(cut.embeddings, Stored())
        yield States(lower, pieces, pad_id)
    finally:
        base.set_submodule(cut.layers, whole)
        base.set_submodule(cut.embeddings, embeddings)


def _with(module: Any, path: str, other: nn.Module) -> Any:
    """Copy a module, sharing all it holds but for what lies at `path`."""
    name, _, rest = path.partition(".")
    copied = copy(module)
    copied._modules = dict(module._modules)
    copied._modules[name] = _with(module._modules[name], rest, other) if rest else other
    return copied


def _layers(model: Any) -> Any:
    cut = (FAMILIES | OTHERS).get(model.config.model_type)
    return model.base_model.get_submodule(cut.layers) if cut else []
