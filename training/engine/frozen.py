"""Leave the lower part of an encoder as it is, and have it read each piece once instead of once an epoch.

What the embeddings and the lower layers make of a text does not change while they are not trained. So they read each
piece once, without dropout, and each step begins from what they made of it: with half of the layers frozen it does half
of the work. Lower layers settle before higher ones (Raghu et al. 2017, "SVCCA"), so more can be frozen as training goes
on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple

import torch
from torch import nn

from training.engine import device
from training.engine.align import Piece
from training.engine.batches import by_length, collate, stack_states

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


def freeze_vectors(model: Any) -> None:
    """Leave the vectors of words and positions out of training."""
    vectors = getattr(model.base_model, "embeddings", None) or model.get_input_embeddings()
    vectors.requires_grad_(False)


def frozen_layers(model: Any, share: float) -> int:
    """Turn a share of the layers into a number: rounded, and never all of them. Where the family is not known to us,
    layers cannot be told from the rest, and none is frozen.
    """
    layers = len(_layers(model))
    return max(0, min(round(share * layers), layers - 1))


def frozen_after(done: float, first: int, last: int) -> int:
    """Say how many layers are frozen when this share of the training is done: `first`, then one more at a time up to
    `last`. Of n more the k-th follows at k / (n + 1/2), so two at 0.4 and 0.8: those that are left have half as long to
    settle after the last. At even thirds F1 was 0.009 less (three seeds).
    """
    return max(first, min(last, first + int(done * (last - first + 0.5))))


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
        on = self.lower.device
        given = {name: tensor.to(on) for name, tensor in self._given(batch).items()}
        with device.mixed():
            found = self.lower(**given).last_hidden_state.float().cpu()
        for states, i in zip(found, batch, strict=True):
            self.read[i] = states[: len(self.pieces[i].input_ids)].clone()

    def _given(self, batch: Sequence[int]) -> dict[str, torch.Tensor]:
        return collate([self.pieces[i] for i in batch], self.pad_id)


class Further(States):
    """What layers frozen later make of the states below them, which are not needed again then."""

    def __init__(self, lower: Any, below: States) -> None:
        super().__init__(lower, below.pieces, below.pad_id)
        self.below = below

    def _given(self, batch: Sequence[int]) -> dict[str, torch.Tensor]:
        given = stack_states([self.below[i] for i in batch])
        for i in batch:
            del self.below.read[i]
        return given


class Frozen:
    """What of a model is left as it is: its embeddings and its lowest layers, more of them as training goes on.

    `states` is what they make of each piece, which the rest of the model then takes as `inputs_embeds`. It is None, and
    the model left whole, where the family is not cut so, or the states would take too much memory.
    """

    def __init__(self, model: Any, pieces: Sequence[Piece], pad_id: int, first: int) -> None:
        self.model, self.pieces, self.pad_id = model, pieces, pad_id
        self.first = first
        self.count = 0
        self.states: States | None = None
        self.layers = _layers(model)
        self.cut = _cut(model, pieces)
        self.embeddings = model.base_model.get_submodule(self.cut.embeddings) if self.cut else None

    def rise(self, count: int) -> None:
        """Leave the lowest `count` layers out of training from now on."""
        if count <= self.count:
            return
        freeze_vectors(self.model)
        for layer in self.layers[:count]:
            layer.requires_grad_(False)
        if self.cut is not None:
            lower = _with(self.model.base_model, self.cut.layers, self.layers[self.count : count])
            self.states = (
                Further(lower, self.states) if self.states is not None else States(lower, self.pieces, self.pad_id)
            )
            self._leave(count)
        self.count = count

    def _leave(self, count: int) -> None:
        """Make the model what lies above `count` layers."""
        if self.cut is not None:
            self.model.base_model.set_submodule(self.cut.layers, self.layers[count:])
            self.model.base_model.set_submodule(self.cut.embeddings, Stored() if count else self.embeddings)

    @contextmanager
    def as_begun(self) -> Iterator[None]:
        """Inside the `with`, the model is what training began with: all that it has changed."""
        self._leave(self.first)
        try:
            yield
        finally:
            self._leave(self.count)


@contextmanager
def leaving(model: Any, count: int, pieces: Sequence[Piece], pad_id: int) -> Iterator[Frozen]:
    """Leave the lowest `count` layers out of training, and have them read each piece but once. Inside the `with` the
    model is its upper part (see `Frozen`); it is whole again afterwards.
    """
    found = Frozen(model, pieces, pad_id, count)
    try:
        found.rise(count)
        yield found
    finally:
        found._leave(0)


def _cut(model: Any, pieces: Sequence[Piece]) -> Cut | None:
    """Where the model can be cut, if what its lower part makes of the pieces can be kept."""
    size = 4 * model.config.hidden_size * sum(len(piece.input_ids) for piece in pieces)
    if hasattr(model.base_model, "embeddings_project") or size > MOST_STORED:
        return None
    return FAMILIES.get(model.config.model_type)


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
