from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from annotate.models import Project
from tests.asking import Program, is_problem
from tests.make import join, make_project, make_user
from tests.training.fake_queue import FakeQueue, Rung
from tests.training.runs import PROGRESS, make_run, make_version, running
from training.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(project: Project) -> Program:
    return Program(project.memberships.get().user)


def test_a_training_is_asked_for_with_its_settings_and_a_worker_is_rung_for(program: Program, rung: Rung) -> None:
    response = program.post("/projects/news/runs", {"recipe": "quick", "epochs": 3, "learning_rate": 2e-5})
    told = response.json()
    assert (response.status_code, told["status"], told["project"]) == (202, "queued", "news")
    run = Run.objects.get(pk=told["id"])
    assert run.settings == {"recipe": "quick", "epochs": 3, "learning_rate": 2e-5}
    assert run.requested_by == program.row.user
    assert [args[1] for args in rung] == ["training.jobs.train"]


def test_a_second_one_starts_nothing_and_tells_the_first(program: Program, rung: Rung) -> None:
    first = program.post("/projects/news/runs", {}).json()
    told = is_problem(program.post("/projects/news/runs", {}), 409)
    assert told["current"]["id"] == first["id"]
    assert Run.objects.count() == 1


@pytest.mark.usefixtures("bell")
def test_with_nothing_to_learn_from_it_says_so(program: Program, project: Project) -> None:
    project.documents.update(state="raw")
    is_problem(program.post("/projects/news/runs", {}), 409)
    assert not Run.objects.exists()


@pytest.mark.usefixtures("bell")
@pytest.mark.parametrize(
    ("body", "place"),
    [({"epochs": 0}, "body.epochs"), ({"start": "current"}, "body.start"), ({"recipe": "x"}, "body.recipe")],
)
def test_settings_that_cannot_be_are_told(program: Program, body: dict[str, Any], place: str) -> None:
    assert is_problem(program.post("/projects/news/runs", body), 422)["errors"][0]["place"] == place


def test_without_a_queue_it_waits_and_says_what_for(program: Program, bell: FakeQueue) -> None:
    bell.is_down = True
    told = program.post("/projects/news/runs", {}).json()
    assert told["status"] == "queued"
    assert "queue does not answer" in told["waiting"]


def test_a_run_tells_its_place_then_how_far_it_is(program: Program, project: Project, bell: FakeQueue) -> None:
    run = make_run(project, "queued")
    assert program.get(f"/runs/{run.pk}").json()["waiting"] == "It is number 1 in the queue."
    bell.workers = 0
    assert program.get(f"/runs/{run.pk}").json()["waiting"] == "No training worker is running."
    run.stop()
    told = program.get(f"/runs/{running(project, progress=PROGRESS).pk}").json()
    assert (told["phase"], told["progress"]["step"], told["waiting"]) == ("Learning", 7, "")


@pytest.mark.usefixtures("bell")
def test_a_run_that_ended_tells_its_scores_and_the_model_it_left(program: Program, project: Project) -> None:
    scores = {"candidate": {"f1": 0.8}, "decision": {"promote": True, "reason": "Promoted: better."}}
    version = make_version(project, run=make_run(project, scores=scores))
    told = program.get(f"/runs/{version.run_id}").json()
    assert (told["scores"], told["promoted"], told["reason"]) == ({"f1": 0.8}, True, "Promoted: better.")
    assert told["version"] == version.number


@pytest.mark.usefixtures("bell")
def test_a_run_whose_worker_died_is_told_as_failed(program: Program, project: Project) -> None:
    run = running(project, heartbeat_at=timezone.now() - timedelta(minutes=2))
    told = program.get(f"/runs/{run.pk}").json()
    assert told["status"] == "failed"
    assert told["reason"]


@pytest.mark.usefixtures("bell")
def test_a_run_is_stopped_by_who_may_tag(program: Program, project: Project) -> None:
    run = make_run(project, "queued")
    viewer = Program(join(project, make_user(), "viewer"))
    is_problem(viewer.post(f"/runs/{run.pk}/stop"), 403)
    assert program.post(f"/runs/{run.pk}/stop").json()["status"] == "stopped"
    assert program.post(f"/runs/{run.pk}/stop").status_code == 200


@pytest.mark.usefixtures("bell")
def test_models_are_listed_with_the_current_one_and_paged(program: Program, project: Project) -> None:
    for number in range(3):
        make_version(project, current=number == 1, f1=number / 10)
    page = program.get("/projects/news/versions?limit=2").json()
    assert [(item["number"], item["current"]) for item in page["items"]] == [(1, False), (2, True)]
    rest = program.get(f"/projects/news/versions?cursor={page['next']}").json()
    assert ([item["number"] for item in rest["items"]], rest["next"]) == ([3], None)


def test_a_model_is_made_current_and_its_suggestions_follow(program: Program, project: Project, rung: Rung) -> None:
    version = make_version(project)
    is_problem(program.post("/projects/news/versions/1/promote"), 409)  # there is no folder
    (settings.TAGDESK_DATA / version.folder).mkdir(parents=True)
    assert program.post("/projects/news/versions/1/promote").json()["current"] is True
    project.refresh_from_db()
    assert project.current_source == version.source
    assert [args[1] for args in rung] == ["training.jobs.predict_next"]
    is_problem(program.post("/projects/news/versions/9/promote"), 404)
    is_problem(program.post(f"/projects/news/versions/{2**62}/promote"), 404)


@pytest.mark.usefixtures("bell")
def test_a_model_that_was_deleted_is_not_made_current(program: Program, project: Project) -> None:
    make_version(project, deleted_at=timezone.now())
    assert "was deleted" in is_problem(program.post("/projects/news/versions/1/promote"), 409)["detail"]


@pytest.mark.usefixtures("bell")
def test_a_foreign_projects_runs_and_models_do_not_exist(program: Program) -> None:
    foreign = make_project("Foreign")
    run = make_run(foreign, "queued")
    is_problem(program.get(f"/runs/{run.pk}"), 404)
    is_problem(program.post(f"/runs/{run.pk}/stop"), 404)
    is_problem(program.get("/projects/foreign/versions"), 404)
    is_problem(program.post("/projects/foreign/runs", {}), 404)


def test_a_token_for_one_project_sees_no_other_ones_runs(program: Program, project: Project, bell: FakeQueue) -> None:
    other = make_project("Other", manager=program.row.user)
    run = make_run(other, "queued")
    is_problem(Program(program.row.user, project=project).get(f"/runs/{run.pk}"), 404)
    assert program.get(f"/runs/{run.pk}").status_code == 200
