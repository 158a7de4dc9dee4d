import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.training.engine.families import FAMILIES, build
from training.engine import checking
from training.engine.progress import Progress
from training.engine.shelf import EncoderError


def nothing(progress: Progress) -> None:
    """Hear of progress, and do nothing."""


@pytest.fixture
def folder(encoder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(encoder, tmp_path / "bert"))


def configure(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_family_passes(name: str, tmp_path: Path) -> None:
    found = checking.check(str(build(name, tmp_path)), nothing)
    assert (found.window, found.facts.tags) == (64, [])


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="is not there"):
        checking.check(str(tmp_path / "none"), nothing)


def test_a_model_that_cannot_tag_words_is_told(folder: Path) -> None:
    configure(folder, model_type="clip")
    with pytest.raises(EncoderError, match="of the kind clip cannot tag words"):
        checking.check(str(folder), nothing)


def test_a_model_that_brings_code_is_refused_and_nothing_of_it_runs(folder: Path) -> None:
    (folder / "modeling_mine.py").write_text("raise SystemExit('a stranger was here')")
    configure(folder, model_type="mine", auto_map={"AutoModelForTokenClassification": "modeling_mine.Mine"})
    with pytest.raises(EncoderError, match="runs no stranger's code"):
        checking.check(str(folder), nothing)


def test_a_kind_that_nobody_knows_is_told(folder: Path) -> None:
    configure(folder, model_type="mine")
    with pytest.raises(EncoderError, match="kind mine, which is not known here"):
        checking.check(str(folder), nothing)


def test_weights_of_another_model_are_told(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(
        {f"other.{name}": tensor for name, tensor in weights.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(EncoderError, match="are not those of such a model"):
        checking.check(str(folder), nothing)


def test_weights_of_another_size_are_told(folder: Path) -> None:
    configure(folder, intermediate_size=48)
    with pytest.raises(EncoderError, match="are not those of such a model"):
        checking.check(str(folder), nothing)


def test_weights_that_are_no_safetensors_are_told(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        checking.check(str(folder), nothing)


def test_weights_that_compute_no_numbers_are_told(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("output.dense.weight"))
    weights[name] = torch.full_like(weights[name], torch.nan)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(EncoderError, match="no numbers"):
        checking.check(str(folder), nothing)
