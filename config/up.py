"""All of Tagdesk on one machine: checks, database, static files, queue, web server, workers, one address."""

import errno
import fcntl
import hashlib
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connections

from annotate.queue import QueueDown, tell_starting
from config import valkey
from config.datafolder import DataFolderError, check_writable
from config.first import create_first_user, create_sample, first_user
from config.models import LIFETIME, SignInLink
from config.supervisor import Child, Supervisor

WEB_START = 60.0  # seconds until the web server must have answered
QUEUE_START = 30.0  # seconds; reading a long append-only file takes its time


class CannotStart(Exception):
    """Tagdesk cannot start. The message is one line for the person at the terminal."""


class Tagdesk:
    def __init__(self, host: str, port: int, say: Callable[[str], None]) -> None:
        self.host, self.port, self.say = host, port, say
        self.data: Path = settings.TAGDESK_DATA
        self.supervisor = Supervisor(say)

    def run(self, open_browser: bool) -> None:
        """Until Ctrl-C or SIGTERM. Raises CannotStart."""
        lock = self._check_alone()
        listener = self._listen()
        self._prepare_rows_and_files()
        self.supervisor.catch_signals()
        try:
            if settings.TAGDESK_EMBEDDED_QUEUE:
                self._start_queue()
            self._start_web(listener)
            if not self.supervisor.ending:
                with suppress(QueueDown):  # the pages say so then
                    tell_starting("io", "predict", "train")
                self._announce(open_browser)
                # Not before: importing torch takes a core for seconds, and somebody waits for the link.
                self.supervisor.start([self._worker("io"), self._worker("predict"), self._worker("train")], below=1)
            self.supervisor.watch()
            self.say("Ending Tagdesk ...")
        finally:
            self.supervisor.end()
            os.close(lock)
        self.say("Tagdesk has ended. All that was saved is in " + str(self.data))

    @property
    def address(self) -> str:
        if settings.TAGDESK_HTTPS and settings.TAGDESK_HOSTS:  # a proxy stands before us and speaks TLS
            return f"https://{settings.TAGDESK_HOSTS[0]}"
        return f"http://{f'[{host}]' if ':' in (host := self._reachable_host) else host}:{self.port}"

    @property
    def _reachable_host(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    def _check_alone(self) -> int:
        """Take the data folder for this process, as long as it lives. Raises CannotStart."""
        try:
            check_writable(self.data)
            lock = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except DataFolderError as error:
            raise CannotStart(str(error)) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 200).decode(errors="replace").strip()
            raise CannotStart(
                f"Tagdesk already runs on {self.data}{holder and f' ({holder})'}. "
                "For a sign-in link: manage.py sign_in_link."
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()}, {self.address}\n".encode())
        return lock

    def _listen(self) -> socket.socket:
        # Opened here and handed down: a port in use is known before anything starts, and while a web server that died
        # starts again its callers wait.
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family, backlog=512)
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
            raise CannotStart(
                f"port {self.port} on {self.host} {reason}. Choose another: make run PORT={self.port + 1}"
            ) from error
        self.port = listener.getsockname()[1]
        return listener

    def _prepare_rows_and_files(self) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
            if first_user() is None:
                self.say("First start: making the sample project ...")
                create_sample(create_first_user())
        except DatabaseError as error:
            raise CannotStart(f"the database cannot be used: {error}") from error
        finally:
            connections.close_all()
        collect_static()

    def _start_queue(self) -> None:
        folder = self.data / "queue"
        try:
            command = valkey.prepare(folder, settings.TAGDESK_QUEUE_SOCKET, settings.TAGDESK_QUEUE_SECRET)
            if valkey.end_stale(settings.REDIS_URL):
                self.say("Ended the queue server of an earlier run.")
        except valkey.ValkeyError as error:
            raise CannotStart(str(error)) from error
        queue = Child("The queue server", command, folder=folder)
        self.supervisor.start([queue])
        self.supervisor.wait(lambda: valkey.answers(settings.REDIS_URL), QUEUE_START, queue)
        if not queue.running():
            raise CannotStart(f"the queue server ended at once: {valkey.last_words(folder)}")

    def _worker(self, queue: str) -> Child:
        return Child(
            f"The {queue} worker",
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker", queue],
            folder=settings.BASE_DIR,
            when_orphaned=signal.SIGKILL,  # a polite request would wait for the training's end
            insist=True,
        )

    def _start_web(self, listener: socket.socket) -> None:
        command = web_command(listener.fileno())
        web = Child("The web server", command, folder=settings.BASE_DIR, descriptors=[listener.fileno()])
        self.supervisor.start([web])
        if not self.supervisor.wait(self._web_answers, WEB_START, web) and not self.supervisor.ending:
            self.say("The web server does not answer yet. What it says is above.")

    def _announce(self, open_browser: bool) -> None:
        user = create_first_user()
        hours = f"{LIFETIME.total_seconds() / 3600:.0f}"
        if open_browser and settings.TAGDESK_DESKTOP:
            webbrowser.open(f"{self.address}/sign-in/{SignInLink.objects.issue(user)}")
        self.say(
            f"\nTagdesk is ready. Open this link; it signs you in once, within {hours} hours:\n\n"
            f"    {self.address}/sign-in/{SignInLink.objects.issue(user)}\n\n"
            f"Data: {self.data}    Another link: manage.py sign_in_link    End: Ctrl-C"
        )
        connections.close_all()

    def _web_answers(self) -> bool:
        connection = HTTPConnection(self._reachable_host, self.port, timeout=2)
        try:
            connection.request("GET", "/sign-in/", headers={"Host": "localhost"})
            connection.getresponse()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        return True


def web_command(descriptor: int) -> list[str]:
    """How the web server is started on a socket that listens already."""
    options = {
        "bind": f"fd://{descriptor}",
        "worker-class": "gthread",
        "workers": "2",
        "threads": "28",  # made as they are needed; most may wait for the predictor (training/asking.py)
        "graceful-timeout": "3",
        "log-level": "warning",
        "limit-request-line": "8190",  # the list's address says all its filters
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "gunicorn", "config.wsgi", "--preload", "--no-control-socket", *arguments]


def collect_static() -> None:
    """Hash and compress the static files where one of them changed since the last time."""
    stamp = settings.STATIC_ROOT / ".stamp"
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(digest.hexdigest())
