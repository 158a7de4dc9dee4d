"""The real thing: `manage.py up` on a data folder of its own, with all its processes."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError

import pytest
from redis import Redis

from config import valkey
from tests.config.watching import eventually

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0  # seconds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for what is left behind")


def environment(data: Path) -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "TAGDESK_DATA": str(data)}


def manage(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(data), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def processes_of(data: Path) -> set[int]:
    """All that runs on this data folder, whoever its parent is now."""
    mark = f"TAGDESK_DATA={data}\0".encode()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # Valkey writes its title over its environment, but stays in its folder.
            if mark in (process / "environ").read_bytes() or (process / "cwd").readlink().is_relative_to(data):
                found.add(int(process.name))
        except OSError:  # it ended while we looked
            continue
    return found


class Up:
    def __init__(self, data: Path) -> None:
        self.data, self.output = data, data.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("ab") as output:
            command = [sys.executable, "manage.py", "up", "--port", "0", "--no-browser"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment(self.data), stdout=output, stderr=output)
        assert eventually(lambda: bool(self.link) or self.process is None or self.process.poll() is not None)
        assert self.link, self.output.read_text()

    @property
    def link(self) -> str:
        found = re.findall(r"http://\S+/sign-in/\S+", self.output.read_text())
        return found[-1] if found else ""

    @property
    def queue_url(self) -> str:
        program = "from config.settings import REDIS_URL; print(REDIS_URL, end='')"
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=ROOT, env=environment(self.data), capture_output=True, text=True, check=True)
        return done.stdout

    def send(self, sign: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(sign)

    def end(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "data")
    yield up
    for pid in processes_of(up.data):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_one_command_serves_it_all_and_ctrl_c_leaves_nothing_behind(up: Up) -> None:
    up.start()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with browser.open(up.link) as page:
        assert "/sign-in/" not in page.url
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(up.link)
    assert "was used already" in refused.value.read().decode()

    second = manage(up.data, "up", "--port", "0", "--no-browser")
    assert second.returncode == 1
    assert re.fullmatch(r"CommandError: Tagdesk cannot start: Tagdesk already runs on .*\n", second.stderr)

    queue = Redis.from_url(up.queue_url)
    assert eventually(lambda: all(queue.scard(f"rq:workers:{name}") == 1 for name in ("train", "io", "predict")))

    up.send(signal.SIGINT)
    assert up.end() == 0
    assert processes_of(up.data) == set()
    assert "Tagdesk has ended" in up.output.read_text()


@pytest.mark.slow
def test_what_dies_is_started_again_and_killing_it_all_leaves_nothing_behind(up: Up) -> None:
    up.start()
    url = up.queue_url
    server = next(pid for pid in processes_of(up.data) if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(server, signal.SIGKILL)
    assert eventually(lambda: "The queue server ended (killed by SIGKILL)" in up.output.read_text())
    assert eventually(lambda: valkey.answers(url))

    up.send(signal.SIGKILL)
    up.end()
    assert eventually(lambda: processes_of(up.data) == set())


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = manage(tmp_path / "data", "up", "--port", str(port), "--no-browser")
    assert refused.returncode == 1
    expected = f"CommandError: Tagdesk cannot start: port {port} on 127.0.0.1 is in use. Choose another: make run PORT="
    assert refused.stderr.startswith(expected)
    assert refused.stderr.count("\n") == 1
    assert processes_of(tmp_path / "data") == set()


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    refused = manage(tmp_path / "data", "up")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Tagdesk cannot start: the data folder {tmp_path / 'data'} cannot be written (")
    assert refused.stderr.count("\n") == 1


def test_a_worker_without_a_queue_is_one_clear_line(tmp_path: Path) -> None:
    refused = manage(tmp_path / "data", "worker", "io")
    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: The job queue does not answer")
    assert refused.stderr.count("\n") == 1
