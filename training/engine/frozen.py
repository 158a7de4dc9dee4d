"""Leave the lower part of an encoder as it is, and have it read each piece once instead of once an epoch.

What the embeddings and the lower layers make of a text does not change while they are not trained. So they read every
piece before the first step, without dropout, and each step begins from what they made of it: with half of the layers
frozen it does half of the work.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from training.engine.align import Piece
from training.engine.batches import by_length, collate

TOKEN_BUDGET = 2048  # sub-words read at once
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


@contextmanager
def read_once(
    model: Any, share: float, pieces: Sequence[Piece], pad_id: int, after_batch: Callable[[int, int], None]
) -> Iterator[list[torch.Tensor] | None]:
    """Give what the embeddings and the frozen layers make of each piece, (sub-words, width) in float32; inside the
    `with`, the model is its upper part, and takes these as `inputs_embeds`. It is whole again afterwards.

    None, and the model left whole, where nothing below is frozen, the family is not cut so, or the states would take
    too much memory. `after_batch` is told the batches read and in all, and may raise.
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
        base.set_submodule(cut.layers, whole[:count])
        states = _read(base, pieces, pad_id, after_batch)
        base.set_submodule(cut.layers, whole[count:])
        base.set_submodule(cut.embeddings, Stored())
        yield states
    finally:
        base.set_submodule(cut.layers, whole)
        base.set_submodule(cut.embeddings, embeddings)


@torch.no_grad()
def _read(
    base: Any, pieces: Sequence[Piece], pad_id: int, after_batch: Callable[[int, int], None]
) -> list[torch.Tensor]:
    states: list[torch.Tensor] = [torch.empty(0)] * len(pieces)
    batches = by_length([len(piece.input_ids) for piece in pieces], TOKEN_BUDGET)
    base.eval()
    for done, batch in enumerate(batches, start=1):
        given = collate([pieces[i] for i in batch], pad_id)
        found = base(**{name: tensor.to(base.device) for name, tensor in given.items()}).last_hidden_state.cpu()
        for place, i in enumerate(batch):
            states[i] = found[place, : len(pieces[i].input_ids)].clone()
        after_batch(done, len(batches))
    return states


def _layers(model: Any) -> Any:
    cut = (FAMILIES | OTHERS).get(model.config.model_type)
    return model.base_model.get_submodule(cut.layers) if cut else []
