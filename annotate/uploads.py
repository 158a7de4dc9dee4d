"""Files that people hand in, kept below the data folder until they are imported."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import File
from django.db import DatabaseError, transaction

from annotate import queue, webhooks
from annotate.models import Import, Project
from annotate.models.exchange import hold

COMING = "coming"  # the folder of what is being fetched


class NotKept(Exception):
    """Files that could not be stored; the message is a sentence for people."""


def receive(
    project: Project,
    user: Any,
    sources: Iterable[File[Any]],
    options: dict[str, Any],
    here: bool = False,
    addresses: Sequence[str] = (),
) -> Import:
    """Keep the files, each under a name of our own, and open an import for them: for a worker to take, or claimed for
    this process (`here`) from the start. What lies at web addresses is fetched by whoever takes it. Raises NotKept, and
    keeps nothing, where that fails.
    """
    folder = settings.TAGDESK_DATA / "uploads" / uuid4().hex
    held = hold(Import.Status.CHECKING) if here else {}
    try:
        files, size = _kept(sources, folder)
        awaited = {_stored(folder, len(files) + number): address for number, address in enumerate(addresses)}
        files += [[stored, address] for stored, address in awaited.items()]
        options = {**options, "addresses": awaited} if awaited else options
        return Import.objects.create(project=project, created_by=user, files=files, size=size, options=options, **held)
    except (OSError, DatabaseError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise NotKept(f"The server could not keep what you handed in: {reason}.") from error


def _kept(sources: Iterable[File[Any]], folder: Path) -> tuple[list[list[str]], int]:
    """Each file's place and the name it came with; and the bytes of all."""
    folder.mkdir(parents=True)
    files, size = [], 0
    for number, source in enumerate(sources):
        path = folder / f"{number}"
        with path.open("wb") as target:
            for chunk in source.chunks():
                target.write(chunk)
        size += path.stat().st_size
        files.append([_stored(folder, number), Path(source.name or "pasted.txt").name])
    return files, size


def _stored(folder: Path, number: int) -> str:
    """Where a file is kept, below the data folder."""
    return str((folder / f"{number}").relative_to(settings.TAGDESK_DATA))


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


def call_off(row: Import) -> bool:
    """Cancel an import, and forget what was handed in. False where it is too late for that."""
    with transaction.atomic():
        is_off = Import.objects.cancel(row)
        if is_off:
            row.refresh_from_db()
            webhooks.import_ended(row)
    if is_off:
        forget(row)
    return is_off


def problems_file(row: Import) -> Path | None:
    path = settings.TAGDESK_DATA / row.problems_path if row.problems_path else None
    return path if path and path.is_file() else None


def forget(row: Import) -> None:
    """Remove the stored upload of an import that is over; its list of problems stays. A worker that still reads it
    finds it gone, and its claim too.
    """
    for stored, _ in row.files:
        (settings.TAGDESK_DATA / stored).unlink(missing_ok=True)
    shutil.rmtree(folder_of(row) / COMING, ignore_errors=True)


def folder_of(row: Import) -> Path:
    return Path(settings.TAGDESK_DATA, row.files[0][0]).parent
