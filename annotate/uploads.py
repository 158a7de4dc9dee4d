"""Files that people hand in, kept below the data folder until they are imported."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import File

from annotate import queue
from annotate.models import Import, Project
from annotate.models.exchange import hold


def receive(
    project: Project, user: Any, sources: Iterable[File[Any]], options: dict[str, Any], here: bool = False
) -> Import:
    """Keep the files, each under a name of our own, and open an import for them: for a worker to take, or claimed for
    this process (`here`) from the start.
    """
    folder = Path("uploads") / uuid4().hex
    absolute = settings.TAGDESK_DATA / folder
    absolute.mkdir(parents=True)
    files, size = [], 0
    for number, source in enumerate(sources):
        path = absolute / f"{number}"
        with path.open("wb") as target:
            for chunk in source.chunks():
                target.write(chunk)
        size += path.stat().st_size
        files.append([str(folder / path.name), Path(source.name or "pasted.txt").name])
    held = hold(Import.Status.CHECKING) if here else {}
    return Import.objects.create(project=project, created_by=user, files=files, size=size, options=options, **held)


def ring(row: Import) -> None:
    """Send an import that waits to a worker. Raises QueueDown; the row waits all the same."""
    job = "check_import" if row.status == Import.Status.UPLOADED else "run_import"
    queue.enqueue("io", f"annotate.jobs.{job}", row.pk, job_id=f"{job}-{row.pk}")


def ring_again() -> None:
    """Ring for imports that wait without a job, as after the loss of a queue. Raises QueueDown."""
    waiting = Import.objects.filter(status__in=(Import.Status.UPLOADED, Import.Status.CONFIRMED))
    if waiting.exists() and not queue.length("io"):
        for row in waiting:
            ring(row)


def problems_file(row: Import) -> Path | None:
    path = settings.TAGDESK_DATA / row.problems_path if row.problems_path else None
    return path if path and path.is_file() else None


def forget(row: Import) -> None:
    """Remove the stored upload of an import that is over; its list of problems stays."""
    for stored, _ in row.files:
        (settings.TAGDESK_DATA / stored).unlink(missing_ok=True)


def folder_of(row: Import) -> Path:
    return Path(settings.TAGDESK_DATA, row.files[0][0]).parent


def remove(row: Import) -> None:
    shutil.rmtree(folder_of(row), ignore_errors=True)
