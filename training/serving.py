"""What the predictor does for requests to tag texts: two threads beside its jobs, one for short requests, one for long.

All short requests that wait are read together. Who reads much gives way to them after each batch, as do the jobs.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from django.db import close_old_connections, connections

from annotate.queue import QueueDown
from training import line, predictions, trouble
from training.engine.articles import Article
from training.engine.progress import Stopped
from training.folders import folder_of
from training.line import Taken
from training.models import Version
from training.turns import Lane, at_work, give_way

TOGETHER = {Lane.SHORT: 32, Lane.LONG: 1}  # requests that are read at once
FORGET_EVERY = 30.0  # seconds
LAST_BATCH = 10.0  # seconds that a thread may take to come to an end
ENDED = "Tagdesk was stopped while these texts were read. Send them again."

log = logging.getLogger(__name__)


class NobodyWaits(Exception):
    """All who asked have given up."""


@contextmanager
def open_lanes() -> Iterator[None]:
    """Answer requests beside whatever this thread does."""
    ended = Event()
    threads = [Thread(target=_serve, args=(lane, ended), name=f"serving {lane.name}", daemon=True) for lane in TOGETHER]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(LAST_BATCH)
        with suppress(QueueDown):
            line.forget()


def _serve(lane: Lane, ended: Event) -> None:
    answered, forgot_at = True, -FORGET_EVERY  # whoever served before may have been stopped before it forgot
    while not ended.is_set():
        try:
            close_old_connections()
            answered = serve_once(lane, ended) or answered
            if answered and time.monotonic() - forgot_at > FORGET_EVERY:
                answered, forgot_at = not line.forget(), time.monotonic()
        except QueueDown as down:
            log.warning("%s", down)
            ended.wait(1)
        except Exception:  # whatever it is: the next request is to be answered
            log.exception("The lane %s had to begin anew.", lane.name)
            ended.wait(1)
    connections.close_all()


def serve_once(lane: Lane, ended: Event) -> bool:
    """Answer the requests that wait in this lane, or wait a second for one. Raises QueueDown."""
    taken = line.take(lane, TOGETHER[lane])
    by_version: defaultdict[int, list[Taken]] = defaultdict(list)
    for one in taken:
        by_version[one.request["version"]].append(one)
    for version, some in by_version.items():
        with at_work(lane):
            said = _said(version, some, lane, ended)
        line.answer(said)
    return bool(taken)


def _said(version_id: int, taken: Sequence[Taken], lane: Lane, ended: Event) -> dict[str, Any]:
    """What is to be told of each, by its key. Where they cannot be read together each is tried alone."""

    def after_batch(*_: int) -> None:
        if ended.is_set():
            raise Stopped
        if all(one.is_late for one in taken):
            raise NobodyWaits
        give_way(lane)

    try:
        return _read(version_id, taken, after_batch)
    except Stopped:
        return {one.key: {"trouble": ENDED} for one in taken}
    except NobodyWaits:
        return {}
    except Exception as error:  # whatever it is: somebody waits, and must read why there is no answer
        if len(taken) > 1:
            return {key: told for one in taken for key, told in _said(version_id, [one], lane, ended).items()}
        log.exception("Texts could not be read with version %s.", version_id)
        return {one.key: {"trouble": trouble.no_answer(error)} for one in taken}


def _read(version_id: int, taken: Sequence[Taken], after_batch: Callable[[int, int], None]) -> dict[str, Any]:
    version = Version.objects.select_related("project", "deleted_by").filter(pk=version_id).first()
    if version is None or not folder_of(version).is_dir():
        return {one.key: {"trouble": _gone(version)} for one in taken}
    articles = [
        Article("", words, [], starts)
        for one in taken
        for words, starts in zip(one.request["words"], one.request["starts"], strict=True)
    ]
    found = iter(predictions.predictor(version).predict(articles, after_batch))
    return {one.key: {"said": [next(found).spans for _ in one.request["words"]]} for one in taken}


def _gone(version: Version | None) -> str:
    if version is None:
        return "The model was deleted while the texts waited for it."
    gone = version.why_gone or f"The folder {version.folder} of version {version.number} is gone."
    return f"{gone} Put it back from a copy, or make another version current."
