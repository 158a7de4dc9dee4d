"""The three kinds of worker: `train` and `io` fork for each job, `predict` stays as it is so that models stay warm."""

import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Any, ParamSpec
from uuid import uuid4

from django.db import connections
from django_rq import get_connection, get_queue
from redis import RedisError
from rq.job import Job
from rq.queue import Queue
from rq.worker import SimpleWorker, Worker
from rq.worker.base import BaseWorker

from annotate import jobs as annotate_jobs
from config.allowed import AllowedJob
from config.lifeline import end_with
from training import jobs as training_jobs
from training import serving

logger = logging.getLogger(__name__)

P = ParamSpec("P")

IDLE_REPORT = 45  # seconds; RQ's idle workers report 15 s earlier than this
BUSY_REPORT = 10  # seconds
LOOK_AFTER_RUNS = 45  # seconds between two calls of the reconcile jobs


class Tended(BaseWorker):
    """What our workers share: between jobs they look after runs and imports whose process has gone."""

    def run_maintenance_tasks(self) -> None:
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        attempt(annotate_jobs.reconcile)
        attempt(training_jobs.reconcile)


class ForkingWorker(Tended, Worker):
    def execute_job(self, job: Job, queue: Queue) -> None:
        connections.close_all()  # a database connection does not survive a fork
        try:
            super().execute_job(job, queue)
        except SystemExit:  # told twice to end: RQ has killed the child and reports to nobody
            job_died(job, "Tagdesk was stopped while this was running.")
            raise

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        assert self.pid is not None
        end_with(self.pid)
        super().main_work_horse(job, queue)

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: Any) -> None:
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)  # type: ignore[no-untyped-call]
        job_died(job, how_it_ended(ret_val))


class WarmWorker(Tended, SimpleWorker):
    """Runs jobs in its own process, and answers requests beside them. A thread reports for it, since nobody watches
    from outside.
    """

    def work(self, burst: bool = False, *args: Any, **options: Any) -> bool:
        with nullcontext() if burst else serving.open_lanes():
            return super().work(burst, *args, **options)

    def execute_job(self, job: Job, queue: Queue) -> None:
        done = threading.Event()
        reporter = threading.Thread(target=self._report_until, args=(done,), daemon=True)
        reporter.start()
        try:
            super().execute_job(job, queue)
        finally:
            done.set()
            connections.close_all()

    def _report_until(self, done: threading.Event) -> None:
        while not done.wait(BUSY_REPORT):
            try:
                self.heartbeat()
            except RedisError:
                logger.warning("The predict worker could not report to the queue")


def build(queue_name: str) -> BaseWorker:
    """A worker of the right kind for the queue, which must answer."""
    worker_class = WarmWorker if queue_name == "predict" else ForkingWorker
    connection = get_connection(queue_name)
    queue = get_queue(queue_name, connection=connection, job_class=AllowedJob)
    return worker_class(
        [queue],
        name=f"{queue_name}-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}",
        connection=connection,
        job_class=AllowedJob,
        serializer=queue.serializer,
        worker_ttl=IDLE_REPORT,
        job_monitoring_interval=BUSY_REPORT,
        maintenance_interval=LOOK_AFTER_RUNS,
        log_job_description=False,
    )


# What a worker imports, and does not use, before its first job: a click then waits a second instead of eight.
# The engine comes first: it settles how torch's threads wait.
PRELOADED = {
    "train": (
        "training.engine",
        "torch",
        "datasets",
        "training.engine.launch",
        "transformers.models.bert.modeling_bert",  # the default encoder's, which transformers imports when it is loaded
    ),
    "io": (),
    "predict": ("training.engine", "training.engine.predict"),
}


def preload(queue: str) -> None:
    for name in PRELOADED[queue]:
        import_module(name)
    if queue == "train":
        import_module("training.engine.encoders").prepare_to_load()
        gc.collect()
        gc.freeze()  # a child that looks for garbage need not look through all these libraries


def how_it_ended(status: int) -> str:
    """Say in words what `waitpid` said in bits."""
    if not os.WIFSIGNALED(status):
        return f"Its process ended by itself, with exit code {os.waitstatus_to_exitcode(status)}."
    ended_by = signal.Signals(os.WTERMSIG(status))
    reason = " Most often this is the system running out of memory." if ended_by == signal.SIGKILL else ""
    return f"Its process was killed ({ended_by.name}).{reason}"


def job_died(job: Job, reason: str) -> None:
    attempt(training_jobs.job_died, job.id, reason)


def attempt(function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    try:
        function(*args, **kwargs)
    except Exception:
        # The worker goes on: what this call was to bring true, the next look at the row brings true as well.
        logger.exception("%s.%s failed", function.__module__, function.__name__)
    finally:
        connections.close_all()
