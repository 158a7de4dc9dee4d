import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.serializers import JSONSerializer

from annotate import jobs as annotate_jobs
from annotate.queue import enqueue, position, tell_starting, workers_seen
from config import allowed, workers
from config.allowed import JobRefused, allowed_function
from tests.config.watching import alive, eventually
from training import jobs as training_jobs


@pytest.fixture
def test_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "MODULES", ("tests.config.jobs",))


@pytest.fixture(autouse=True)
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the jobs of `training` and `annotate` are told."""
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(training_jobs, "job_died", lambda *args: told.append(("job_died", *args)))
    monkeypatch.setattr(training_jobs, "reconcile", lambda: told.append(("reconcile training",)))
    monkeypatch.setattr(annotate_jobs, "reconcile", lambda: told.append(("reconcile imports",)))
    return told


def run_all(queue_name: str) -> None:
    workers.build(queue_name).work(burst=True, logging_level="CRITICAL")


def job_of(queue: Any, job_id: str) -> Job:
    return Job.fetch(job_id, connection=queue, serializer=JSONSerializer)


@pytest.mark.parametrize("queue_name", ["train", "io"])
def test_it_runs_a_job_in_a_process_of_its_own(queue: Any, test_jobs: None, tmp_path: Path, queue_name: Any) -> None:
    enqueue(queue_name, "tests.config.jobs.write", str(tmp_path / "pid"), job_id="one")
    run_all(queue_name)
    assert int((tmp_path / "pid").read_text()) != os.getpid()


def test_the_predict_worker_keeps_its_process(queue: Any, test_jobs: None, tmp_path: Path) -> None:
    enqueue("predict", "tests.config.jobs.write", str(tmp_path / "pid"), job_id="one")
    run_all("predict")
    assert int((tmp_path / "pid").read_text()) == os.getpid()


@pytest.mark.parametrize("queue_name", ["train", "io", "predict"])
def test_a_command_enqueued_by_hand_is_refused_and_recorded(queue: Any, tmp_path: Path, queue_name: str) -> None:
    by_hand = Queue(queue_name, connection=queue, serializer=JSONSerializer)
    job = by_hand.enqueue("os.system", f"touch {tmp_path / 'broken-in'}")
    run_all(queue_name)
    assert not (tmp_path / "broken-in").exists()
    assert job.get_status(refresh=True) == JobStatus.FAILED
    result = job.latest_result()
    assert result is not None
    assert "JobRefused: 'os.system' is not a job of Tagdesk's" in str(result.exc_string)


def test_a_pickle_enqueued_by_hand_is_not_opened(queue: Any, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'broken-in'}",)

    Queue("io", connection=queue).enqueue("annotate.jobs.anything", Trap())
    run_all("io")
    assert not (tmp_path / "broken-in").exists()


def test_callbacks_of_a_stranger_are_not_called(queue: Any, test_jobs: None, tmp_path: Path) -> None:
    by_hand = Queue("io", connection=queue, serializer=JSONSerializer)
    job = by_hand.enqueue("tests.config.jobs.write", str(tmp_path / "pid"))
    queue.hset(job.key, mapping={"success_callback_name": "os.abort", "failure_callback_name": "os.abort"})
    run_all("io")
    assert (tmp_path / "pid").exists()
    assert job.get_status(refresh=True) == JobStatus.FINISHED


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "annotate.jobs",
        "annotate.jobs.__import__",
        "annotate.jobs.os.system",
        "annotate.models.Project",
        "training.jobs._train",
        "training.jobs.log",
        "training.jobs.QueueDown",
        "training.jobs.nothing_of_the_kind",
        "eval",
        "",
        None,
        ["os", "system"],
    ],
)
def test_only_public_functions_of_the_two_modules_are_jobs(name: object) -> None:
    with pytest.raises(JobRefused):
        allowed_function(name)


def test_a_private_function_and_an_imported_one_are_no_jobs(test_jobs: None) -> None:
    for name in ("_private", "Path"):
        with pytest.raises(JobRefused):
            allowed_function(f"tests.config.jobs.{name}")
    assert allowed_function("tests.config.jobs.write").__name__ == "write"


def test_a_method_is_no_job(queue: Any, test_jobs: None) -> None:
    job = allowed.AllowedJob.create("tests.config.jobs.fail", connection=queue, serializer=JSONSerializer)
    job.instance = "a string"
    with pytest.raises(JobRefused, match="plain function"):
        job.perform()


def test_a_killed_process_is_told_to_training_with_the_reason(
    queue: Any, test_jobs: None, deaths: list[tuple[Any, ...]]
) -> None:
    enqueue("train", "tests.config.jobs.end_by_itself", "SIGKILL", job_id="run-7")
    run_all("train")
    assert ("job_died", "run-7") in {told[:2] for told in deaths}
    assert "SIGKILL" in deaths[-1][2]
    assert "out of memory" in deaths[-1][2]
    assert job_of(queue, "run-7").get_status() == JobStatus.FAILED


def test_a_job_that_fails_in_its_own_words_is_no_death(
    queue: Any, test_jobs: None, deaths: list[tuple[Any, ...]]
) -> None:
    enqueue("train", "tests.config.jobs.fail", job_id="run-8")
    run_all("train")
    assert "job_died" not in {told[0] for told in deaths}
    assert job_of(queue, "run-8").get_status() == JobStatus.FAILED


def test_a_worker_looks_after_runs_and_imports_between_jobs(queue: Any, deaths: list[tuple[Any, ...]]) -> None:
    run_all("io")
    assert {("reconcile training",), ("reconcile imports",)} <= set(deaths)


@pytest.mark.parametrize("module", [annotate_jobs, training_jobs])
def test_looking_after_runs_may_fail_and_the_worker_goes_on(
    queue: Any,
    test_jobs: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: Any,
) -> None:
    def break_down() -> None:
        raise RuntimeError("the database is locked")

    monkeypatch.setattr(module, "reconcile", break_down)
    enqueue("io", "tests.config.jobs.write", str(tmp_path / "pid"), job_id="one")
    run_all("io")
    assert (tmp_path / "pid").exists()
    assert "the database is locked" in caplog.text


def test_a_job_has_a_place_in_the_queue_until_a_worker_takes_it(queue: Any, test_jobs: None, tmp_path: Path) -> None:
    for job_id in ("first", "second"):
        enqueue("io", "tests.config.jobs.write", str(tmp_path / job_id), job_id=job_id)
    assert (position("io", "first"), position("io", "second"), position("io", "third")) == (1, 2, None)
    run_all("io")
    assert position("io", "first") is None


def test_a_worker_is_seen_while_it_lives(queue: Any) -> None:
    assert workers_seen("io") == (0, None, False)
    worker = workers.build("io")
    worker.register_birth()
    assert workers_seen("io").listening == 1
    assert workers_seen("train").listening == 0
    worker.register_death()
    assert workers_seen("io").listening == 0


def test_a_worker_that_is_being_started_is_no_missing_one(queue: Any) -> None:
    tell_starting("io", "train")
    assert workers_seen("io") == (0, None, True)
    assert not workers_seen("predict").starting
    assert 0 < queue.ttl("tagdesk:starting:io") <= 120
    worker = workers.build("io")
    worker.register_birth()
    assert not workers_seen("io").starting
    worker.register_death()


def test_a_worker_that_has_long_been_silent_is_not_counted(queue: Any) -> None:
    worker = workers.build("io")
    worker.register_birth()
    queue.hset(worker.key, "last_heartbeat", "2020-02-02T02:02:02.000000Z")
    seen = workers_seen("io")
    assert seen.listening == 0
    assert seen.last_seen is not None
    assert seen.last_seen.year == 2020


WORKER = """
import django
django.setup()
from config import allowed, workers
allowed.MODULES = ("tests.config.jobs",)
workers.build("train").work(logging_level="CRITICAL")
"""


@pytest.mark.slow
def test_a_running_job_ends_when_its_worker_is_killed(queue: Any, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TAGDESK_DATA": str(settings.TAGDESK_DATA),
    }
    enqueue("train", "tests.config.jobs.sleep", str(tmp_path / "pid"), job_id="long")
    worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=settings.BASE_DIR, env=environment)
    try:
        assert eventually((tmp_path / "pid").exists)
        job = int((tmp_path / "pid").read_text())
        assert alive(job)
    finally:
        worker.kill()
        worker.wait()
    assert eventually(lambda: not alive(job))
