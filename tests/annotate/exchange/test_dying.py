"""What whoever looks makes of an import whose process died."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.utils import timezone

from annotate.exchange import hidden, importing, near, storing
from annotate.exchange.hidden import hidden_at
from annotate.models import Document, Import, NearKey, Project
from tests.annotate.exchange.handing_in import checked, imported, row, storable, upload
from tests.make import make_document, make_project

pytestmark = pytest.mark.django_db
Status = Import.Status


class Killed(BaseException):
    """The end of a process: nothing catches it."""


def killed_while_writing(*rows: dict[str, Any]) -> Import:
    """An import whose process ends after the first write, with a project of one label, ORG."""
    waiting = upload(make_project(labels=["ORG"]), list(rows))
    write = storing.Intake.write

    def ends(intake: storing.Intake, prepared: Any) -> None:
        write(intake, prepared)
        raise Killed

    with patch.object(storing.Intake, "write", ends), pytest.raises(Killed):
        imported(waiting)
    assert Document.objects.exists()
    return waiting


def fall_silent() -> int:
    Import.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    return importing.fail_stale()


def test_an_import_whose_process_died_is_failed_and_its_rest_removed() -> None:
    project = make_project()
    dead = upload(project, [row(1)])
    claimed = Import.objects.claim(checked(dead).pk, Status.CHECKED, Status.IMPORTING)
    assert claimed is not None
    intake = storing.Intake(project, hidden=hidden_at(dead.pk))
    intake.write([near.prepare(record) for record in storable(row(1))])
    kept = make_document(project=project)
    assert importing.fail_stale() == 0
    Import.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    assert importing.fail_stale() == 1
    dead.refresh_from_db()
    assert dead.status == Status.FAILED
    assert "ended without a word" in dead.error
    assert list(Document.objects.all()) == [kept]


def test_a_cancelled_import_whose_process_died_leaves_nothing() -> None:
    dead = killed_while_writing(row(1))
    assert Import.objects.cancel(dead)
    assert fall_silent() == 0
    assert not Document.objects.exists()
    assert not NearKey.objects.exists()
    assert not (settings.TAGDESK_DATA / dead.files[0][0]).exists()


def test_the_labels_that_a_dead_process_had_made_are_taken_back_once() -> None:
    killed_while_writing(row(1))
    project = Project.objects.get()
    assert project.label_names() == ["ORG", "PER"]
    assert fall_silent() == 1
    assert project.label_names() == ["ORG"]
    project.add_label("PER")
    fall_silent()
    assert project.label_names() == ["ORG", "PER"]


def test_an_import_whose_process_died_while_it_showed_its_articles_is_ended_by_whoever_looks() -> None:
    waiting = upload(make_project(), [row(number) for number in range(50)])
    with patch.object(hidden, "paced", side_effect=Killed), pytest.raises(Killed):
        imported(waiting)
    assert Document.objects.present().count() == 20
    assert not Import.objects.cancel(waiting)
    assert fall_silent() == 0
    waiting.refresh_from_db()
    assert (waiting.status, waiting.report["articles"], "releasing" in waiting.report) == (Status.DONE, 50, False)
    assert Document.objects.present().count() == 50
    assert not (settings.TAGDESK_DATA / waiting.files[0][0]).exists()
