"""The queue as pages and commands see it: send a job, ask its place, ask who listens.

The rows are the record and the queue is a doorbell (DESIGN, invariant 8). Every call answers within seconds or raises
QueueDown, whose text can be shown as it is; what was written to the database stays true either way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Literal, NamedTuple

from django.conf import settings
from django.db import transaction
from django_rq.queues import get_queue
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.queue import Queue
from rq.utils import utcparse
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

QueueName = Literal["train", "io", "predict"]

ANSWER_WITHIN = 2.0  # seconds; a page waits no longer
SEEN_WITHIN = timedelta(seconds=90)  # an idle worker reports every 30 s, a busy one every 10 s
STARTS_WITHIN = timedelta(minutes=2)  # a worker imports torch before it reports
KEEP_FAILED = 7 * 24 * 3600  # seconds


STARTING_KEY = "tagdesk:starting:%s"


class QueueDown(Exception):
    """The queue does not answer. The text is for the person who waits."""


class Workers(NamedTuple):
    listening: int  # that reported within SEEN_WITHIN
    last_seen: datetime | None  # of the latest report; None if none is known
    starting: bool = False  # somebody has said so, not long ago


def enqueue(queue: QueueName, function_name: str, *args: object, job_id: str) -> None:
    """Send a job once the open transaction commits, at once where there is none. Arguments must be JSON.

    Raises QueueDown, from the transaction's end if there is one: the row is stored by then, and can be sent again.
    """
    ring = partial(_ring, queue, function_name, args, job_id)
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(ring)
    else:
        ring()


def position(queue: QueueName, job_id: str) -> int | None:
    """Place in the queue: 1 is next. None once a worker has taken it, or if it was never sent. Raises QueueDown."""
    with answering():
        place: int | None = _queue(queue).get_job_position(job_id)
    return None if place is None else place + 1


def length(queue: QueueName) -> int:
    """How many jobs wait. Raises QueueDown."""
    with answering():
        return int(_queue(queue).count)


def workers_seen(queue: QueueName) -> Workers:
    """Who listens. Raises QueueDown."""
    with answering():
        starting = bool(connection().exists(STARTING_KEY % queue))
        keys = sorted(connection().smembers(WORKERS_BY_QUEUE_KEY % queue))
        with connection().pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hmget(key, "last_heartbeat", "death")
            rows = pipeline.execute()
    seen = [utcparse(heartbeat.decode()) for heartbeat, death in rows if heartbeat and not death]
    recent = [moment for moment in seen if datetime.now(UTC) - moment < SEEN_WITHIN]
    return Workers(len(recent), max(seen, default=None), starting and not recent)


def tell_starting(*queues: QueueName) -> None:
    """Say that workers of these queues are about to be started. Raises QueueDown."""
    with answering():
        for queue in queues:
            connection().set(STARTING_KEY % queue, 1, ex=STARTS_WITHIN)


def counted(name: str, seconds: int) -> int:
    """Count one more of these, and say how many it makes; after so many seconds it begins again. Raises QueueDown."""
    key = f"tagdesk:counted:{name}"
    with answering(), connection().pipeline() as pipeline:
        pipeline.incr(key)
        pipeline.expire(key, seconds, nx=True)
        return int(pipeline.execute()[0])


def ping() -> None:
    """Raises QueueDown where nothing answers."""
    with answering():
        connection().ping()


@lru_cache
def connection() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=ANSWER_WITHIN,
        socket_connect_timeout=ANSWER_WITHIN,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=30,
    )


def _queue(name: QueueName) -> Queue:
    return get_queue(name, connection=connection(), commit_mode="auto")


def _ring(queue: QueueName, function_name: str, args: tuple[object, ...], job_id: str) -> None:
    with answering():
        # The description is what logs show: RQ's own would spell out the arguments.
        _queue(queue).enqueue_call(
            function_name, args=args, job_id=job_id, description=function_name, failure_ttl=KEEP_FAILED
        )


@contextmanager
def answering() -> Iterator[None]:
    """Raise QueueDown where what is asked inside gets no answer."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise QueueDown(
            "The job queue does not answer, so nothing can be sent to a worker now. "
            "Is Tagdesk still running (`make run`), or the server that REDIS_URL names?"
        ) from error
