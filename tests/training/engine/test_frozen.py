"""The lower part of an encoder, left as it is and read once."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from transformers import AutoModelForTokenClassification

from tests.training.engine.families import FAMILIES, build
from tests.training.engine.test_train import FIVE, run, settings_for
from tests.training.engine.tiny import tiny_bert
from training.engine import device, frozen
from training.engine.align import pieces
from training.engine.encoders import EncoderError, load_model, load_tokenizer

# Of the families in the tests; their ELECTRA has embeddings narrower than its layers.
READ_ONCE = {"bert", "distilbert", "roberta", "xlm-roberta"}
TAGS = ["O", "B-PER", "I-PER"]


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(request.param, tmp_path_factory.mktemp("family"))


def test_frozen_layers_stay_as_they_are_and_the_rest_learns(family: Path, tmp_path: Path) -> None:
    folder = run(settings_for(family, epochs=2, frozen_share=0.5), tmp_path / "v1").folder
    before, after = weights(family), weights(folder)
    lowest = [name for name in before if ".0." in name or "embeddings." in name]
    assert lowest
    assert all(bool((before[name] == after[name]).all()) for name in lowest if "rel_embeddings" not in name)
    higher = [name for name in before if (".1." in name or ".2." in name) and name.endswith("weight")]
    assert any(bool((before[name] != after[name]).any()) for name in higher)


@pytest.mark.parametrize("share", [{"frozen_share": 0.5}, {"frozen_at_last": 0.5}])
def test_what_is_read_once_teaches_what_reading_at_every_step_teaches(
    encoder: Path, tmp_path: Path, share: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder of the test has no dropout, so both ways see the same."""
    settings = settings_for(encoder, epochs=5, **share)
    once = run(settings, tmp_path / "once")
    monkeypatch.setattr(frozen, "MOST_STORED", 0)
    always = run(settings, tmp_path / "always")
    assert once.result.manifest["losses"] == pytest.approx(always.result.manifest["losses"], abs=1e-4)
    one, other = weights(once.folder), weights(always.folder)
    assert list(one) == list(other)
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


def read_and_stop(below: frozen.Frozen, once: bool) -> NoReturn:
    """Read by two of the three layers at last."""
    below.rise(2)
    assert (below.states is not None) == once
    if below.states is not None:
        assert below.states[0].shape == (len(below.pieces[0].input_ids), below.states[1].shape[1])
    raise EncoderError


def test_the_lower_part_reads_in_the_precision_of_the_training(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(encoder), TAGS)
    parts = pieces(load_tokenizer(str(encoder)), FIVE, 32)
    monkeypatch.setattr(device, "mixed_precision", lambda: torch.bfloat16)
    with frozen.leaving(model, 1, parts, 0) as below:
        half = states_of(below, 0)
    monkeypatch.undo()
    with frozen.leaving(model, 1, parts, 0) as below:
        whole = states_of(below, 0)
    assert half.dtype == whole.dtype == torch.float32
    assert not torch.equal(half, whole)
    assert torch.allclose(half, whole, atol=0.05)


def states_of(below: frozen.Frozen, index: int) -> torch.Tensor:
    assert below.states is not None
    return below.states[index]


def test_the_model_is_whole_again_whatever_happens(family: Path) -> None:
    model, tokenizer = load_model(str(family), TAGS), load_tokenizer(str(family))
    parts = pieces(tokenizer, FIVE, 32)
    names = [name for name, _ in model.named_parameters()]
    once = model.config.model_type in READ_ONCE
    with pytest.raises(EncoderError), frozen.leaving(model, 1, parts, 0) as below:
        read_and_stop(below, once)
    assert [name for name, _ in model.named_parameters()] == names


def test_training_freezes_more_as_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer learns until it is frozen, and not at all from then on."""
    encoder = tiny_bert(tmp_path / "encoder", layers=4)
    then: dict[int, dict[str, Any]] = {}
    rise = frozen.Frozen.rise

    def noted(below: frozen.Frozen, count: int) -> None:
        for layer in range(below.count, count):
            then[layer] = {name: weight.clone() for name, weight in below.layers[layer].state_dict().items()}
        rise(below, count)

    monkeypatch.setattr(frozen.Frozen, "rise", noted)
    settings = settings_for(encoder, epochs=6, frozen_share=0.25, frozen_at_last=0.75)
    folder = run(settings, tmp_path / "v1").folder
    before, after = weights(encoder), weights(folder)
    assert list(then) == [0, 1, 2]
    for layer, frozen_as in then.items():
        for name, weight in frozen_as.items():
            place = f"encoder.layer.{layer}.{name}"
            assert torch.equal(weight, after[place]), place
            assert layer == 0 or not name.endswith("weight") or not torch.equal(weight, before[place]), place
    assert not torch.equal(after["encoder.layer.3.output.dense.weight"], before["encoder.layer.3.output.dense.weight"])


def test_what_is_frozen_later_reads_what_it_would_have_read_in_one_piece(tmp_path: Path) -> None:
    encoder = tiny_bert(tmp_path / "encoder", layers=4)
    parts = pieces(load_tokenizer(str(encoder)), FIVE, 32)

    def read_by(steps: list[int]) -> list[torch.Tensor]:
        model = load_model(str(encoder), TAGS)
        with frozen.leaving(model, steps[0], parts, 0) as below:
            for count in steps[1:]:
                before = below.states
                assert before is not None
                before[0]
                below.rise(count)
                assert below.states is not None
                below.states[0]
                assert 0 not in before.read  # kept once
            assert below.states is not None
            return [below.states[i] for i in range(len(parts))]

    expected = read_by([3])
    for steps in ([1, 3], [1, 2, 3]):
        assert all(torch.equal(one, other) for one, other in zip(read_by(steps), expected, strict=True))


def test_more_is_frozen_in_even_steps() -> None:
    shares = [step / 10 for step in range(11)]
    assert [frozen.frozen_after(share, 2, 4) for share in shares] == [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4]
    assert {frozen.frozen_after(share, 2, 2) for share in shares} == {2}
    assert {frozen.frozen_after(share, 3, 1) for share in shares} == {3}


def test_at_least_one_layer_learns(encoder: Path) -> None:
    model = load_model(str(encoder), TAGS)
    count = frozen.frozen_layers(model, 1.0)
    with frozen.leaving(model, count, pieces(load_tokenizer(str(encoder)), FIVE, 32), 0):
        assert count == 1
    learns = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name.split(".")[3] for name in learns if ".layer." in name} == {"1"}
    assert not any("embeddings" in name for name in learns)


def test_nothing_is_read_before_it_is_wanted_and_nothing_twice(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "TOKEN_BUDGET", 32)
    model, tokenizer = load_model(str(encoder), TAGS), load_tokenizer(str(encoder))
    parts = pieces(tokenizer, FIVE, 32)
    with frozen.leaving(model, 1, parts, 0) as below:
        states = below.states
        assert states is not None
        calls: list[int] = []
        states.lower.register_forward_hook(lambda *_: calls.append(1))
        first = states[0]
        assert (len(calls), 0 < len(states.read) < len(parts)) == (1, True)
        assert states[0] is first
        assert len(calls) == 1
        assert [len(states[i]) for i in range(len(parts))] == [len(part.input_ids) for part in parts]
        assert len(calls) == len({id(batch) for batch in states.batch_of.values()})


def weights(folder: Path) -> dict[str, Any]:
    """The weights below the head."""
    model = AutoModelForTokenClassification.from_pretrained(folder)
    return dict(model.base_model.state_dict())
