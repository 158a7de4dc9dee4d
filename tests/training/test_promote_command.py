import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotate.models import Project
from tests.make import make_project
from tests.training.fake_queue import FakeQueue
from tests.training.runs import make_version
from training.folders import folder_of


@pytest.fixture
def project(db: None, bell: FakeQueue) -> Project:
    """Two versions, the second one current; both have folders."""
    project = make_project()
    for current in (False, True):
        folder_of(make_version(project, current=current)).mkdir(parents=True, exist_ok=True)
    return project


def promote(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    call_command("promote", "news", *arguments, "--json")
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    return outcome


def test_a_version_is_made_current_and_its_suggestions_are_asked_for(
    project: Project, bell: FakeQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = promote(capsys, "1")
    assert outcome == {"status": "done", "project": "news", "version": 1, "was": 2, "changed": True, "notice": ""}
    project.refresh_from_db()
    assert project.current_source == project.versions.get(number=1).source
    assert [rung[1] for rung in bell.rung] == ["training.jobs.predict_next"]
    call_command("promote", "news", "1")
    assert capsys.readouterr().out == "Version 1 was current already.\n"
    assert len(bell.rung) == 1


def test_without_a_queue_it_is_current_all_the_same_and_says_so(
    project: Project, bell: FakeQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    bell.is_down = True
    call_command("promote", "news", "1")
    out = capsys.readouterr()
    assert out.out == "Version 1 is current now, instead of version 2.\n"
    assert "does not answer" in out.err


def test_what_cannot_be_made_current_says_why(project: Project) -> None:
    with pytest.raises(CommandError, match=r"has no version 7\. There is: 1, 2\."):
        call_command("promote", "news", "7")
    folder_of(project.versions.get(number=1)).rmdir()
    with pytest.raises(CommandError, match=r"its folder .* is gone"):
        call_command("promote", "news", "1")
