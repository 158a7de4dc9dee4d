"""The processes that train one model together, one a GPU, as `accelerate launch` starts them: which of them this is."""

import os
from collections.abc import Sequence
from math import ceil
from typing import TypeVar

import torch

Batch = TypeVar("Batch")


def rank() -> int:
    """Count from 0; the first one scores, saves and reports."""
    return int(os.environ.get("RANK", 0))


def count() -> int:
    return int(os.environ.get("WORLD_SIZE", 1))


def place() -> int:
    """Which of this machine's GPUs is this process's."""
    return int(os.environ.get("LOCAL_RANK", 0))


def share(batches: Sequence[Batch]) -> list[Batch]:
    """Give this process every n-th batch. All have equally many: the last step reads the first batches once more."""
    each = ceil(len(batches) / count())
    return [batches[(rank() + i * count()) % len(batches)] for i in range(each)]


def first_says(yes: bool) -> bool:
    """Do as the first process does, where they would each decide otherwise."""
    if count() == 1:
        return yes
    on = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    said = torch.tensor([yes], dtype=torch.uint8, device=on)
    torch.distributed.broadcast(said, src=0)
    return bool(said.item())


def wait_for_all() -> None:
    if count() > 1:
        torch.distributed.barrier()
