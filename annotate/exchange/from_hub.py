"""An import of a dataset of the hub: its files are fetched by whoever reads it first, and are then like any others."""

import shutil
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError

from annotate import uploads
from annotate.exchange import hub
from annotate.exchange.reading import Gone
from annotate.models import Import, Project
from annotate.models.exchange import hold


def expect(project: Project, user: Any, wanted: hub.Wanted, options: dict[str, Any], here: bool = False) -> Import:
    """Open an import for a dataset that is still to be fetched: as `uploads.receive` does for files.

    In many datasets each split counts its ids from 0, so an id that is there with another text keeps no row out, unless
    a person says so.
    """
    folder = settings.TAGDESK_DATA / "uploads" / uuid4().hex
    held = hold(Import.Status.CHECKING) if here else {}
    files = [[str((folder / "0").relative_to(settings.TAGDESK_DATA)), wanted.name]]
    given = {**options, "taken": options.get("taken") or "keep", "hub": wanted._asdict()}
    try:
        folder.mkdir(parents=True)
        return Import.objects.create(project=project, created_by=user, files=files, options=given, **held)
    except (OSError, DatabaseError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise uploads.NotKept(f"The server could not keep what is to be imported: {reason}.") from error


def fetch(row: Import, tell: Callable[[int], object]) -> None:
    """Fetch what the import is of, where that is not here yet. Raises FormatError with the hub's reason, and Gone."""
    if not row.is_to_be_fetched:
        return
    folder = uploads.folder_of(row)
    found = hub.look(hub.Wanted(**row.options["hub"]))
    _note(row, size=found.size)
    aside = folder / uploads.COMING
    try:
        come = [(path, folder / f"{n}", name) for n, (path, name) in enumerate(hub.fetch(found, aside, tell))]
        # They are named before they lie there: whoever forgets the import meanwhile goes by the names.
        _note(row, files=[[str(place.relative_to(settings.TAGDESK_DATA)), name] for _, place, name in come])
        for path, place, _ in come:
            path.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    options = {**row.options, "hub": {**row.options["hub"], "commit": found.commit}}
    if found.labels and not options.get("label_list"):
        options["label_list"] = found.labels
    if found.beginnings:
        options["beginnings"] = found.beginnings
    _note(row, options=options, done_bytes=0)


def _note(row: Import, **changed: Any) -> None:
    if not Import.objects.held(row).update(**changed):
        raise Gone
    for name, value in changed.items():
        setattr(row, name, value)
