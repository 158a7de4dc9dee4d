"""The web server as `manage.py up` starts it, on a data folder of its own, and what can be seen of it from outside."""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0  # seconds for the server to answer
TRACED = "fsync,fdatasync,sync_file_range"
# Read back by `own_times`: what the request was for, and microseconds.
LOG_FORMAT = "%({x-bench}i)s %(D)s"


def environment(folder: Path, settings: str = "config.settings") -> dict[str, str]:
    ours = {"TAGDESK_DATA": str(folder), "DJANGO_SETTINGS_MODULE": settings}
    kept = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "TAGDESK_DEBUG"}}
    return {**kept, **ours}


def make_folder(folder: Path, *arguments: str) -> dict[str, Any]:
    """Fill a data folder in a process of its own, and return what that says of it."""
    command = [sys.executable, "-m", "bench.folder", *arguments]
    said = subprocess.run(command, cwd=ROOT, env=environment(folder), check=True, stdout=subprocess.PIPE, text=True)
    made: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return made


class Server:
    def __init__(self, folder: Path, settings: str = "config.settings") -> None:
        from config.up import web_command  # needs Django's settings, which only a main program sets up

        self.folder, self.log = folder, folder / "access.log"
        with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
            self.port: int = listener.getsockname()[1]
            logging = [f"--access-logfile={self.log}", f"--access-logformat={LOG_FORMAT}"]
            self.process = subprocess.Popen(
                [*web_command(listener.fileno()), *logging],
                cwd=ROOT,
                env=environment(folder, settings),
                pass_fds=[listener.fileno()],
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/sign-in/")
                connection.getresponse().read()
                return
            except (OSError, HTTPException):
                time.sleep(0.1)
        self.end()
        raise SystemExit("the web server does not answer")

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def resident_mb(self) -> list[float]:
        """Of each web process, in MB of 1,000,000 bytes. Empty where there is no /proc."""
        found = [re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in self.workers()]
        return [round(int(match[1]) * 1024 / 1e6, 1) for match in found if match]

    def own_times(self) -> dict[str, list[float]]:
        """Milliseconds that the server says it took, by what the request was for."""
        time.sleep(0.5)  # it writes its line after the answer
        times: defaultdict[str, list[float]] = defaultdict(list)
        for line in self.log.read_text().splitlines():
            purpose, micros = line.rsplit(" ", 1)
            times[purpose].append(int(micros) / 1000)
        return times

    @contextmanager
    def counting_fsyncs(self, found: list[str]) -> Iterator[None]:
        """Append the calls that flush to disk to `found`, in the order in which they were made."""
        trace = self.folder / "fsyncs.log"
        processes = [argument for pid in self.workers() for argument in ("-p", str(pid))]
        command = ["strace", "-f", "-qq", "-e", f"trace={TRACED}", "-o", str(trace), *processes]
        tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(1.0)  # until it holds every thread
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(timeout=10)
            found += re.findall(r"\b(fsync|fdatasync|sync_file_range)\(", trace.read_text() if trace.exists() else "")


def can_trace() -> str:
    """Why calls to the system cannot be counted; empty where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"strace may not trace here ({tried.stderr.strip().splitlines()[-1]})"


def fsync_ms(folder: Path, times: int = 50) -> float:
    """The median time of a small write and its flush to the disk on which the folder lies."""
    path, taken = folder / "fsync-probe", []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return round(statistics.median(taken), 3)
