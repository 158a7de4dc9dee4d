"""How training rings for a worker. The rows are the record: what is not rung for here, `reconcile` rings for later."""

from datetime import timedelta
from hashlib import sha256
from typing import Literal, NamedTuple
from uuid import uuid4

from django.utils import timezone

from annotate import queue
from annotate.queue import QueueDown, QueueName
from training.models import Run

SETTLING = timedelta(seconds=5)  # how long a run may be neither in the queue nor claimed: a worker is just taking it

Stage = Literal["next", "pool", "rest"]

# Who does what a run of this kind asks for. Fetching a model takes minutes: neither trainings nor suggestions wait.
DONE_BY: dict[str, tuple[QueueName, str]] = {
    Run.Kind.TRAIN: ("train", "training.jobs.train"),
    Run.Kind.CURVE: ("train", "training.jobs.draw_curve"),
    Run.Kind.CHECK: ("io", "training.jobs.check_encoder"),
    Run.Kind.READY: ("io", "training.jobs.take_over"),
}


class Waiting(NamedTuple):
    """What is to be said to somebody who waits. `place` 1 is next, None once a worker has taken the run."""

    place: int | None = None
    workers: int = 0
    predictors: int = 0
    queue_down: str = ""
    starting: bool = False  # all workers, by whoever started Tagdesk
    curve: bool = False  # a learning curve is at work, which steps aside within seconds


def ring_for_run(run: Run) -> None:
    """Send a queued run to a worker. Raises QueueDown; the row waits all the same."""
    name, job = DONE_BY[run.kind]
    queue.enqueue(name, job, run.pk, job_id=run.job_id)


def ring_for_predictions(source_id: int, stage: Stage = "next") -> None:
    """Have the predictor fill in what this source has not said yet. Raises QueueDown."""
    # An id of its own for each: a job that rings for its own continuation must not write over itself.
    job_id = f"predict-{source_id}-{stage}-{uuid4().hex[:12]}"
    queue.enqueue("predict", "training.jobs.predict_next", source_id, stage, job_id=job_id)


def ring_for_learning(project_id: int) -> None:
    """Have the predictor learn from what was just finished. Raises QueueDown."""
    # An id of its own, since one that is under way has read the articles already.
    queue.enqueue("predict", "training.jobs.learn_at_once", project_id, job_id=f"learn-{project_id}-{uuid4().hex[:12]}")


def ring_for_paths(version_id: int) -> None:
    """Have the predictor try by which path this version is to predict. Raises QueueDown."""
    queue.enqueue("predict", "training.jobs.try_paths", version_id, job_id=f"paths-{version_id}")


def ring_for_speed(encoder: str) -> None:
    """Have a train worker measure how fast an encoder is trained here. Raises QueueDown."""
    job_id = f"speed-{sha256(encoder.encode()).hexdigest()[:12]}"
    if queue.position("train", job_id) is None:
        queue.enqueue("train", "training.jobs.measure_speed", encoder, job_id=job_id)


def ring_for_tagging(pk: int) -> None:
    """Have the predictor go on with tagging an archive. Raises QueueDown."""
    # An id of its own for each turn: a job that rings for its own continuation must not write over itself.
    queue.enqueue("predict", "training.jobs.tag_archive", pk, job_id=f"archive-{pk}-{uuid4().hex[:12]}")


def ring_for_parquet(pk: int) -> None:
    """Have what was found in an archive written as a file. Raises QueueDown."""
    queue.enqueue("io", "training.jobs.write_archive", pk, job_id=f"parquet-{pk}")


def ring_for_onnx(version_id: int) -> None:
    """Have a version written as ONNX. Raises QueueDown."""
    queue.enqueue("io", "training.jobs.export_onnx", version_id, job_id=f"onnx-{version_id}")


def predictor_is_busy() -> bool:
    """Whether predictions wait to be made already. Raises QueueDown."""
    return queue.length("predict") > 0


def wait(run: Run) -> Waiting:
    """Look where a queued run stands, and ring again where the queue has lost it."""
    name, _ = DONE_BY[run.kind]
    try:
        place = queue.position(name, run.job_id)
        if place is None and timezone.now() - run.created_at > SETTLING:
            ring_for_run(run)
            place = queue.position(name, run.job_id)
    except QueueDown as down:
        return Waiting(queue_down=str(down))
    curves = Run.objects.filter(kind=Run.Kind.CURVE, status=Run.Status.RUNNING)
    return look(name)._replace(place=place, curve=curves.exists())


def look(name: QueueName = "train") -> Waiting:
    """See who would take a run, and who makes suggestions."""
    try:
        train = queue.workers_seen(name)
        return Waiting(None, train.listening, queue.workers_seen("predict").listening, starting=train.starting)
    except QueueDown as down:
        return Waiting(queue_down=str(down))
