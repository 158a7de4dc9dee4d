import logging

import pytest
from redis import RedisError

from annotate import queue
from annotate.api import callers, projects
from tests.asking import is_problem
from tests.make import make_document, make_project

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/nothing", "/projects/foreign", "/documents/0", "/documents/99999999999999999999", "/runs/7"]
)
def test_what_is_not_there_and_what_is_foreign_answer_alike(program, path):
    make_project("Foreign")
    assert "not yours" in is_problem(program.get(path), 404)["detail"]


def test_a_foreign_article_does_not_exist(program):
    foreign = make_document(project=make_project("Foreign"))
    is_problem(program.get(f"/documents/{foreign.pk}"), 404)


def test_a_wrong_method_is_told_the_right_ones(program):
    response = program.ask("DELETE", "/projects")
    assert "GET" in is_problem(response, 405)["detail"]
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[" * 100_000, b'{"threshold": NaN}', b'{"threshold": 1e999}', b"1" * 5_000]
)
def test_a_body_that_is_not_json_is_refused(program, project, body):
    assert "not JSON" in is_problem(program.patch(f"/projects/{project.slug}", body), 400)["detail"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"name": "News"}, "body.labels"),
        ({"name": "News", "labels": ["PER", ""]}, "body.labels.1"),
        ({"name": "News", "labels": ["PER"], "thresold": 0.9}, "body.thresold"),
        ({"name": "N\x00", "labels": ["PER"]}, "body.name"),
        ({"name": "News", "labels": ["PER"], "threshold": 2}, "body.threshold"),
        ([], "body"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(program, body, place):
    errors = is_problem(program.post("/projects", body), 422)["errors"]
    assert [error["place"] for error in errors] == [place]
    assert errors[0]["detail"].endswith(".")


def test_half_a_character_is_refused(program):
    is_problem(program.post("/projects", b'{"name": "\\ud800", "labels": ["PER"]}'), 422)


def test_too_large_a_body_is_not_read(program, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    is_problem(program.post("/projects", {"name": "N" * 100, "labels": ["PER"]}), 413)


def test_a_fault_of_ours_is_logged_and_says_nothing_of_what_was_sent(program, monkeypatch, caplog):
    def broken(*args):
        raise RuntimeError("words of an article")

    monkeypatch.setattr(projects, "told", broken)
    with caplog.at_level(logging.ERROR):
        response = program.get("/projects")
    assert "words of an article" not in response.content.decode()
    assert "Something broke" in is_problem(response, 500)["detail"]
    assert any("broke at GET /api/v1/projects" in record.getMessage() for record in caplog.records)


def test_who_asks_too_often_is_told_when_to_go_on(program, monkeypatch):
    counts = iter(range(1, 10))
    monkeypatch.setattr(callers, "MOST_A_MINUTE", 2)
    monkeypatch.setattr(queue, "counted", lambda name, seconds: next(counts))
    assert [program.get("/projects").status_code for _ in range(2)] == [200, 200]
    response = program.get("/projects")
    is_problem(response, 429)
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_without_the_queue_it_goes_on(program, monkeypatch):
    class Gone:
        def pipeline(self, **options):
            raise RedisError

    monkeypatch.setattr(queue, "connection", Gone)
    assert program.get("/projects").status_code == 200


def test_each_token_is_counted_by_itself(program, project, queue, monkeypatch):
    from tests.asking import Program

    monkeypatch.setattr(callers, "MOST_A_MINUTE", 3)
    other = Program(project.memberships.get().user)
    assert {program.get("/projects").status_code for _ in range(3)} == {200}
    assert program.get("/projects").status_code == 429
    assert other.get("/projects").status_code == 200
