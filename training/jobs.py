"""The jobs. Each takes ids, claims the row, calls a plain function, returns nothing, and may run twice.

A worker runs public functions of this module and no others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db.models import F

from annotate.models import Project
from annotate.queue import QueueDown
from training import (
    archive,
    archive_files,
    at_once,
    by_itself,
    curve,
    doorbell,
    exported,
    instant,
    paths,
    predictions,
    speeds,
    trouble,
)
from training.encoders import look_at
from training.engine.progress import Stopped
from training.engine.shelf import DEFAULT
from training.heartbeat import Hold, Lost
from training.learning import adopt, learn
from training.models import Learner, Run, Version
from training.models.tagging import Tagging

Work = Callable[[Run, Hold], Version | None]

_rung_for: set[str] = set()  # encoders whose speed this process has asked for: what fails is not tried for ever

log = logging.getLogger(__name__)


def train(run_id: int) -> None:
    """Train once for this run. Nothing where it has been taken, stopped or closed."""
    _carry_out(run_id, learn)


def draw_curve(run_id: int) -> None:
    """Compute a learning curve's missing points, behind every training that waits: it steps aside for those."""
    _carry_out(run_id, _draw)


def check_encoder(run_id: int) -> None:
    """Look at the encoder that this run names, fetching it where it is not here, and write down what was found."""
    _carry_out(run_id, look_at)
    run = Run.objects.filter(pk=run_id, status=Run.Status.SUCCEEDED).first()
    if run is not None:
        _ring_for_speed(run.settings["encoder"])


def measure_speed(encoder: str) -> None:
    """Find out how fast this machine trains an encoder. Steps aside for a training: that tells it as well."""
    try:
        speeds.measure(encoder, Run.objects.active().filter(kind=Run.Kind.TRAIN).exists)
    except Stopped:
        log.info("The speed of %s is not measured: somebody trains.", encoder)


def take_over(run_id: int) -> None:
    """Make a version of the ready model that this run names."""
    _carry_out(run_id, adopt)


def predict_next(source_id: int, stage: doorbell.Stage = "next") -> None:
    """Fill in what the current model has not said yet: the next articles, then a random pool, then the rest."""
    version = Version.objects.select_related("project").filter(source=source_id).first()
    if version is None or not version.is_current:
        return
    row = Version.objects.filter(pk=version.pk)
    try:
        go_on = predictions.fill(version, stage)
    except Exception as error:  # whatever it is: people wait for suggestions, and must read why there are none
        log.exception("The suggestions of version %s could not be made.", version.pk)
        row.update(trouble=trouble.no_suggestions(error))
        return
    row.exclude(trouble="").update(trouble="")
    if go_on and predictions.wanting(version).exists():
        if not version.paths:  # the first suggestions did not wait for this, and there are enough to gain by it
            _ring_for_paths(version)
        _ring_for_predictions(version, predictions.FOLLOWS[stage])


def learn_at_once(project_id: int) -> None:
    """Learn from what is finished, without a click, and mark the next articles. Nothing where a model does so."""
    project = Project.objects.select_related("current_source").filter(pk=project_id).first()
    try:
        if project is not None:
            at_once.follow(project)
    except QueueDown as down:  # the next `reconcile` finds that there is more to learn
        log.warning("%s", down)


def try_paths(version_id: int) -> None:
    """Find out by which path this version is to predict, once. Nothing where it is not current any more."""
    version = Version.objects.select_related("project", "source").filter(pk=version_id).first()
    if version is None or version.paths or not version.is_current:
        return
    try:
        paths.settle(version)
    except Exception as error:  # whatever it is: torch goes on predicting, and people read that it does
        log.exception("The paths of version %s could not be tried.", version.pk)
        Version.objects.filter(pk=version.pk).update(paths={"trouble": trouble.technical(error)})


def tag_archive(pk: int) -> None:
    """Go on with tagging an archive for a turn. Nothing where somebody else has taken it, or it is over."""
    row = Tagging.objects.claim(pk)
    if row is None:
        return
    try:
        if not row.version.paths:
            try_paths(row.version_id)
            row.version.refresh_from_db(fields=["path", "paths"])
        go_on = archive.run(row)
    except archive.Gone:
        return
    except Exception as error:  # whatever it is: people wait for the result, and must read why it ended
        log.exception("Archive tagging %s failed.", pk)
        Tagging.objects.held(row).update(status=Tagging.Status.FAILED, claim=None, error=trouble.no_result(error))
        return
    try:
        doorbell.ring_for_tagging(pk) if go_on else doorbell.ring_for_parquet(pk)
    except QueueDown as down:  # the next `reconcile` rings
        log.warning("%s", down)


