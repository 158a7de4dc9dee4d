import socket
from pathlib import Path
from typing import NoReturn

import pytest

from tests.training.engine.tiny import tiny_bert
from training.engine import device


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> NoReturn:
        raise AssertionError(f"the engine tried to reach {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models this small gain nothing from two threads, and lose all where another process has the other core."""
    monkeypatch.setattr(device, "cores", lambda: 1)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoder"))
