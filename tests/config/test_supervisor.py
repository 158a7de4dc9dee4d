import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import supervisor as module
from config.supervisor import Child, Supervisor
from tests.config.watching import alive, eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: None); print(flush=True); time.sleep(60)",
]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.end()


def test_a_child_that_dies_is_started_again_and_that_is_said(supervisor: Supervisor, said: list[str]) -> None:
    child = Child("The web server", SLEEP)
    supervisor.start([child])
    assert child.process is not None
    child.process.kill()
    child.process.wait()
    supervisor.tend(child)
    assert said == ["The web server ended (killed by SIGKILL). Starting it again in 1 s."]
    child.due = 0
    supervisor.tend(child)
    assert child.running()


def test_a_child_that_keeps_dying_is_given_longer_pauses(supervisor: Supervisor, said: list[str]) -> None:
    child = Child("The io worker", [sys.executable, "-c", "raise SystemExit(3)"])
    supervisor.start([child])
    for _ in range(8):
        assert child.process is not None
        child.process.wait()
        supervisor.tend(child)
        child.due = 0
        supervisor.tend(child)
    assert said[0] == "The io worker ended (exit code 3). Starting it again in 1 s."
    assert [line.split()[-2] for line in said] == ["1", "2", "4", "8", "16", "32", "60", "60"]


def test_a_child_that_ran_steadily_is_given_a_short_pause(supervisor: Supervisor, said: list[str]) -> None:
    child = Child("The io worker", [sys.executable, "-c", ""], failures=6)
    supervisor.start([child])
    assert child.process is not None
    child.process.wait()
    child.started -= module.STEADY_AFTER + 1
    supervisor.tend(child)
    assert said[0].endswith("in 1 s.")


def test_groups_end_one_after_the_other(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nopen(sys.argv[1] + sys.argv[2], 'w')\ntime.sleep(60)"
    )
    for name, below in (("queue ", 0), ("web ", 0), ("worker ", 1)):
        supervisor.start([Child(name, [sys.executable, "-c", program, str(log), name])], below)
        assert eventually(Path(f"{log}{name}").exists)
    supervisor.end()
    assert log.read_text() == "web worker queue "


def test_a_child_that_will_not_end_is_killed(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KILL_AFTER", 0.2)
    child = Child("The web server", STUBBORN)
    supervisor.start([child])
    assert child.process is not None
    pid = child.process.pid
    time.sleep(0.3)
    supervisor.end()
    assert not alive(pid)


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from config.supervisor import Child, Supervisor\n"
        "child = Child('x', [sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "Supervisor(print).start([child])\n"
        "print(child.process.pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not alive(pid))
