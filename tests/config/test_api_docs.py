"""The examples of docs/api.md, in their order."""

import json
import re
import time
from collections.abc import Sequence
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache

from annotate import webhooks
from annotate.models import Project, Webhook
from annotate.models.webhook import new_secret
from tests.asking import Program
from tests.make import make_document, make_project, make_user
from tests.training.runs import make_version
from training import asking, line
from training.asking import Text
from training.models import Version

TEXT = (settings.BASE_DIR / "docs" / "api.md").read_text()
EXAMPLE = re.compile(r"```http\n(\w+) (\S+)\n\n?(.*?)```\n\nanswers (\d+).*?```json\n(.*?)```", re.S)

PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def agrees(told: Any, actual: Any, keys: dict[int, int]) -> bool:
    """Whether all that is told is there. Keys of rows are learnt as they come: those of the text are examples."""
    if isinstance(told, dict):
        if isinstance(told.get("id"), int):
            keys[told["id"]] = actual["id"]
        return all(name == "id" or agrees(value, actual[name], keys) for name, value in told.items())
    if isinstance(told, list):
        return len(told) == len(actual) and all(agrees(*pair, keys) for pair in zip(told, actual, strict=True))
    return bool(told == actual)


def says_names(version: Version, texts: Sequence[Text]) -> list[list[Any]]:
    return [
        [(place, place + 1, "PER", 0.97) for place, word in enumerate(text.words) if word in {"Ada", "Bob"}]
        for text in texts
    ]


@pytest.mark.django_db
def test_each_example_is_answered_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "by_worker", says_names)
    monkeypatch.setattr(line, "look", lambda: None)
    cache.clear()  # figures of another test's project
    program, keys, seen = Program(make_user()), dict[int, int](), 0
    for method, path, body, status, told in EXAMPLE.findall(TEXT):
        if path.endswith("/predict") and not Version.objects.exists():
            make_version(Project.objects.get(slug="city-desk"), current=True)
        path = re.sub(r"(?<=/documents/)\d+", lambda found: str(keys[int(found[0])]), path)
        response = program.ask(method, path.removeprefix("/api/v1"), body.strip() or None)
        said = response.getvalue()  # of a file that is streamed, too
        assert response.status_code == int(status), said
        assert agrees(json.loads(told), json.loads(said), keys), (path, said)
        seen += 1
    assert seen == TEXT.count("```http")


def test_the_program_that_follows_a_list_meets_every_article(live_server: Any, transactional_db: None) -> None:
    ada = make_user()
    project = make_project("City desk", manager=ada)
    for number in range(5):
        make_document(f"Ada met Bob {number} times.", project, title=f"T{number}")
    names = {"ADDRESS": live_server.url, "TOKEN": Program(ada, "read").token}
    [written] = [one for one in PYTHON if "TOKEN" in one]
    exec(written, names)
    assert names["titles"] == [f"T{number}" for number in range(5)]


@pytest.mark.django_db
def test_the_check_of_a_signature_takes_what_was_sent_and_nothing_else() -> None:
    [written] = [one for one in PYTHON if "is_genuine" in one]
    names: dict[str, Any] = {}
    exec(written, names)
    webhook = Webhook.objects.create(project=make_project(), address="https://example.org/", events=["run.ended"])
    sent = webhooks.test(webhook)
    body, now = sent.body.encode(), int(time.time())
    headers = webhooks.headers(sent, now)
    is_genuine = names["is_genuine"]
    assert is_genuine(webhook.secret, headers, body)
    assert not is_genuine(webhook.secret, headers, body + b" ")
    assert not is_genuine(webhook.secret, headers | {"webhook-timestamp": str(now + 1)}, body)
    assert not is_genuine(webhook.secret, headers | {"webhook-id": "another"}, body)
    assert not is_genuine(new_secret(), headers, body)
    assert not is_genuine(webhook.secret, webhooks.headers(sent, now - 600), body)
