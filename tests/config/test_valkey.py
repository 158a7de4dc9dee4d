import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import AuthenticationError, Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from config import valkey
from config.supervisor import Child, Supervisor

SECRET = "s3cret"


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return Path("/tmp", f"tagdesk-test-{tmp_path.name[-40:]}-{id(tmp_path)}", "valkey.sock")


@pytest.fixture
def url(socket: Path) -> str:
    return f"unix://tagdesk:{SECRET}@{socket}?db=0"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor(print)
    yield supervisor
    supervisor.end()


def start(folder: Path, socket: Path, url: str, supervisor: Supervisor) -> Child:
    child = Child("The queue server", valkey.prepare(folder, socket, SECRET), folder=folder)
    supervisor.start([child])
    assert supervisor.wait(lambda: valkey.answers(url), 20, child), valkey.last_words(folder)
    return child


def test_what_was_queued_is_there_after_a_restart(
    tmp_path: Path, socket: Path, url: str, supervisor: Supervisor
) -> None:
    folder = tmp_path / "a folder with 'quotes\" and é"
    start(folder, socket, url, supervisor)
    Redis.from_url(url).rpush("queue", "job")
    supervisor.end()
    assert not valkey.answers(url)
    start(folder, socket, url, supervisor)
    assert Redis.from_url(url).lrange("queue", 0, -1) == [b"job"]


def test_without_the_secret_one_may_ping_and_no_more(
    tmp_path: Path, socket: Path, url: str, supervisor: Supervisor
) -> None:
    start(tmp_path / "queue", socket, url, supervisor)
    at_once = Retry(NoBackoff(), 0)
    stranger = Redis(unix_socket_path=str(socket), retry=at_once)
    assert stranger.ping()
    with pytest.raises(NoPermissionError):
        stranger.rpush("rq:queue:train", "job")
    with pytest.raises(AuthenticationError):
        Redis(unix_socket_path=str(socket), username="tagdesk", password="guess", retry=at_once).ping()
    assert SECRET not in (tmp_path / "queue" / "users.acl").read_text()


def test_a_server_of_an_earlier_run_is_ended(tmp_path: Path, socket: Path, url: str) -> None:
    folder = tmp_path / "queue"
    command = valkey.prepare(folder, socket, SECRET)
    left_behind = subprocess.Popen(command, cwd=folder, start_new_session=True)
    try:
        while not valkey.answers(url):
            assert left_behind.poll() is None
        assert valkey.end_stale(url)
        assert left_behind.wait(10) == 0
        assert not valkey.end_stale(url)
    finally:
        left_behind.kill()


def test_a_socket_folder_that_anybody_may_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    with pytest.raises(valkey.ValkeyError, match="not a private folder of yours"):
        valkey.prepare(tmp_path / "queue", tmp_path / "run" / "valkey.sock", SECRET)


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(valkey.ValkeyError, match="not a private folder of yours"):
        valkey.prepare(tmp_path / "queue", tmp_path / "run" / "valkey.sock", SECRET)


def test_a_platform_without_a_server_is_told_of_redis_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Plan9")
    with pytest.raises(valkey.ValkeyError, match="REDIS_URL"):
        valkey.prepare(tmp_path / "queue", tmp_path / "run" / "valkey.sock", SECRET)
