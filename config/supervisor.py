"""Starts processes, watches them, starts again what dies, and ends them all in order."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from config.lifeline import end_with

LOOK_EVERY = 0.5  # seconds
LONGEST_PAUSE = 60.0  # seconds between two starts of a child that keeps dying
STEADY_AFTER = 60.0  # seconds: a child that ran this long starts its back-off anew
INSIST_AFTER = 3.0  # seconds; RQ ignores a second request within one second, and kills its job at a later one
KILL_AFTER = 8.0  # seconds after the first request


@dataclass
class Child:
    name: str  # as the person reads it: "the web server"
    command: Sequence[str]
    folder: Path | None = None
    descriptors: Sequence[int] = ()
    when_orphaned: signal.Signals = signal.SIGTERM  # sent by the kernel if we are killed
    insist: bool = False  # a second request makes it drop what it is doing
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0

    def start(self) -> None:
        parent = os.getpid()
        self.started = time.monotonic()
        # A session of its own: Ctrl-C reaches us alone, and we end the children in order.
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self.descriptors,
            preexec_fn=lambda: end_with(parent, self.when_orphaned),
        )

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def request_end(self) -> None:
        if self.process is not None and self.running():
            self.process.terminate()

    def kill(self) -> None:
        if self.process is not None and self.running():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def how_it_ended(self) -> str:
        assert self.process is not None
        code = self.process.returncode
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


@dataclass
class Supervisor:
    """Groups of children end one after the other, the last first, each only when those after it are gone."""

    say: Callable[[str], None]
    groups: list[list[Child]] = field(default_factory=list)
    _requests: int = 0
    _woken: threading.Event = field(default_factory=threading.Event)

    def catch_signals(self) -> None:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, self._on_signal)

    @property
    def ending(self) -> bool:
        return self._requests > 0

    def start(self, children: list[Child], below: int = 0) -> None:
        """Start a group that ends first of all, but for the `below` groups above it."""
        self.groups.insert(len(self.groups) - below, children)
        for child in children:
            child.start()

    def pause(self, seconds: float) -> None:
        """Wait, less if a signal comes."""
        self._woken.wait(seconds)

    def wait(self, done: Callable[[], bool], seconds: float, child: Child) -> bool:
        """Wait until `done`, while the child lives and nobody asks to end. Returns whether it is done."""
        deadline = time.monotonic() + seconds
        while not done():
            if self.ending or not child.running() or time.monotonic() > deadline:
                return False
            self.pause(0.05)
        return True

    def watch(self) -> None:
        """Until a signal asks to end: start again what died, with a longer pause each time."""
        while not self.ending:
            self.pause(LOOK_EVERY)
            for child in [child for group in self.groups for child in group]:
                if not self.ending:
                    self.tend(child)

    def tend(self, child: Child) -> None:
        if child.running():
            return
        now = time.monotonic()
        if child.process is not None:
            child.failures = 1 if now - child.started > STEADY_AFTER else child.failures + 1
            pause = min(2.0 ** (child.failures - 1), LONGEST_PAUSE)
            self.say(f"{child.name} ended ({child.how_it_ended()}). Starting it again in {pause:.0f} s.")
            child.process, child.due = None, now + pause
        elif now >= child.due:
            child.start()

    def end(self) -> None:
        while self.groups:
            self._end_group(self.groups.pop())

    def _end_group(self, group: list[Child]) -> None:
        begun, insisted, requests = time.monotonic(), False, self._requests
        for child in group:
            child.request_end()
        while any(child.running() for child in group):
            waited = time.monotonic() - begun
            if waited > KILL_AFTER or self._requests > requests + 1:
                break
            if waited > INSIST_AFTER and not insisted:
                insisted = True
                for child in group:
                    if child.insist:
                        child.request_end()
            time.sleep(0.05)
        for child in group:
            child.kill()

    def _on_signal(self, number: int, frame: FrameType | None) -> Any:
        self._requests += 1
        self._woken.set()
