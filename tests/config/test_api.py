"""The API as a whole: who may do what, its description, and that pages do not pay for it."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis

from annotate import webhooks
from annotate.models import Document, Project, Webhook
from tests.asking import Program, is_problem
from tests.make import join, make_document, make_project, make_user
from tests.training.runs import make_run, make_version

pytestmark = pytest.mark.django_db
ODD = hypothesis(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
SCOPES = ("read", "write", "manage")
ROLES = ("viewer", "annotator", "manager")
# What it takes, in the order of SCOPES and ROLES; a project is made by anybody whose token may manage.
NEEDED = {
    "GET /api/v1/projects": 0,
    "POST /api/v1/projects": 2,
    "GET /api/v1/projects/{slug}": 0,
    "PATCH /api/v1/projects/{slug}": 2,
    "GET /api/v1/projects/{slug}/gazetteer": 0,
    "PUT /api/v1/projects/{slug}/gazetteer": 2,
    "DELETE /api/v1/projects/{slug}/gazetteer": 2,
    "GET /api/v1/projects/{slug}/documents": 0,
    "POST /api/v1/projects/{slug}/documents": 2,
    "GET /api/v1/projects/{slug}/documents/next": 0,
    "GET /api/v1/documents/{pk}": 0,
    "PUT /api/v1/documents/{pk}/annotation": 1,
    "POST /api/v1/documents/{pk}/verdicts": 1,
    "GET /api/v1/projects/{slug}/statistics": 0,
    "GET /api/v1/projects/{slug}/export": 0,
    "POST /api/v1/projects/{slug}/runs": 1,
    "GET /api/v1/runs/{pk}": 0,
    "POST /api/v1/runs/{pk}/stop": 1,
    "GET /api/v1/projects/{slug}/versions": 0,
    "POST /api/v1/projects/{slug}/versions/{number}/promote": 2,
    "GET /api/v1/projects/{slug}/schedule": 0,
    "PUT /api/v1/projects/{slug}/schedule": 2,
    "GET /api/v1/projects/{slug}/webhooks": 2,
    "POST /api/v1/projects/{slug}/webhooks": 2,
    "GET /api/v1/projects/{slug}/webhooks/{pk}": 2,
    "PATCH /api/v1/projects/{slug}/webhooks/{pk}": 2,
    "DELETE /api/v1/projects/{slug}/webhooks/{pk}": 2,
    "POST /api/v1/projects/{slug}/webhooks/{pk}/secret": 2,
    "POST /api/v1/projects/{slug}/webhooks/{pk}/test": 2,
    "GET /api/v1/projects/{slug}/webhooks/{pk}/deliveries": 2,
    "POST /api/v1/projects/{slug}/webhooks/{pk}/deliveries/{delivery}/again": 2,
    "POST /api/v1/projects/{slug}/predict": 0,
}
BODIES: dict[str, Any] = {
    "POST /api/v1/projects": {"name": "New", "labels": ["PER"]},
    "PATCH /api/v1/projects/{slug}": {"threshold": 0.5},
    "PUT /api/v1/projects/{slug}/gazetteer": {"lines": "Ada\tPER\n"},
    "POST /api/v1/projects/{slug}/documents": {"documents": [{"text": "Ada left."}]},
    "PUT /api/v1/documents/{pk}/annotation": {"client_id": str(uuid4()), "base": 0, "spans": []},
    "POST /api/v1/documents/{pk}/verdicts": {
        "client_id": str(uuid4()),
        "base": 0,
        "verdicts": [{"verdict": "rejected", "start": 0, "end": 3, "label": "PER"}],
    },
    "POST /api/v1/projects/{slug}/runs": {},
    "PUT /api/v1/projects/{slug}/schedule": {"articles": 20},
    "POST /api/v1/projects/{slug}/webhooks": {"address": "https://example.org/", "events": ["run.ended"]},
    "PATCH /api/v1/projects/{slug}/webhooks/{pk}": {"on": True},
    "POST /api/v1/projects/{slug}/predict": {"texts": ["Ada left."]},
}


def operations() -> dict[str, dict[str, Any]]:
    paths = Client().get("/api/v1/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": told for path, methods in paths.items() for method, told in methods.items()}


def ask(program: Program, name: str, project: Project) -> Any:
    method, path = name.split()
    document = Document.objects.filter(project=project).first()
    run, webhook = project.runs.first(), project.webhooks.first()
    pk = run.pk if "runs" in path else webhook.pk if webhook and "webhooks" in path else document.pk
    delivery = webhook.deliveries.first().pk if webhook else 0
    path = path.removeprefix("/api/v1").format(slug=project.slug, pk=pk, number=1, delivery=delivery)
    return program.ask(method, path, BODIES.get(name))


@pytest.fixture
def furnished() -> Project:
    project = make_project()
    make_document(project=project)
    make_version(project)
    webhook = Webhook.objects.create(project=project, address="https://example.org/", events=["import.ended"])
    webhooks.test(webhook)
    return project


def test_the_table_names_every_address() -> None:
    assert set(operations()) == set(NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_who_may_do_what_by_role_and_by_scope(furnished: Project, name: str) -> None:
    for role_rank, role in enumerate(ROLES):
        user = join(furnished, make_user(), role)
        for scope_rank, scope in enumerate(SCOPES):
            held = scope_rank if name == "POST /api/v1/projects" else min(role_rank, scope_rank)
            status = ask(Program(user, scope), name, furnished).status_code
            assert (role, scope, status == 403) == (role, scope, held < NEEDED[name]), status
            assert status != 500


@pytest.mark.parametrize("name", [name for name in NEEDED if "{" in name])
def test_a_foreign_project_does_not_exist(furnished: Project, name: str) -> None:
    is_problem(ask(Program(make_user()), name, furnished), 404)


@pytest.mark.parametrize("name", NEEDED)
def test_without_a_token_nothing_is_told(furnished: Project, name: str) -> None:
    program = Program(make_user())
    program.token = "tagdesk_none"
    is_problem(ask(program, name, furnished), 401)


def test_the_description_is_whole_and_valid() -> None:
    told = Client().get("/api/v1/openapi.json").json()
    schemathesis.openapi.from_dict(told).validate()
    for name, operation in operations().items():
        assert operation["summary"], name
        assert {"401", "404", "422", "429", "500"} <= set(operation["responses"]), name
        if body := operation.get("requestBody"):
            reference = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert told["components"]["schemas"][reference]["examples"], name


def test_the_page_is_written_here_and_asks_nobody_else(client: Client) -> None:
    page = client.get("/api/").content.decode()
    for name in NEEDED:
        method, path = name.split()
        assert f'<code class="method">{method}</code> <code>{path}</code>' in page
    assert not re.search(r"""(?:src|href)=["']https?:""", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_health_is_told_without_signing_in(client: Client, queue: Any) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"database": "ok", "queue": "ok"}


