"""ONNX Runtime computes what torch computes, for each family of encoders, or says in words that it does not."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.engine.families import FAMILIES, build
from tests.training.engine.test_train import FIVE
from training.engine import encoders, onnx
from training.engine.articles import Article
from training.engine.onnx import NotExported, OnnxPredictor
from training.engine.predict import Predictor

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
ODD = Article("odd", ["Ada", "x" * 600, "\u200b", "met", "🦊"] * 9, [], [0])


RARER = {"MiniLM", "ELECTRA", "DistilBERT", "XLM-R", "DeBERTa", "DeBERTa v2"}


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.slow] * (name in RARER)) for name in FAMILIES]
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of the family, with a head."""
    folder = build(request.param, tmp_path_factory.mktemp("family"))
    torch.manual_seed(0)
    encoders.load_model(str(folder), TAGS).save_pretrained(folder)
    return folder


def test_the_scores_are_those_of_torch_whatever_the_batch(model: Path, tmp_path: Path) -> None:
    onnx.export(model, tmp_path / "exact")
    ours, torchs = OnnxPredictor.load_file(model, tmp_path / "exact"), Predictor.load(model)
    assert (ours.tags, ours.window) == (torchs.tags, torchs.window)
    for articles in ([*FIVE, ODD], FIVE[:1], [ODD, ODD]):
        for one, other in zip(ours.scores(articles), torchs.scores(articles), strict=True):
            assert one == pytest.approx(other, abs=1e-4)


@pytest.fixture
def small(encoder: Path, tmp_path: Path) -> Path:
    """A random BERT with a head, beside the files that a test makes."""
    folder = shutil.copytree(encoder, tmp_path / "model")
    encoders.load_model(str(encoder), TAGS).save_pretrained(folder)
    return folder


def test_eight_bits_are_near(small: Path, tmp_path: Path) -> None:
    onnx.export(small, tmp_path / "exact")
    onnx.quantize(tmp_path / "exact", tmp_path / "int8")
    exact = OnnxPredictor.load_file(small, tmp_path / "exact").scores(FIVE)
    near = OnnxPredictor.load_file(small, tmp_path / "int8").scores(FIVE)
    off = max(float(np.abs(one - other).max()) for one, other in zip(exact, near, strict=True))
    assert 0 < off < 0.5


def test_a_file_is_there_whole_or_not_at_all(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise AssertionError("no such operator")

    monkeypatch.setattr(onnx, "_fuse", fail)
    with pytest.raises(NotExported, match="cannot be written for ONNX Runtime"):
        onnx.export(small, tmp_path / "exact")
    assert list(tmp_path.iterdir()) == [small]


def test_what_computes_something_else_is_refused(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "_run", lambda session, ids, mask: np.zeros((*ids.shape, len(TAGS)), dtype=np.float32))
    with pytest.raises(NotExported, match="something else than torch does"):
        onnx.export(small, tmp_path / "exact")
    assert list(tmp_path.iterdir()) == [small]


def test_a_broken_file_is_told_in_words(small: Path, tmp_path: Path) -> None:
    (tmp_path / "exact").write_bytes(b"no model")
    with pytest.raises(NotExported, match="ONNX Runtime cannot load it"):
        OnnxPredictor.load_file(small, tmp_path / "exact")


@pytest.mark.parametrize("cores", [1, 2, 4, 16])
@pytest.mark.parametrize("count", [1, 4, 9, 33, 200])
def test_all_cores_end_at_about_the_same_time(cores: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = OnnxPredictor.__new__(OnnxPredictor)
    predictor.budget = onnx.TOKEN_BUDGET
    monkeypatch.setattr("training.engine.device.cores", lambda: cores)
    lengths = [90 + 7 * i % 39 for i in range(count)]
    busy = [0] * cores
    for batch in predictor._batches(lengths):
        first_free = busy.index(min(busy))
        busy[first_free] += max(lengths[i] for i in batch) * len(batch)
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= onnx.TOKEN_BUDGET
    assert max(busy) <= 1.1 * sum(lengths) / cores + max(lengths) * (1 if count < 100 else 4)


def test_a_batch_that_fails_ends_all(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx.export(small, tmp_path / "exact")
    predictor = OnnxPredictor.load_file(small, tmp_path / "exact")
    monkeypatch.setattr("training.engine.device.cores", lambda: 2)
    predictor.budget = 1
    begun: list[int] = []

    def fail(batch: Any) -> None:
        begun.append(1)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(predictor, "_logits", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        predictor.predict([FIVE[0]._replace(key=str(i)) for i in range(100)])
    assert len(begun) <= onnx.AHEAD * 2 + 2


def test_what_was_not_begun_is_left_when_stopped(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx.export(small, tmp_path / "exact")
    predictor = OnnxPredictor.load_file(small, tmp_path / "exact")
    monkeypatch.setattr("training.engine.device.cores", lambda: 1)
    computed: list[int] = []
    logits = predictor._logits

    def counted(batch: Any) -> Any:
        computed.append(1)
        return logits(batch)

    monkeypatch.setattr(predictor, "_logits", counted)
    predictor.budget = 1

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    many = [FIVE[0]._replace(key=str(i)) for i in range(500)]
    with pytest.raises(KeyboardInterrupt):
        predictor.predict(many, stop)
    assert len(computed) <= onnx.AHEAD + 2
