"""A version pushed to the hub: what is handed to the hub's library, and each reason why it is not."""

import io
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.management import CommandError, call_command
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError

from annotate.models import Project
from tests.training.runs import learn, make_version
from training import folders
from training.engine import pushing
from training.models import Version


class Hub:
    """The library's border: what it is asked to do, and how it fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.files: set[str] = set()
        self.error: Exception | None = None

    def create_repo(self, repository: str, **options: Any) -> None:
        self.asked.append((repository, options))

    def upload_folder(self, repo_id: str, folder_path: Path, commit_message: str) -> str:
        if self.error:
            raise self.error
        self.asked.append((repo_id, {"commit_message": commit_message}))
        self.files = {path.relative_to(folder_path).as_posix() for path in folder_path.rglob("*")}
        return f"https://huggingface.co/{repo_id}/tree/main/"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr(pushing, "HfApi", lambda: hub)
    monkeypatch.setattr(pushing, "get_token", lambda: "hf_secret")
    return hub


@pytest.fixture
def version(project: Project) -> Version:
    version = make_version(project, current=True)
    folders.folder_of(version).mkdir(parents=True)
    return version


def push(*args: str) -> str:
    out = io.StringIO()
    call_command("push", *args, stdout=out)
    return out.getvalue()


def refused(*args: str) -> str:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("push", *args, "--json", stdout=out)
    assert caught.value.returncode == 1
    reason: str = json.loads(out.getvalue())["reason"]
    assert reason == str(caught.value)
    return reason


def test_the_folder_goes_with_its_card_into_a_private_repository(
    newsroom: Project, encoder: Path, rung: Any, hub: Hub
) -> None:
    learn(newsroom, encoder)
    told = json.loads(push("newsroom/1", "ada/news", "--json"))
    assert told["status"] == "done"
    assert told["address"] == "https://huggingface.co/ada/news/tree/main/"
    assert hub.asked == [
        ("ada/news", {"private": True, "exist_ok": True}),
        ("ada/news", {"commit_message": "Version 1 of newsroom"}),
    ]
    assert {"README.md", "model.safetensors", "tokenizer.json", "config.json", "tagdesk.json"} <= hub.files
    assert not any("snapshot" in name for name in hub.files)


def test_the_project_alone_is_its_current_model_and_public_is_said(version: Version, hub: Hub) -> None:
    assert "Version 1 is at https://" in push("News", "ada/news", "--public")
    assert hub.asked[0][1]["private"] is False


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("news/7", "has no version 7. Its versions are: 1"),
        ("news/one", "names no version: write news/3"),
        ("olds/1", "no project “olds”"),
    ],
)
def test_a_version_that_is_not_there_is_told(version: Version, hub: Hub, name: str, reason: str) -> None:
    assert reason in refused(name, "ada/news")
    assert hub.asked == []


def test_a_folder_that_is_gone_is_told(version: Version, hub: Hub) -> None:
    folders.folder_of(version).rmdir()
    assert version.folder in refused("news/1", "ada/news")


def test_a_project_without_a_model_is_told(project: Project, hub: Hub) -> None:
    assert "no current model. Its versions are: none yet" in refused("news", "ada/news")


def test_without_a_token_nothing_is_asked(version: Version, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "get_token", lambda: None)
    assert "HF_TOKEN" in refused("news/1", "ada/news")
    assert hub.asked == []


def answered(status: int) -> HfHubHTTPError:
    return HfHubHTTPError("no", response=httpx2.Response(status, request=httpx2.Request("POST", "https://hub")))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (answered(403), "does not let this token write to ada/news"),
        (answered(500), "answered with error 500"),
        (httpx2.ConnectError("no route"), "cannot be reached"),
        (OSError("no route"), "cannot be reached"),
        (ValueError("odd"), "cannot be pushed: odd"),
    ],
)
def test_what_the_hub_says_is_told_in_words(version: Version, hub: Hub, error: Exception, reason: str) -> None:
    hub.error = error
    assert reason in refused("news/1", "ada/news")


def test_the_library_itself_refuses_odd_names_and_knows_that_it_is_offline(
    version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "get_token", lambda: "hf_secret")
    assert "cannot be the name of a model" in refused("news/1", "a/b/c")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refused("news/1", "ada/news")


def test_a_hub_that_is_away_is_told(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "get_token", lambda: "hf_secret")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "cannot be reached" in refused("news/1", "ada/news")
