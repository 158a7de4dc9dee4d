"""A run whose process died goes on from its last checkpoint, and ends where it would have ended."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.engine.test_train import FIVE, LABELS, settings_for
from tests.training.engine.tiny import tiny_bert
from training.engine.checkpoints import SEAL, Checkpoints
from training.engine.frozen import Frozen
from training.engine.progress import Progress
from training.engine.recipe import Settings
from training.engine.train import Result, train


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def restless(tmp_path: Path) -> Path:
    """An encoder with dropout: where it goes on with other random numbers, it ends elsewhere."""
    folder = tiny_bert(tmp_path / "encoder", layers=4)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def run(
    settings: Settings,
    folder: Path,
    checkpoints: Checkpoints | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Result:
    return train(settings, LABELS, FIVE, FIVE, folder, on_progress, lambda: False, checkpoints=checkpoints)


def after(step: int) -> Callable[[Progress], None]:
    def die(progress: Progress) -> None:
        if progress.phase == "training" and progress.step >= step:
            raise Died

    return die


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


FREEZING = {"frozen_share": 0.25, "frozen_at_last": 0.75}  # of four layers the second from step 7 on, the third from 13


@pytest.mark.parametrize(
    ("share", "step"), [({}, 12), ({"frozen_share": 0.5}, 12), (FREEZING, 5), (FREEZING, 10), (FREEZING, 15)]
)
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    restless: Path, tmp_path: Path, share: dict[str, float], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.engine.progress.REPORT_EVERY", 0.0)
    settings = settings_for(restless, epochs=8, **share)
    frozen: list[int] = []
    rise = Frozen.rise

    def told(below: Frozen, count: int) -> None:
        rise(below, count)
        frozen.append(below.count)

    monkeypatch.setattr(Frozen, "rise", told)
    whole = run(settings, tmp_path / "whole")
    of_all = frozen[-16:]
    if share is FREEZING:
        assert of_all == [1] * 6 + [2] * 6 + [3] * 4
    kept: list[int] = []
    checkpoints = Checkpoints(tmp_path / "kept", kept.append, every=0.0)
    with pytest.raises(Died):
        run(settings, tmp_path / "cut", checkpoints, after(step))
    assert not (tmp_path / "cut").exists()
    last = checkpoints.last()
    assert last is not None
    assert (last.step, kept[-1]) == (step - 1, step - 1)
    # The older ones are gone.
    assert [folder.name for folder in checkpoints.folder.iterdir()] == [f"checkpoint-{step - 1}"]
    seen: list[Progress] = []
    resumed = run(settings, tmp_path / "cut", checkpoints, seen.append)
    assert next(progress for progress in seen if progress.phase == "training").step == step - 1
    assert frozen[-(17 - step) :] == of_all[step - 1 :]
    assert resumed.manifest["losses"] == whole.manifest["losses"]
    for name, tensor in weights(tmp_path / "whole").items():
        assert torch.equal(tensor, weights(tmp_path / "cut")[name]), name


def test_a_checkpoint_that_was_cut_off_itself_is_none(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.last() is None
    for step in (3, 5):
        (tmp_path / f"checkpoint-{step}").mkdir()
    checkpoints.seal(5, {"losses": []})
    assert checkpoints.last() == (tmp_path / "checkpoint-5", 5, {"losses": []})
    assert not (tmp_path / "checkpoint-3").exists()  # one is enough, once it is whole
    for step in (10, 15):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "checkpoint-10" / SEAL).write_text('{"step": 1')
    assert getattr(checkpoints.last(), "step", None) == 5


def test_short_runs_keep_nothing(restless: Path, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "kept")
    run(settings_for(restless, epochs=2), tmp_path / "model", checkpoints)
    assert not list(tmp_path.glob("kept/*"))


def test_a_run_of_other_steps_is_not_gone_on_with(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes do half the steps of one: what they had done says nothing of what is left."""
    monkeypatch.setattr("training.engine.progress.REPORT_EVERY", 0.0)
    checkpoints = Checkpoints(tmp_path / "kept", every=0.0)
    with pytest.raises(Died):
        run(settings_for(encoder), tmp_path / "cut", checkpoints, after(5))
    last = checkpoints.last()
    assert last is not None
    (last.folder / SEAL).write_text(json.dumps({"step": last.step, "told": {**last.told, "at_once": 2}}))
    seen: list[Progress] = []
    run(settings_for(encoder), tmp_path / "anew", checkpoints, seen.append)
    assert next(progress for progress in seen if progress.phase == "training").step == 0
