from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from annotate.api import projects
from annotate.models import Project, RepeatableRequest
from tests.asking import Program, is_problem
from tests.make import make_user

NEW = {"name": "Court reports", "labels": ["LAW"]}


@pytest.mark.django_db
def test_the_same_request_under_the_same_key_is_answered_once_more_and_done_once(program):
    first = program.post("/projects", NEW, Idempotency_Key="k1")
    again = program.post("/projects", NEW, Idempotency_Key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Project.objects.filter(name="Court reports").count() == 1


@pytest.mark.django_db
def test_another_key_or_another_person_is_another_request(program):
    program.post("/projects", NEW, Idempotency_Key="k1")
    program.post("/projects", NEW, Idempotency_Key="k2")
    Program(make_user()).post("/projects", NEW, Idempotency_Key="k1")
    program.post("/projects", NEW)
    assert Project.objects.filter(name="Court reports").count() == 4


@pytest.mark.django_db
def test_another_request_under_the_same_key_is_refused(program):
    program.post("/projects", NEW, Idempotency_Key="k1")
    told = is_problem(program.post("/projects", {**NEW, "name": "Other"}, Idempotency_Key="k1"), 422)
    assert "used for another request" in told["detail"]
    is_problem(program.patch("/projects/news", NEW, Idempotency_Key="k1"), 422)


@pytest.mark.django_db
def test_a_refusal_is_repeated_and_a_fault_is_tried_again(program, monkeypatch):
    wrong = {"name": "Court reports", "labels": ["A B"]}
    first = program.post("/projects", wrong, Idempotency_Key="k1")
    again = program.post("/projects", wrong, Idempotency_Key="k1")
    assert (again.status_code, again.content) == (422, first.content)
    assert again.headers["Content-Type"] == "application/problem+json"

    def broken(*args):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(projects, "told", broken)
        is_problem(program.post("/projects", NEW, Idempotency_Key="k2"), 500)
    assert program.post("/projects", NEW, Idempotency_Key="k2").status_code == 201


@pytest.mark.django_db
def test_a_key_is_kept_a_day(program):
    program.post("/projects", NEW, Idempotency_Key="k1")
    row = RepeatableRequest.objects.get()
    RepeatableRequest.objects.update(begun_at=row.begun_at - timedelta(hours=25))
    assert "Idempotent-Replayed" not in program.post("/projects", NEW, Idempotency_Key="k1").headers
    assert RepeatableRequest.objects.count() == 1


@pytest.mark.django_db
def test_who_comes_while_it_is_being_worked_on_is_told_to_wait_and_takes_over_from_the_dead(program):
    program.post("/projects", NEW, Idempotency_Key="k1")
    RepeatableRequest.objects.update(status=None)
    response = program.post("/projects", NEW, Idempotency_Key="k1")
    is_problem(response, 409)
    assert response.headers["Retry-After"] == "1"
    row = RepeatableRequest.objects.get()
    RepeatableRequest.objects.update(begun_at=row.begun_at - timedelta(minutes=11))
    assert program.post("/projects", NEW, Idempotency_Key="k1").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "k" * 201, "a\tb"])
def test_what_is_no_key_is_refused(program, key):
    is_problem(program.post("/projects", NEW, Idempotency_Key=key), 400)


@pytest.mark.django_db
def test_reading_needs_no_key_and_keeps_none(program):
    program.get("/projects", Idempotency_Key="k1")
    assert not RepeatableRequest.objects.exists()


def test_of_many_at_once_one_does_the_work(transactional_db):
    program = Program(make_user())
    start, answers = Barrier(4), []

    def ask():
        start.wait()
        answers.append(Program.post(program, "/projects", NEW, Idempotency_Key="k1").status_code)
        connection.close()

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Project.objects.count() == 1
    assert set(answers) <= {201, 409}
    assert 201 in answers