def test_without_the_queue_it_is_ready_and_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from annotate import queue

    def down() -> None:
        raise queue.QueueDown

    monkeypatch.setattr(queue, "ping", down)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["queue"]) == (200, "does not answer")


ASK = """
import sys, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
client = Client(headers={"Host": "localhost"})
assert client.get("/").status_code == 302
before = {"ninja", "pydantic"} & set(sys.modules)
assert client.get("/api/v1/projects").status_code == 401
print(sorted(before), "ninja" in sys.modules)
"""


def test_pages_do_not_load_what_the_api_needs(tmp_path: Path) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "TAGDESK_DATA": str(tmp_path)}
    command = [sys.executable, "-c", ASK]
    told = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[] True"


@pytest.fixture
def kept_open() -> Iterator[None]:
    """A request from outside Django's own client would close the connection that the test's rows are on."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.usefixtures("kept_open")
def test_hundreds_of_odd_requests_break_nothing(furnished: Project) -> None:
    from config.wsgi import application

    run, document = make_run(furnished, "queued"), furnished.documents.get()
    webhook = furnished.webhooks.get()
    program = Program(join(furnished, make_user(), "manager"))
    headers = {"Authorization": f"Bearer {program.token}", "Host": "localhost"}
    asked: Counter[str] = Counter()

    def check(case: Any) -> None:
        row = run if "runs" in case.path else webhook if "webhooks" in case.path else document
        there = {"slug": furnished.slug, "number": 1, "pk": row.pk, "delivery": 1}
        case.path_parameters |= {name: there[name] for name in case.path_parameters}
        response = case.call(headers=headers)
        asked[case.operation.label] += 1
        assert response.status_code < 500, response.text

    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, headers={"Host": "localhost"})
    for found in schema.get_all_operations():
        ODD(given(case=found.ok().as_strategy())(check))()
    assert set(asked) == set(NEEDED)
    assert asked.total() > 300
