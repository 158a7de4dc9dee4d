"""Encoders that are fetched: from a hub of the test's own, or from none that answers."""

import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.training.fake_hub import FakeHub, serving
from training.engine import checking, encoders, hub, shelf
from training.engine.progress import Progress, Stopped
from training.engine.shelf import EncoderError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def fake_hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serving() as fake:
        reach(fake.address, monkeypatch)
        yield fake


def reach(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")


def nothing(progress: Progress) -> None:
    """Hear of progress, and do nothing."""


def copy(encoder: Path, folder: Path) -> Path:
    return Path(shutil.copytree(encoder, folder, dirs_exist_ok=True))


def test_an_encoder_is_fetched_checked_and_then_lies_here(fake_hub: FakeHub, encoder: Path, tmp_path: Path) -> None:
    folder = copy(encoder, tmp_path / "tiny")
    (folder / "pytorch_model.bin").write_bytes(b"code")
    (folder / "README.md").write_text("---\nlicense: mit\nlanguage: [en, de]\n---\n# Tiny\n")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    fake_hub.folders["ada/tiny"] = folder
    heard: list[Progress] = []
    found = checking.check("ada/tiny", heard.append)
    assert (found.facts.family, found.facts.layers, found.facts.licence) == ("bert", 2, "mit")
    assert (found.facts.languages, found.facts.tags, found.window) == (["en", "de"], [], 64)
    assert {progress.phase for progress in heard} == {"asking", "fetching", "trying"}
    assert not {"pytorch_model.bin", "onnx/config.json"} & set(fake_hub.fetched)
    assert shelf.cached_names() == ["ada/tiny"]


def test_what_lies_here_is_used_without_asking_the_hub(
    fake_hub: FakeHub, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.folders["ada/tiny"] = encoder
    first = encoders.locate("ada/tiny")
    monkeypatch.setattr(hub, "fetch", lambda *args: pytest.fail("asked again"))
    assert encoders.locate("ada/tiny") == first


def test_weights_in_pieces_that_have_not_all_arrived_are_not_here(
    fake_hub: FakeHub, encoder: Path, tmp_path: Path
) -> None:
    fake_hub.folders["ada/tiny"] = copy(encoder, tmp_path / "tiny")
    (tmp_path / "tiny" / "model.safetensors.index.json").write_text('{"weight_map": {"x": "model-2.safetensors"}}')
    with pytest.raises(EncoderError, match="not all of it has arrived"):
        hub.fetch("ada/tiny", nothing)
    assert shelf.cached_names() == []


@pytest.mark.parametrize(
    ("removed", "added", "message"),
    [
        ("config.json", "README.md", "ada/tiny holds no encoder"),
        ("model.safetensors", "pytorch_model.bin", "can run a stranger's code"),
        ("tokenizer.json", "README.md", "ada/tiny has no tokenizer"),
    ],
)
def test_what_cannot_be_of_use_is_not_fetched(
    fake_hub: FakeHub, encoder: Path, tmp_path: Path, removed: str, added: str, message: str
) -> None:
    folder = copy(encoder, tmp_path / "tiny")
    (folder / removed).unlink()
    (folder / added).write_bytes(b"")
    fake_hub.folders["ada/tiny"] = folder
    with pytest.raises(EncoderError, match=message):
        checking.check("ada/tiny", nothing)
    assert fake_hub.fetched == []


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [
        (401, "RepoNotFound", "has no model ada/tiny that anybody may read.* If it is private"),
        (403, "GatedRepo", "ask that their terms are accepted first.*HF_TOKEN"),
        (503, "", "answered with error 503"),
    ],
)
def test_a_refusal_of_the_hub_is_told_in_words(fake_hub: FakeHub, status: int, word: str, message: str) -> None:
    fake_hub.refusals["ada/tiny"] = (status, word)
    with pytest.raises(EncoderError, match=message):
        checking.check("ada/tiny", nothing)


def test_a_hub_that_is_not_there_is_told_in_words(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reach("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(EncoderError, match="cannot be reached from this machine, and ada/tiny is not here"):
        checking.check("ada/tiny", nothing)


def test_a_hub_that_takes_the_call_and_never_answers_is_given_up(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ANSWERS_WITHIN", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        reach(f"http://127.0.0.1:{silent.getsockname()[1]}", monkeypatch)
        began = time.monotonic()
        with pytest.raises(EncoderError, match="cannot be reached"):
            checking.check("ada/tiny", nothing)
        assert time.monotonic() - began < 10


def test_offline_by_choice_is_told_as_that(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match="HF_HUB_OFFLINE"):
        checking.check("ada/tiny", nothing)


def test_a_hub_that_stops_sending_is_given_up(
    fake_hub: FakeHub, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.folders["ada/tiny"] = encoder
    monkeypatch.setattr(hub, "snapshot_download", lambda *args, **others: time.sleep(5))
    monkeypatch.setattr(hub, "STALLED_AFTER", 0.2)
    monkeypatch.setattr(hub, "LOOK_EVERY", 0.05)
    with pytest.raises(EncoderError, match="stopped sending ada/tiny"):
        hub.fetch("ada/tiny", nothing)


def test_fetching_stops_where_somebody_says_so(
    fake_hub: FakeHub, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.folders["ada/tiny"] = encoder
    monkeypatch.setattr(hub, "snapshot_download", lambda *args, **others: time.sleep(5))

    def stop(progress: Progress) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        hub.fetch("ada/tiny", stop)


def test_a_full_disk_is_told_before_anything_is_fetched(
    fake_hub: FakeHub, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.folders["ada/tiny"] = encoder
    monkeypatch.setattr(hub, "SPARE", 1 << 60)
    with pytest.raises(EncoderError, match="Free some space"):
        hub.fetch("ada/tiny", nothing)
    assert fake_hub.fetched == []
