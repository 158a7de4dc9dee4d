"""What the engine computes on, and how it behaves there."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import transformers

from training.engine import ranks


def pick() -> torch.device:
    """Choose the GPU where there is one, the first or this process's own, else the processor."""
    return torch.device("cuda", ranks.place()) if torch.cuda.is_available() else torch.device("cpu")


def gpus() -> int:
    """Count the GPUs."""
    return torch.cuda.device_count()


def cores() -> int:
    """Count the cores this process may use, which a container or `taskset` can make fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prepare() -> torch.device:
    """Settle threads and silence for this process, and choose the device."""
    torch.set_num_threads(max(1, cores() // ranks.count()))
    logging: Any = transformers.logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return pick()


def half_precision() -> torch.dtype:
    """Choose what to compute half as exactly in, where that is quicker: with bfloat16 nothing overflows."""
    return torch.float16 if torch.cuda.is_available() and not _has_bfloat16() else torch.bfloat16


def _has_bfloat16() -> bool:
    """Whether the GPU computes with it itself: what is emulated is slow."""
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def mixed_precision() -> torch.dtype | None:
    """Choose what a training computes its large products in: half of the precision on a GPU, where that is several
    times as quick; the usual one on a processor. Weights and optimiser keep the usual one.
    """
    return half_precision() if torch.cuda.is_available() else None


def mixed() -> AbstractContextManager[Any]:
    """Inside the `with`, what is read is computed as a training computes it."""
    half = mixed_precision()
    return nullcontext() if half is None else torch.autocast(pick().type, half)


def describe(on: torch.device) -> str:
    """Name the device for people: the GPU's name, with how many of it, or the processor with its threads."""
    if on.type == "cuda":
        name = torch.cuda.get_device_name(on)
        return name if ranks.count() == 1 else f"{ranks.count()} × {name}"
    return f"cpu, {torch.get_num_threads()} threads"
