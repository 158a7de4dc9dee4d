"""Trainings that nobody asks for: after so many finished articles, or at a time of day. Each `reconcile` looks.

What was tried is not tried again for the same reason: articles count from the last attempt on, whatever became of it,
and a time of day is looked at once.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from annotate.models import Document, Edit, How, Project, State
from training.models import Run, Schedule
from training.snapshot import finished_gold
from training.starting import start

BESIDE = (How.FLAGGED, How.UNFLAGGED)  # what is written in the log and changes nothing that is learnt

log = logging.getLogger(__name__)


def start_due() -> None:
    """Start what is due, each as a click would."""
    for schedule in Schedule.objects.filter(is_on=True).select_related("project__current_source"):
        try:
            _start_where_due(schedule)
        except Exception:  # whatever it is: it is this project's, and the others are due all the same
            log.exception("The training of project %s could not start by itself.", schedule.project_id)


def _start_where_due(schedule: Schedule) -> None:
    if because := why_now(schedule):
        _, told = start(schedule.project, None, {"recipe": schedule.recipe}, because)
        log.info("Project %s trains by itself. %s", schedule.project_id, told) if told else None


def why_now(schedule: Schedule) -> str:
    """Why a training is to start now, in words; empty where none is."""
    trainings = schedule.project.runs.filter(kind=Run.Kind.TRAIN)
    if trainings.active().exists() or schedule.project.label_changes.unfinished().exists():
        return ""  # before the time of day is taken: it is still there when that is done
    last = trainings.only("created_at", "started_at").first()
    if schedule.articles and (count := finished_since(schedule.project, last)) >= schedule.articles:
        since = " since the training before" if last else ""
        return f"{count:,} article{'s were' if count > 1 else ' was'} finished{since}."
    if schedule.at and _takes_the_time(schedule):
        learnt = trainings.filter(status=Run.Status.SUCCEEDED).only("created_at", "started_at").first()
        if has_changed(schedule.project, learnt):
            return f"It was {schedule.at:%H:%M} ({settings.TIME_ZONE})."
    return ""


def finished_since(project: Project, run: Run | None) -> int:
    """How many articles that training learns from or is scored on were finished since this one began."""
    gold = finished_gold(project)
    return (gold.filter(finished_at__gt=_began(run)) if run else gold).count()


def has_changed(project: Project, learnt: Run | None) -> bool:
    """Whether there is anything to learn that this run has not seen, or less than it saw."""
    if learnt is None:
        return True
    began = _began(learnt)
    was_or_is = Q(status_before=State.FINISHED) | Q(status_after=State.FINISHED)
    return (
        finished_gold(project).filter(updated_at__gt=began).exists()
        or Edit.objects.filter(was_or_is, document__project=project, at__gt=began).exclude(how__in=BESIDE).exists()
        or Document.objects.filter(project=project, state=State.FINISHED, deleted_at__gt=began).exists()
    )


def told(project: Project) -> str:
    """When the project trains by itself, in a sentence; empty where it does not."""
    schedule = Schedule.objects.filter(project=project, is_on=True).first()
    if schedule is None:
        return ""
    occasions = []
    if schedule.articles:
        left = articles_left(schedule)
        occasions.append(
            f"after {left:,} more finished article{'' if left == 1 else 's'}" if left else "within a minute"
        )
    if schedule.at:
        occasions.append(f"at {schedule.at:%H:%M} ({settings.TIME_ZONE}) where something has changed")
    return f"Trains by itself {', and '.join(occasions)}."


def articles_left(schedule: Schedule) -> int:
    last = schedule.project.runs.filter(kind=Run.Kind.TRAIN).only("created_at", "started_at").first()
    return max(0, (schedule.articles or 0) - finished_since(schedule.project, last))


def _began(run: Run) -> datetime:
    """From when on its articles may have been read."""
    return run.started_at or run.created_at


def _takes_the_time(schedule: Schedule) -> bool:
    """Whether the time of day has come, since it was chosen and last looked at, and nobody else has seen it. Where no
    worker was there to look, it is made up for.
    """
    now = timezone.localtime()
    assert schedule.at is not None
    came = timezone.make_aware(datetime.combine(now.date(), schedule.at))
    if came > now:
        came = timezone.make_aware(datetime.combine(now.date() - timedelta(days=1), schedule.at))
    if came <= max(schedule.set_at, schedule.looked_at or schedule.set_at):
        return False
    unseen = Schedule.objects.filter(pk=schedule.pk, looked_at=schedule.looked_at)
    return bool(unseen.update(looked_at=came))
