"""The line at the predictor: requests to tag texts, and their answers. Nothing of them outlives who waits.

Both lie in the queue's server, in keys that expire: no row is written for what nobody keeps. Who takes a request takes
its texts out.
"""

import json
import time
from contextlib import suppress
from typing import Any, NamedTuple, cast
from uuid import uuid4

from django.conf import settings
from redis import ResponseError

from annotate import queue
from annotate.queue import QueueDown, answering, connection
from training.turns import Lane

ANSWERED_WITHIN = 50.0  # seconds: before a proxy gives up, most often after 60
KEPT = 60  # seconds that a request or an answer lies there at most
LOOK_EVERY = 1  # seconds that one call to the queue's server blocks
SHORT_WORDS = 2_000  # up to which a request is a short one: well under a second on two cores
READ_TOGETHER = 4_000  # words, so that nobody waits for many others to be read; the last request may exceed them
MOST_WAITING = 64  # requests
MOST_WORDS = 200_000  # of all requests that wait
TRY_AGAIN = 1  # second

CALLS, TEXTS, ANSWER = "tagdesk:line:%d", "tagdesk:texts:%s", "tagdesk:answer:%s"
WAITING = "tagdesk:waiting"  # of each request that has no answer yet: its words, and until when it waits

NOBODY = (
    "No predict worker is running, so nobody can read these texts now. "
    "Start Tagdesk (`make run`), or that worker alone (`python manage.py worker predict`)."
)
TOO_LATE = f"There was no answer within {ANSWERED_WITHIN:.0f} seconds. Send fewer texts at once, or try again later."


class NoAnswer(Exception):
    """Why the texts were not read, in a sentence; `status` is what HTTP calls it."""

    def __init__(self, status: int, told: str, retry_after: int | None = None) -> None:
        super().__init__(told)
        self.status = status
        self.retry_after = retry_after


class Nobody(NoAnswer):
    """There is no predictor."""


class Taken(NamedTuple):
    key: str
    request: dict[str, Any]

    @property
    def is_late(self) -> bool:
        """Whether nobody waits for it any more."""
        return bool(time.time() > self.request["until"])


def full(told: str = "The predictor has as much to read as it can.") -> NoAnswer:
    return NoAnswer(429, f"{told} Try again in a moment.", TRY_AGAIN)


def ask(request: dict[str, Any], words: int) -> Any:
    """Stand in line and wait for the answer. Raises NoAnswer and QueueDown."""
    key = uuid4().hex
    _stand(key, request, words)
    try:
        return json.loads(_await(key))
    finally:
        _leave(key)


def _stand(key: str, request: dict[str, Any], words: int) -> None:
    lane = CALLS % (Lane.SHORT if words <= SHORT_WORDS else Lane.LONG)
    text = json.dumps({**request, "until": time.time() + ANSWERED_WITHIN})
    with answering():
        _refuse_if_full(words)
        with connection().pipeline() as pipeline:
            pipeline.hset(WAITING, key, f"{words} {time.time() + KEPT}")
            pipeline.expire(WAITING, KEPT)
            pipeline.set(TEXTS % key, text, ex=KEPT)
            pipeline.rpush(lane, key)
            pipeline.expire(lane, KEPT)
            pipeline.execute()


def look() -> None:
    """Raises NoAnswer where the line is full whatever comes, and QueueDown."""
    with answering():
        _refuse_if_full(0)


def _refuse_if_full(words: int) -> None:
    standing = cast("dict[bytes, bytes]", connection().hgetall(WAITING))
    now = time.time()
    counts = [int(count) for count, until in (told.split() for told in standing.values()) if float(until) > now]
    if len(counts) >= MOST_WAITING or (counts and sum(counts) + words > MOST_WORDS):
        raise full()


def _await(key: str) -> bytes:
    until = time.monotonic() + ANSWERED_WITHIN
    while time.monotonic() < until:
        with answering():
            found = cast("tuple[bytes, bytes] | None", connection().blpop([ANSWER % key], timeout=LOOK_EVERY))
        if found:
            return found[1]
        seen = queue.workers_seen("predict")
        if not seen.listening and not seen.starting:
            raise Nobody(503, NOBODY)
    raise NoAnswer(504, TOO_LATE)


def _leave(key: str) -> None:
    with suppress(QueueDown), answering(), connection().pipeline() as pipeline:
        pipeline.hdel(WAITING, key)
        pipeline.delete(TEXTS % key, ANSWER % key)
        pipeline.execute()


def take(lane: Lane, most: int) -> list[Taken]:
    """The requests that wait in this lane: at most so many, and no more once they have READ_TOGETHER words; none after
    a second without any. Who waits for an answer no more is passed over. Raises QueueDown.
    """
    calls, taken, words = CALLS % lane, list[Taken](), 0
    with answering():
        first = cast("tuple[bytes, bytes] | None", connection().blpop([calls], timeout=LOOK_EVERY))
        called = first and first[1]
        while called:
            one = _texts_of(called.decode())
            if one and not one.is_late:
                taken.append(one)
                words += sum(map(len, one.request["words"]))
            if len(taken) == most or words >= READ_TOGETHER:
                break
            called = cast("bytes | None", connection().lpop(calls))
    return taken


def _texts_of(key: str) -> Taken | None:
    """Take them out; None where who asked has left."""
    text = cast("bytes | None", connection().getdel(TEXTS % key))
    return Taken(key, json.loads(text)) if text else None


def answer(answers: dict[str, Any]) -> None:
    """Give each of these requests its answer. Raises QueueDown."""
    with answering(), connection().pipeline() as pipeline:
        for key, said in answers.items():
            pipeline.rpush(ANSWER % key, json.dumps(said))
            pipeline.expire(ANSWER % key, KEPT)
        pipeline.execute()


def forget() -> bool:
    """Have our own queue's server write its file anew: that holds every command so far, and so the texts in them.

    False where it is at that already: then it is to be asked once more. Raises QueueDown.
    """
    if settings.TAGDESK_EMBEDDED_QUEUE:
        with answering():
            try:
                connection().bgrewriteaof()
            except ResponseError:
                return False
    return True
