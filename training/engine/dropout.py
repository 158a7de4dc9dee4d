"""Dropout that costs little on a processor, where drawing a random number for each value takes a seventh of a step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

WITHIN_ATTENTION = ("attention.self.dropout", "attention.dropout")
LEVELS = 256  # of a random byte: a share is met within 0.2 %


class ByteDropout(nn.Module):
    """Dropout that draws a byte for each value, where torch draws a word."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.p = share  # as torch's has it: some attention asks its dropout for it
        self.dropped = round(share * LEVELS)
        self.scale = LEVELS / (LEVELS - self.dropped)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.dropped:
            return values
        words = torch.empty(-(-values.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.uint8)[: values.numel()].view(values.shape)
        return values * ((drawn >= self.dropped).to(values.dtype) * self.scale)


@contextmanager
def quick_dropout(model: Any) -> Iterator[None]:
    """Inside the `with`, a model on a processor draws bytes, and none within its attention: without, attention is
    computed in one piece. Both are as they were afterwards.
    """
    if model.device.type != "cpu":
        yield
        return
    before = {name: module for name, module in model.named_modules() if type(module) is nn.Dropout}
    shares = {name: module.p for name, module in before.items()}
    try:
        for name, module in before.items():
            if name.endswith(WITHIN_ATTENTION) and model.config._attn_implementation == "sdpa":
                module.p = 0.0
            elif 0 < module.p < 1:
                model.set_submodule(name, ByteDropout(module.p))
        yield
    finally:
        for name, module in before.items():
            module.p = shares[name]
            model.set_submodule(name, module)
