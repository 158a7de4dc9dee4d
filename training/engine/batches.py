"""Group pieces of similar length under a budget of sub-words, so that little of a batch is padding."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from training.engine.align import IGNORED, Piece

JITTER = 0.05  # by how much a length may be misjudged when training batches are made up, so that neighbours change


def by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group indices into batches of at most `budget` padded sub-words, longest first (the worst comes at once).

    A piece that is longer than the budget is a batch by itself.
    """
    return _grouped(lengths, np.argsort(-np.asarray(lengths), kind="stable"), budget)


def for_epochs(lengths: Sequence[int], budget: int, epochs: int, seed: int) -> list[list[list[int]]]:
    """Make up the batches of each epoch: similar lengths together, other company each time, batches in random order."""
    random = np.random.default_rng(seed)
    plan = []
    for _ in range(epochs):
        misjudged = np.asarray(lengths) * random.uniform(1 - JITTER, 1 + JITTER, len(lengths))
        batches = _grouped(lengths, np.argsort(misjudged), budget)
        plan.append([batches[i] for i in random.permutation(len(batches))])
    return plan


def _grouped(lengths: Sequence[int], order: NDArray[np.intp], budget: int) -> list[list[int]]:
    batches: list[list[int]] = []
    longest = 0
    for index in order.tolist():
        longest = max(longest, lengths[index])
        if not batches or longest * (len(batches[-1]) + 1) > budget:
            batches.append([])
            longest = lengths[index]
        batches[-1].append(index)
    return batches


def collate(pieces: Sequence[Piece], pad_id: int) -> dict[str, torch.Tensor]:
    """Pad pieces to the longest of them: `input_ids` and `attention_mask`, (pieces, longest)."""
    ids = padded([piece.input_ids for piece in pieces], pad_id)
    mask = padded([np.ones(len(piece.input_ids), dtype=np.int64) for piece in pieces], 0)
    return {"input_ids": ids, "attention_mask": mask}


def collate_targets(examples: Sequence[tuple[Piece, NDArray[np.int64]]], pad_id: int) -> dict[str, Any]:
    """Pad pieces with their targets: as `collate`, with `labels` (pieces, longest)."""
    batch = collate([piece for piece, _ in examples], pad_id)
    return {**batch, "labels": padded([target for _, target in examples], IGNORED)}


def collate_states(examples: Sequence[tuple[torch.Tensor, NDArray[np.int64]]]) -> dict[str, Any]:
    """Pad what the lower layers made of pieces, with their targets: `stack_states` and `labels` (pieces, longest)."""
    batch = stack_states([states for states, _ in examples])
    return {**batch, "labels": padded([target for _, target in examples], IGNORED)}


def stack_states(states: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Pad states of (sub-words, width): `inputs_embeds` (pieces, longest, width) and `attention_mask`."""
    return {
        "inputs_embeds": torch.nn.utils.rnn.pad_sequence(list(states), batch_first=True),
        "attention_mask": padded([np.ones(len(rows), dtype=np.int64) for rows in states], 0),
    }


def padded(rows: Sequence[ArrayLike], fill: int) -> torch.Tensor:
    """Stack rows of unlike length into (rows, longest), filled up with `fill`."""
    arrays = [np.asarray(row) for row in rows]
    result = np.full((len(arrays), max(map(len, arrays))), fill, dtype=np.int64)
    for row, values in zip(result, arrays, strict=True):
        row[: len(values)] = values
    return torch.from_numpy(result)