def write_archive(pk: int) -> None:
    """Write what was found as a file. Nothing where it is written already, or not all is found."""
    row = Tagging.objects.filter(pk=pk, status=Tagging.Status.DONE, parquet="").first()
    if row is not None:
        archive_files.write_parquet(row)


def export_onnx(version_id: int) -> None:
    """Write a version as ONNX for whoever waits for it. Nothing where it is there, or the version is not."""
    version = Version.objects.filter(pk=version_id, deleted_at=None).first()
    if version is not None:
        exported.make(version)


def reconcile() -> None:
    """Bring true again what a lost worker or queue left untrue. Anybody may call it, at any time."""
    Run.objects.close_stale()
    _ring_for_speed(DEFAULT)
    try:
        for run in Run.objects.filter(status=Run.Status.QUEUED):
            doorbell.wait(run)
        for project in Project.objects.select_related("current_source"):
            _close_gap_in_learning(project)
        for version in Version.objects.filter(project__current_source=F("source")).select_related("project"):
            _close_gap(version)
        archive.revive()
    except QueueDown as down:
        log.warning("%s", down)
    by_itself.start_due()


def job_died(job_id: str, reason: str) -> None:
    """Told by the worker that its child is gone: no need to wait for the heartbeat to go stale.

    A run may be sent to two workers: one that another worker has claimed goes on, whatever became of this child.
    """
    name, *numbers = job_id.split("-")
    if name != "run" or len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        return
    pk, sent = map(int, numbers)
    for run in Run.objects.left_by_child(pk, sent):
        Run.objects.left_by_child(pk, sent).fail(trouble.died(reason, run.kind, run.kept_step))


def _carry_out(run_id: int, work: Work) -> None:
    run = Run.objects.claim(run_id)
    if run is None:
        log.info("Run %s is not waiting any more, so nothing was done.", run_id)
        return
    with Hold(run) as hold:
        version = _close(run, hold, work)
    if version is not None and version.is_current:
        _ring_for_predictions(version)


def _close(run: Run, hold: Hold, work: Work) -> Version | None:
    """Do it, and close the row as what came of it. Where the claim is lost, the row is not ours to close."""
    try:
        return work(run, hold)
    except (Stopped, Lost):
        hold.row().end(Run.Status.STOPPED)
    except KeyboardInterrupt:
        hold.row().end(Run.Status.STOPPED)
        raise
    except Exception as error:  # whatever it is: the person who pressed Retrain must read it in the row
        log.exception("Run %s failed.", run.pk)
        kept = hold.row().values_list("kept_step", flat=True).first() or 0
        hold.row().fail(trouble.in_words(error, run.kind, kept))
    return None


def _draw(run: Run, hold: Hold) -> None:
    try:
        curve.draw(run, hold)
        ended = hold.row().filter(stop_requested=False).end(Run.Status.SUCCEEDED)
    except curve.SteppedAside:
        ended = curve.step_aside(run, hold)
        _ring_again(run) if ended else None
    if not ended:  # asked to stop at the very end
        raise Stopped


def _ring_again(run: Run) -> None:
    try:
        doorbell.ring_for_run(run)
    except QueueDown as down:  # the row waits; the next `reconcile` rings
        log.warning("%s", down)


def _close_gap_in_learning(project: Project) -> None:
    """Ring where a finish was not learnt from."""
    if not at_once.is_wanted(project) or not instant.is_due(project) or doorbell.predictor_is_busy():
        return
    if not Learner.objects.filter(project=project, learnt=instant.state_of(project)).exists():
        doorbell.ring_for_learning(project.pk)


def _close_gap(version: Version) -> None:
    if doorbell.predictor_is_busy() or predictions.is_at_work(version):
        return
    if predictions.wanting(version).exists():
        doorbell.ring_for_predictions(version.source_id)


def _ring_for_speed(encoder: str) -> None:
    if encoder in _rung_for:
        return
    try:
        if speeds.is_wanted(encoder):
            doorbell.ring_for_speed(encoder)
            _rung_for.add(encoder)
    except QueueDown as down:  # the first training tells it
        log.warning("%s", down)


def _ring_for_paths(version: Version) -> None:
    try:
        doorbell.ring_for_paths(version.pk)
    except QueueDown as down:  # the next batch rings again
        log.warning("%s", down)


def _ring_for_predictions(version: Version, stage: doorbell.Stage = "next") -> None:
    try:
        doorbell.ring_for_predictions(version.source_id, stage)
    except QueueDown as down:  # the next `reconcile` finds the gap and rings
        log.warning("%s", down)
