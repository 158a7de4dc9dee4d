"""Where models lie below the data folder: whole ones as `models/PROJECT/vNUMBER`, and what a run needs meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from annotate.models import Project
from training.models import Run, Version

ASIDE, BEGUN = ".partial-", ".run-"


def models_folder(project: Project) -> Path:
    return Path(settings.TAGDESK_DATA) / "models" / str(project.pk)


def folder_of(version: Version) -> Path:
    return Path(settings.TAGDESK_DATA) / version.folder


def told(folder: Path) -> str:
    """As `Version.folder` has it."""
    return str(folder.relative_to(settings.TAGDESK_DATA))


def begun(run: Run) -> Path:
    """What the run needs to go on after its process died."""
    return models_folder(run.project) / f"{BEGUN}{run.pk}"


def fresh_aside(run: Run) -> Path:
    """A place for the unfinished model. What earlier runs left goes, and what another at work has there stays."""
    folder = models_folder(run.project)
    folder.mkdir(parents=True, exist_ok=True)
    at_work = {f"{ASIDE}{claim}" for claim in run.project.runs.active().values_list("claim", flat=True)}
    for left in folder.glob(f"{ASIDE}*"):
        if left.name not in at_work:
            shutil.rmtree(left, ignore_errors=True)
    if run.kind == Run.Kind.TRAIN:  # this one takes the place of those that could have gone on
        for left in set(folder.glob(f"{BEGUN}*")) - {begun(run)}:
            shutil.rmtree(left, ignore_errors=True)
    return folder / f"{ASIDE}{run.claim}"


def move(aside: Path, folder: Path) -> None:
    # What lies there has no row: the machine went down between the move and the commit.
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
