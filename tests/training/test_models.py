"""The rules that the database keeps, gone round the models."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate.models import Project
from tests.make import make_project
from tests.training.runs import make_run, make_version
from training.models import Run, Version


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


def refused(name: str, write: Any) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        write()


@pytest.mark.parametrize("first", ["queued", "running"])
@pytest.mark.parametrize("second", ["queued", "running"])
def test_a_project_has_one_active_training(project: Project, first: str, second: str) -> None:
    make_run(project, first, claim=uuid4())
    other = Run(project=project, status=second, claim=uuid4())
    refused("project", lambda: Run.objects.bulk_create([other]))
    make_run(project, "failed")
    make_run(project, "queued", kind="curve")
    make_run(make_project("Other"), second, claim=uuid4())


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("run_status_known", {"status": "done"}),
        ("run_kind_known", {"kind": "other"}),
        ("running_is_claimed", {"status": "running", "claim": None}),
    ],
)
def test_a_run_is_of_a_known_kind_and_state_and_claimed_while_it_runs(
    project: Project, constraint: str, values: dict[str, Any]
) -> None:
    make_run(project, "failed")
    refused(constraint, lambda: Run.objects.update(**values))


def test_a_version_number_is_given_once_a_project_from_one_on(project: Project) -> None:
    first, second = make_version(project), make_version(project)
    assert (first.number, second.number) == (1, 2)
    refused("number", lambda: Version.objects.filter(pk=second.pk).update(number=1))
    refused("version_numbers_begin_at_one", lambda: Version.objects.filter(pk=second.pk).update(number=0))


def test_of_two_that_claim_a_run_one_gets_it(project: Project) -> None:
    run = make_run(project, "queued")
    claimed = Run.objects.claim(run.pk)
    assert claimed is not None
    assert claimed.claim is not None
    assert Run.objects.claim(run.pk) is None


def test_only_the_claim_that_holds_a_running_run_may_write(project: Project) -> None:
    run = make_run(project, "running", claim=uuid4())
    assert Run.objects.held(run.pk, run.claim).exists()
    assert not Run.objects.held(run.pk, uuid4()).exists()
    Run.objects.update(status="failed")
    assert not Run.objects.held(run.pk, run.claim).exists()


def test_a_run_that_beat_since_it_was_looked_at_is_not_closed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(project, "running", claim=uuid4(), heartbeat_at=timezone.now() - timedelta(minutes=1))
    Run.objects.update(heartbeat_at=timezone.now())
    looked, rows = iter([[run]]), type(Run.objects.all()).__iter__
    monkeypatch.setattr(type(Run.objects.all()), "__iter__", lambda self: iter(next(looked, None) or rows(self)))
    Run.objects.close_stale()
    monkeypatch.undo()
    run.refresh_from_db()
    assert run.status == "running"


def test_an_end_is_written_once(project: Project) -> None:
    run = make_run(project, "running", claim=uuid4())
    mine = Run.objects.filter(pk=run.pk)
    assert mine.end(Run.Status.STOPPED)
    assert not mine.fail("too late")
    run.refresh_from_db()
    assert (run.status, run.error) == ("stopped", "")


def test_a_project_goes_with_its_runs_and_versions(project: Project) -> None:
    make_version(project, current=True)
    project.delete()
    assert Run.objects.count() == Version.objects.count() == 0


def test_a_run_with_a_version_does_not_go_alone(project: Project) -> None:
    from django.db.models import RestrictedError

    version = make_version(project)
    with pytest.raises(RestrictedError):
        version.run.delete()
