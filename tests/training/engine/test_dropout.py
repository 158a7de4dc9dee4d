"""Dropout as it is done in training on a processor."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from torch import nn

from tests.training.engine.families import FAMILIES, build
from training.engine.dropout import ByteDropout, quick_dropout
from training.engine.encoders import EncoderError, load_model

TAGS = ["O", "B-PER", "I-PER"]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_that_share_is_dropped_and_the_rest_makes_up_for_it(share: float) -> None:
    torch.manual_seed(1)
    given = torch.ones(501, 1003)
    found = ByteDropout(share).train()(given)
    assert float((found == 0).float().mean()) == pytest.approx(share, abs=0.005)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.005)
    assert len(found.unique()) == 2
    places = (found == 0).float()
    assert float(places.mean(dim=0).std()) < 0.05  # no column is dropped more than others


def test_what_is_dropped_is_dropped_from_the_gradient_and_a_seed_says_what() -> None:
    dropout = ByteDropout(0.3).train()
    values = torch.ones(64, 33, requires_grad=True)
    torch.manual_seed(7)
    first = dropout(values)
    first.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, first.detach())
    torch.manual_seed(7)
    assert torch.equal(dropout(values), first)
    assert not torch.equal(dropout(values), first)


def test_nothing_is_dropped_where_nothing_is_learnt() -> None:
    given = torch.ones(5, 7)
    assert ByteDropout(0.5).eval()(given) is given
    assert ByteDropout(0.0).train()(given) is given


def look(model: Any) -> NoReturn:
    modules = dict(model.named_modules())
    assert not [name for name, module in modules.items() if type(module) is nn.Dropout and module.p]
    drawn = [name for name, module in modules.items() if isinstance(module, ByteDropout)]
    within = [name for name in drawn if "attention" in name and name.endswith(".dropout") and ".output." not in name]
    assert drawn
    assert model.config._attn_implementation != "sdpa" or not within
    raise EncoderError


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_has_its_own_dropout_again_whatever_happens(family: str, tmp_path: Path) -> None:
    model = load_model(str(build(family, tmp_path)), TAGS)
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.p = 0.25
    before = [(name, module, getattr(module, "p", None)) for name, module in model.named_modules()]
    with pytest.raises(EncoderError), quick_dropout(model):
        look(model)
    assert [(name, module, getattr(module, "p", None)) for name, module in model.named_modules()] == before
