import os

import pytest
import torch

from training.engine import device
from training.engine.device import cores  # as it is, not as the other tests have it


def test_the_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5})
    assert cores() == 3


def test_torch_computes_with_as_many_threads_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setattr(device, "cores", lambda: 3)
        on = device.prepare()
        assert torch.get_num_threads() == 3
        assert device.describe(torch.device("cpu")) == "cpu, 3 threads"
        assert on.type in ("cpu", "cuda")
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("gpu", "brain", "expected"), [(False, False, None), (True, True, "bfloat16"), (True, False, "float16")]
)
def test_half_of_the_precision_is_for_gpus(
    gpu: bool, brain: bool, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: brain or including_emulation)
    assert device.mixed_precision() == (getattr(torch, expected) if expected else None)
