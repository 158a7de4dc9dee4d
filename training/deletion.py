"""Delete what a version takes on the disk. Its row stays, and so does all that speaks of it."""

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from annotate.models import Project
from training.exported import folder_as_onnx
from training.folders import folder_of
from training.models import Version
from training.paths import cache_of


class StillCurrent(Exception):
    """The version is the one whose suggestions people see."""


def size_of(version: Version) -> int:
    """Bytes that deleting the version frees."""
    return sum(_size(folder) for folder in (folder_of(version), cache_of(version), folder_as_onnx(version)))


def delete(version: Version, by: Any) -> None:
    """Delete the version's files. Raises StillCurrent, and OSError: then all is as it was."""
    folder = folder_of(version)
    aside = folder.with_name(f".partial-{uuid4().hex}")  # what a crash leaves of it, the next training sweeps away
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=version.project_id)
        if project.current_source_id == version.source_id:
            raise StillCurrent
        mine = Version.objects.filter(pk=version.pk, deleted_at=None)
        if mine.update(deleted_at=timezone.now(), deleted_by=by) and folder.exists():
            folder.rename(aside)
    for left in (aside, cache_of(version), folder_as_onnx(version)):
        shutil.rmtree(left, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
