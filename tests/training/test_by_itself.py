"""Trainings that nobody asks for."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from annotate.desk import do, open_desk
from annotate.models import Ask, Project
from tests.asking import Program, is_problem
from tests.make import join, make_document, make_project, make_user
from tests.training.fake_queue import FakeQueue
from tests.training.runs import make_run, running
from training import by_itself, jobs, starting
from training.models import Run, Schedule

HTMX = {"HX-Request": "true"}
AT = time(2, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[..., None]:
    """Set the time of day, in the zone of the server, on days that follow one another."""
    settings.TIME_ZONE = "Europe/Berlin"

    def set_to(day: int, hour: int, minute: int = 0) -> None:
        moment = datetime(2030, 3, day, hour, minute, tzinfo=timezone.get_default_timezone())
        monkeypatch.setattr(timezone, "now", lambda: moment.astimezone(UTC))

    set_to(10, 12)
    return set_to


def plan(project: Project, **fields: Any) -> Schedule:
    return Schedule.objects.create(project=project, **{"recipe": "quick", "set_at": timezone.now(), **fields})


def finish(project: Project, count: int = 1) -> None:
    for _ in range(count):
        make_document("Ada met Bob.", project, finished=True, PER="Ada")


def end(run: Run, status: str = "succeeded") -> None:
    Run.objects.filter(pk=run.pk).update(status=status, started_at=run.created_at, ended_at=timezone.now())


def test_after_so_many_finished_articles_one_starts_as_a_click_would(project: Project, bell: FakeQueue) -> None:
    plan(project, articles=3)
    jobs.reconcile()  # one is there to learn from, and one is held out
    assert not Run.objects.exists()
    finish(project)
    jobs.reconcile()
    run = Run.objects.get()
    assert (run.kind, run.status, run.requested_by) == ("train", "queued", None)
    assert run.settings["recipe"] == "quick"
    assert run.because == "3 articles were finished."
    assert bell.rung == [("train", "training.jobs.train", run.pk)]


def test_articles_count_from_the_last_training_on_whatever_became_of_it(project: Project, bell: FakeQueue) -> None:
    plan(project, articles=2)
    run = make_run(project, "failed", started_at=timezone.now())
    jobs.reconcile()
    assert Run.objects.get() == run
    finish(project)
    jobs.reconcile()
    assert Run.objects.count() == 1
    finish(project)
    jobs.reconcile()
    assert Run.objects.first().because == "2 articles were finished since the training before."


def test_an_article_of_the_final_test_or_one_that_is_deleted_does_not_count(project: Project, bell: FakeQueue) -> None:
    make_run(project, started_at=timezone.now())
    plan(project, articles=1)
    make_document("Ada left.", project, finished=True, split="test")
    make_document("Bob left.", project, finished=True).delete_softly(None)
    jobs.reconcile()
    assert Run.objects.count() == 1


@pytest.mark.parametrize("status", ["queued", "running"])
def test_none_starts_while_one_waits_or_works(project: Project, bell: FakeQueue, status: str) -> None:
    plan(project, articles=1)
    make_run(project, "queued") if status == "queued" else running(project)
    finish(project, 3)
    jobs.reconcile()
    assert Run.objects.count() == 1


def test_none_starts_where_it_is_off_or_was_never_chosen(project: Project, bell: FakeQueue) -> None:
    jobs.reconcile()
    plan(project, articles=1, is_on=False)
    jobs.reconcile()
    assert not Run.objects.exists()


def test_where_a_click_could_not_start_one_it_does_not_start_by_itself(project: Project, bell: FakeQueue) -> None:
    plan(project, articles=1)
    project.documents.filter(split="train").update(state="raw")
    jobs.reconcile()
    assert not Run.objects.exists()


def test_it_starts_without_a_queue_and_waits(project: Project, bell: FakeQueue) -> None:
    plan(project, articles=1)
    bell.is_down = True
    jobs.reconcile()
    assert Run.objects.get().status == "queued"


def test_at_its_time_of_day_one_starts_and_the_run_says_so(
    project: Project, bell: FakeQueue, clock: Callable[..., None]
) -> None:
    plan(project, at=AT)
    jobs.reconcile()  # today's time has passed: it is for tomorrow
    clock(11, 1, 59)
    jobs.reconcile()
    assert not Run.objects.exists()
    clock(11, 2, 0)
    jobs.reconcile()
    assert Run.objects.get().because == "It was 02:00 (Europe/Berlin)."


def test_the_time_that_nobody_was_there_to_see_is_made_up_for_once(
    project: Project, bell: FakeQueue, clock: Callable[..., None]
) -> None:
    plan(project, at=AT)
    clock(13, 9)
    jobs.reconcile()
    end(Run.objects.get(), "failed")
    jobs.reconcile()
    assert Run.objects.count() == 1


def test_where_nothing_has_changed_none_starts_until_the_next_day(
    project: Project, bell: FakeQueue, clock: Callable[..., None]
) -> None:
    plan(project, at=AT)
    end(make_run(project))
    clock(11, 2)
    jobs.reconcile()
    assert Run.objects.count() == 1
    clock(11, 9)
    finish(project)
    jobs.reconcile()  # the time has passed for today
    assert Run.objects.count() == 1
    clock(12, 2)
    jobs.reconcile()
    assert Run.objects.count() == 2


def edit(project: Project, verb: str, *given: Any) -> None:
    document = project.documents.filter(split="train").get()
    with open_desk(document.pk, Ask.anew(None, document.gold())) as desk:
        do(desk, verb, *given)


CHANGES = {
    "finished": finish,
    "corrected": lambda project: edit(project, "tag", 0, 1, "ORG"),
    "reopened": lambda project: edit(project, "reopen"),
    "deleted": lambda project: project.documents.filter(split="train").get().delete_softly(None),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_the_gold_is_a_change(
    project: Project, bell: FakeQueue, clock: Callable[..., None], what: str
) -> None:
    run = make_run(project)
    end(run)
    run.refresh_from_db()
    clock(10, 13)
    assert not by_itself.has_changed(project, run)
    clock(10, 14)
    CHANGES[what](project)
    assert by_itself.has_changed(project, run)


def test_a_flag_changes_nothing_that_is_learnt(project: Project, clock: Callable[..., None]) -> None:
    run = make_run(project)
    end(run)
    run.refresh_from_db()
    clock(10, 13)
    project.documents.filter(split="train").get().flag(None)
    assert not by_itself.has_changed(project, run)


def test_a_time_that_comes_while_one_works_is_not_lost(
    project: Project, bell: FakeQueue, clock: Callable[..., None]
) -> None:
    plan(project, at=AT)
    clock(11, 1, 50)
    run = running(project)
    clock(11, 2)
    Run.objects.update(heartbeat_at=timezone.now())
    jobs.reconcile()
    end(run)
    finish(project)
    jobs.reconcile()
    assert Run.objects.count() == 2


def test_a_time_that_comes_while_labels_are_changed_is_not_lost(
    project: Project, bell: FakeQueue, clock: Callable[..., None]
) -> None:
    plan(project, at=AT)
    change = project.label_changes.create(kind="renamed", label="PER", into="HUMAN", total=1)
    clock(11, 2)
    jobs.reconcile()
    assert not Run.objects.exists()
    change.delete()
    jobs.reconcile()
    assert Run.objects.get().because == "It was 02:00 (Europe/Berlin)."


def test_a_project_that_cannot_start_holds_up_neither_the_others_nor_what_else_is_mended(
    project: Project, bell: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_project("Other")
    make_document("Ada met Bob.", other, finished=True, PER="Ada")
    waits = make_run(make_project("Third"), "queued")
    Run.objects.update(created_at=timezone.now() - timedelta(hours=1))
    bell.place = None  # the queue has lost it
    for one in (project, other):
        plan(one, articles=1)

    def start(project: Project, *given: Any) -> tuple[Run | None, str]:
        if project.slug == "news":
            raise OSError("The disk is full.")
        return starting.start(project, *given)

    monkeypatch.setattr(by_itself, "start", start)
    jobs.reconcile()
    assert {pk for _, _, pk in bell.rung} >= {waits.pk, Run.objects.get(project=other).pk}


def test_a_failed_training_is_tried_again_the_next_day(
    project: Project, bell: FakeQueue, clock: Callable[..., None]
) -> None:
    plan(project, at=AT)
    clock(11, 2)
    jobs.reconcile()
    end(Run.objects.get(), "failed")
    clock(12, 2)
    jobs.reconcile()
    assert Run.objects.count() == 2


def test_two_workers_that_look_at_once_start_one(project: Project, bell: FakeQueue, clock: Callable[..., None]) -> None:
    schedule = plan(project, at=AT)
    clock(11, 2)
    assert by_itself.why_now(Schedule.objects.get())
    assert not by_itself.why_now(schedule)


def panel(client: Client, project: Project) -> str:
    html = client.get(f"/projects/{project.slug}/training").content.decode()
    return " ".join(html.split())


def test_the_panel_says_it_quietly_and_a_click_switches_it_off(
    project: Project, signed_in: Client, bell: FakeQueue, settings: Any
) -> None:
    assert "by itself" not in panel(signed_in, project)
    make_run(project, started_at=timezone.now(), scores={"decision": {"reason": "Promoted."}})
    schedule = plan(project, articles=20, at=AT)
    finish(project, 2)
    told = f"Trains by itself after 18 more finished articles, and at 02:00 ({settings.TIME_ZONE}) where something has"
    assert told in panel(signed_in, project)
    off = signed_in.post(f"/projects/{project.slug}/schedule/off", headers=HTMX).content.decode()
    assert 'id="training"' in off
    assert "by itself" not in off
    schedule.refresh_from_db()
    assert (schedule.is_on, schedule.articles) == (False, 20)


def test_one_that_is_due_says_so(project: Project, signed_in: Client, bell: FakeQueue) -> None:
    plan(project, articles=1)
    assert "Trains by itself within a minute." in panel(signed_in, project)


def test_a_run_says_that_it_started_by_itself(project: Project, signed_in: Client, bell: FakeQueue) -> None:
    run = make_run(project, because="20 articles were finished.", scores={"decision": {"reason": "Promoted."}})
    page = signed_in.get(f"/runs/{run.pk}/").content.decode()
    assert ">started by itself <time" in page
    assert "</time>: 20 articles were finished.</span>" in page
    assert "asked for" not in page
    assert "Started by itself. Promoted." in panel(signed_in, project)
    assert "by itself" in signed_in.get(f"/projects/{project.slug}/models").content.decode()


def save(client: Client, project: Project, **fields: Any) -> str:
    data = {"articles": "", "at": "", "recipe": "standard", **fields}
    return client.post(f"/projects/{project.slug}/schedule", data, follow=True).content.decode()


def test_a_manager_chooses_when(project: Project, signed_in: Client, user: User, settings: Any) -> None:
    page = save(signed_in, project, articles="20", at="02:30", recipe="thorough")
    assert f"its time zone is {settings.TIME_ZONE}" in page
    row = Schedule.objects.get()
    assert (row.is_on, row.articles, row.at, row.recipe, row.set_by) == (True, 20, time(2, 30), "thorough", user)
    page = signed_in.get(f"/projects/{project.slug}/schedule").content.decode()
    assert 'value="20"' in page
    assert 'value="02:30"' in page
    assert "Trainings start by a click alone." in save(signed_in, project)
    row.refresh_from_db()
    assert not row.is_on


@pytest.mark.parametrize("fields", [{"articles": "0"}, {"articles": "-1"}, {"at": "25:00"}, {"recipe": "magic"}])
def test_what_cannot_be_is_not_stored(project: Project, signed_in: Client, fields: dict[str, str]) -> None:
    assert "errorlist" in save(signed_in, project, **fields)
    assert not Schedule.objects.exists()


def test_only_managers_choose(project: Project, signed_in: Client, bell: FakeQueue) -> None:
    plan(project, articles=20)
    signed_in.force_login(join(project, make_user(), "annotator"))
    assert signed_in.get(f"/projects/{project.slug}/schedule").status_code == 403
    assert signed_in.post(f"/projects/{project.slug}/schedule/off").status_code == 403
    html = panel(signed_in, project)
    assert "Trains by itself" in html
    assert "Switch off" not in html


def test_a_program_chooses_when(project: Project, user: User, settings: Any) -> None:
    program = Program(user)
    assert program.get("/projects/news/schedule").json()["on"] is False
    make_run(project, started_at=timezone.now())
    told = program.put("/projects/news/schedule", {"articles": 20, "at": "02:00", "recipe": "quick"}).json()
    assert told == {
        "on": True,
        "articles": 20,
        "articles_left": 20,
        "at": "02:00:00",
        "time_zone": settings.TIME_ZONE,
        "recipe": "quick",
    }
    assert program.put("/projects/news/schedule", {}).json()["on"] is False
    is_problem(program.put("/projects/news/schedule", {"articles": 0}), 422)
    run = make_run(project, because="It was 02:00 (UTC).")
    assert program.get(f"/runs/{run.pk}").json()["because"] == "It was 02:00 (UTC)."


def test_a_new_time_is_not_made_up_for_today(project: Project, user: User, clock: Callable[..., None]) -> None:
    plan(project, at=AT, looked_at=timezone.now() - timedelta(days=3), set_at=timezone.now() - timedelta(days=9))
    Program(user).put("/projects/news/schedule", {"at": "11:00"})
    jobs.reconcile()
    assert not Run.objects.exists()
