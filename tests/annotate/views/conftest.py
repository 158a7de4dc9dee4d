import pytest

from annotate import jobs, queue
from tests.make import make_project, make_user


@pytest.fixture
def project(client):
    user = make_user("ada")
    client.force_login(user)
    return make_project(manager=user)


@pytest.fixture
def worker(monkeypatch):
    """Jobs are done at once, as if a worker stood by."""

    def enqueue(name, function_name, *args, job_id):
        getattr(jobs, function_name.removeprefix("annotate.jobs."))(*args)

    monkeypatch.setattr(queue, "enqueue", enqueue)
