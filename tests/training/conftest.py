import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from annotate import queue
from annotate.models import Project
from annotate.queue import Workers
from tests.make import make_document, make_project
from tests.training.fake_queue import FakeQueue, Rung
from tests.training.runs import make_version
from training import gazetteers, predictions
from training.folders import folder_of
from training.models import Version


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.training.engine.tiny import tiny_bert

    return tiny_bert(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def model_by_heart(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that knows five sentences, each sub-word of them."""
    from tests.training.engine.test_train import run, settings_for

    return run(settings_for(encoder, all_subwords=True), tmp_path_factory.mktemp("by_heart") / "v1").folder


@pytest.fixture
def by_heart(project: Project, model_by_heart: Path) -> Version:
    """It, as the project's current version."""
    version = make_version(project, current=True)
    shutil.copytree(model_by_heart, folder_of(version))
    return version


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models this small gain nothing from two threads, and lose all where another process has the other core."""
    from training.engine import device

    monkeypatch.setattr(device, "cores", lambda: 1)


@pytest.fixture(autouse=True)
def nothing_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions and gazetteers of the test before have the same ids."""
    predictions._warm.clear()
    gazetteers._in_words.cache_clear()


@pytest.fixture(autouse=True)
def no_models() -> None:
    """Nor does any test begin with the folders of the one before."""
    shutil.rmtree(settings.TAGDESK_DATA / "models", ignore_errors=True)


@pytest.fixture
def project(user: User) -> Project:
    """Of the person who is signed in: one finished article to learn from, one held out."""
    project = make_project(manager=user)
    make_document("Ada met Bob.", project, finished=True, PER="Ada Bob")
    make_document("Bob left.", project, finished=True, split="validation", PER="Bob")
    return project


@pytest.fixture
def page(signed_in: Client) -> Callable[..., str]:
    def get(address: str, headers: dict[str, str] | None = None) -> str:
        response = signed_in.get(address, headers=headers)
        assert response.status_code == 200
        return " ".join(response.content.decode().split())

    return get


@pytest.fixture
def newsroom(transactional_db: None) -> Project:
    """Three finished articles to learn from, two held out, and some that nobody has tagged. Threads see it too."""
    return furnish(make_project("Newsroom", ["PER", "LOC"]))


def furnish(project: Project) -> Project:
    for text in ("Ada met Bob in Paris.", "Bob visited Oslo.", "Nobody came."):
        make_document(text, project, finished=True, PER="Ada Bob", LOC="Paris Oslo")
    for text in ("Ada visited Oslo.", "Bob met Ada."):
        make_document(text, project, finished=True, split="validation", PER="Ada Bob", LOC="Oslo")
    for number in range(4):
        make_document(f"Ada met Bob in Paris, {number} times.", project)
    for split in ("validation", "test", "aside"):
        make_document(f"Bob visited {split}.", project, split=split)
    return project


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    fake = FakeQueue()
    monkeypatch.setattr(queue, "enqueue", fake.enqueue)
    monkeypatch.setattr(queue, "position", lambda *args: fake.answer(fake.place))
    monkeypatch.setattr(queue, "length", lambda *args: fake.answer(fake.waiting))
    monkeypatch.setattr(queue, "workers_seen", lambda *args: fake.answer(Workers(fake.workers, None, fake.starting)))
    return fake


@pytest.fixture
def rung(bell: FakeQueue) -> Rung:
    """What is sent to workers, who take it at once and do nothing."""
    bell.place = None
    return bell.rung
