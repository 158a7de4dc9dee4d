import hashlib
import pickle
from pathlib import Path

import pytest

from tests.training.engine.tiny import make_article, tiny_roberta
from training.engine import encoders, shelf
from training.engine.align import pieces
from training.engine.encoders import DEFAULT, EncoderError, default_encoder


def test_the_packaged_encoder_is_the_one_we_know() -> None:
    folder = default_encoder()
    assert (folder / "model.safetensors").is_file()
    tokenizer = encoders.load_tokenizer(encoders.locate(DEFAULT))
    assert encoders.longest_input(str(folder), tokenizer) == 512
    (piece,) = pieces(tokenizer, [make_article("Kowalczyk")], 64)
    assert tokenizer.convert_ids_to_tokens(piece.input_ids.tolist()) == [
        "[CLS]",
        "ko",
        "##wal",
        "##cz",
        "##yk",
        "[SEP]",
    ]


def test_weights_are_hashed_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    default_encoder()
    monkeypatch.setattr(encoders, "check_weights", lambda *args: pytest.fail("hashed again"))
    assert default_encoder().is_dir()


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    encoders.check_weights(weights, hashlib.sha256(b"weights").hexdigest())
    weights.write_bytes(b"weighty")
    with pytest.raises(EncoderError, match="not the ones we know"):
        encoders.check_weights(weights, hashlib.sha256(b"weights").hexdigest())


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"no model\.safetensors"):
        encoders.check_weights(tmp_path / "model.safetensors", "0" * 64)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "DEFAULT", "no-such-encoder")
    default_encoder.cache_clear()
    with pytest.raises(EncoderError, match="the package no-such-encoder is missing"):
        default_encoder()


def test_pickled_weights_are_never_loaded(encoder: Path, tmp_path: Path) -> None:
    for path in encoder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        encoders.load_model(str(tmp_path), ["O"])


def test_a_folder_without_a_tokenizer_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="tokenizer"):
        encoders.load_tokenizer(str(tmp_path))


@pytest.mark.parametrize("content", [None, "{", '{"model_type": "no-such-type"}'])
def test_a_missing_or_broken_configuration_is_told_in_words(encoder: Path, tmp_path: Path, content: str | None) -> None:
    tokenizer = encoders.load_tokenizer(str(encoder))
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(EncoderError, match=r"configuration of .* cannot be loaded"):
        encoders.longest_input(str(tmp_path), tokenizer)


def test_positions_that_start_behind_the_padding_are_counted_off(tmp_path: Path) -> None:
    folder = str(tiny_roberta(tmp_path))
    tokenizer = encoders.load_tokenizer(folder)
    tokenizer.model_max_length = 10**30
    assert encoders.longest_input(folder, tokenizer) == 64
