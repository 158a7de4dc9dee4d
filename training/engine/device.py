"""What the engine computes on, and how it behaves there."""

import os
from typing import Any

import torch
import transformers


def pick() -> torch.device:
    """Choose the GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cores() -> int:
    """Count the cores this process may use, which a container or `taskset` can make fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prepare() -> torch.device:
    """Settle threads and silence for this process, and choose the device."""
    torch.set_num_threads(cores())
    logging: Any = transformers.logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return pick()


def half_precision() -> torch.dtype:
    """Choose what to compute half as exactly in, where that is quicker: with bfloat16 nothing overflows."""
    return torch.float16 if torch.cuda.is_available() and not torch.cuda.is_bf16_supported() else torch.bfloat16


def describe(on: torch.device) -> str:
    """Name the device for people: the GPU's name, or the processor with its threads."""
    if on.type == "cuda":
        return torch.cuda.get_device_name(on)
    return f"cpu, {torch.get_num_threads()} threads"
