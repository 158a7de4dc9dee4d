import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import settings as hypothesis

from annotate.queue import connection
from config import valkey
from config.supervisor import Child, Supervisor

# How long an example takes says more of the machine than of the code.
hypothesis.register_profile("tagdesk", deadline=None)
hypothesis.load_profile("tagdesk")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="where the browser test puts pictures of the pages")


def pytest_collection_finish() -> None:
    """Each training asks for a collection of garbage: let it go through what the tests make, not through libraries."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def shared_data() -> Path:
    """The real articles that lie beside the repository where it is developed."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the articles are not here: {SHARED_DATA} is no folder")
    return SHARED_DATA


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


@pytest.fixture(scope="session")
def queue_server() -> Iterator[Child]:
    """A real embedded Valkey, the one that the settings of the tests name."""
    folder = settings.TAGDESK_DATA / "queue"
    command = valkey.prepare(folder, settings.TAGDESK_QUEUE_SOCKET, settings.TAGDESK_QUEUE_SECRET)
    child = Child("The queue server", command, folder=folder)
    supervisor = Supervisor(print)
    supervisor.start([child])
    assert supervisor.wait(lambda: valkey.answers(settings.REDIS_URL), 20, child), valkey.last_words(folder)
    yield child
    supervisor.end()


@pytest.fixture
def queue(queue_server: Child) -> Any:
    """A client of the real queue, which is empty."""
    connection().flushdb()
    return connection()
