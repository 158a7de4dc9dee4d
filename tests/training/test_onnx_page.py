import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.test import Client

from annotate.models import Project
from tests.make import join, make_user
from tests.training.fake_queue import FakeQueue, Rung
from tests.training.runs import learn, make_version
from training import deletion, doorbell, exported, folders, jobs
from training.engine import onnx
from training.models import Version

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(project: Project) -> Version:
    version = make_version(project, current=True)
    folders.folder_of(version).mkdir(parents=True)
    return version


@pytest.fixture(autouse=True)
def nothing_exported() -> None:
    shutil.rmtree(settings.TAGDESK_DATA / "cache" / "exported", ignore_errors=True)


def address(version: Version) -> str:
    return f"/versions/{version.pk}/onnx"


def ask(client: Client, version: Version) -> None:
    assert client.post(address(version))["Location"] == address(version)


def test_it_is_asked_for_waited_for_and_downloaded(
    newsroom: Project, encoder: Path, client: Client, rung: Rung
) -> None:
    version = learn(newsroom, encoder).version
    client.force_login(join(newsroom, make_user(), "annotator"))
    assert address(version) in client.get("/projects/newsroom/models").content.decode()
    assert "Write as ONNX" in client.get(address(version)).content.decode()
    rung.clear()
    ask(client, version)
    assert rung == [("io", "training.jobs.export_onnx", version.pk)]
    waiting = client.get(address(version), headers={"HX-Request": "true"}).content.decode()
    assert "Being written" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    jobs.export_onnx(version.pk)
    ready = client.get(address(version), headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in ready
    assert f"{address(version)}/download" in ready
    response: Any = client.get(f"{address(version)}/download")
    names = set(ZipFile(io.BytesIO(b"".join(response.streaming_content))).namelist())
    assert {f"newsroom-v1-onnx/{name}" for name in ("model.onnx", "tokenizer.json", "README.md")} <= names
    assert "newsroom-v1-onnx/model.safetensors" not in names


def test_why_it_cannot_be_is_said_and_can_be_tried_again(
    version: Version, page: Callable[..., str], signed_in: Client, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise onnx.NotExported("ONNX Runtime computes something else.")

    monkeypatch.setattr(onnx, "write_folder", fail)
    ask(signed_in, version)
    jobs.export_onnx(version.pk)
    assert "It was not written. ONNX Runtime computes something else." in page(address(version))
    assert "Try again" in page(address(version))
    ask(signed_in, version)
    assert "Being written" in page(address(version))


def test_a_model_that_breaks_the_exporter_is_told_too(
    version: Version, page: Callable[..., str], signed_in: Client, rung: Rung
) -> None:
    ask(signed_in, version)
    jobs.export_onnx(version.pk)  # the folder is empty
    assert "It was not written." in page(address(version))


def test_one_that_was_lost_can_be_asked_for_anew(
    version: Version, page: Callable[..., str], signed_in: Client, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(signed_in, version)
    monkeypatch.setattr(exported, "MADE_WITHIN", 0.0)
    assert "Write as ONNX" in page(address(version))


def test_a_job_that_fails_at_once_is_told_at_once(
    version: Version, page: Callable[..., str], signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "ring_for_onnx", jobs.export_onnx)  # the folder is empty
    ask(signed_in, version)
    assert "It was not written." in page(address(version))


def test_one_that_is_being_written_is_not_asked_for_again(version: Version, signed_in: Client, rung: Rung) -> None:
    ask(signed_in, version)
    ask(signed_in, version)
    assert len(rung) == 1


def test_without_a_queue_it_is_not_said_to_be_written(
    version: Version, page: Callable[..., str], signed_in: Client, bell: FakeQueue
) -> None:
    bell.is_down = True
    assert "does not answer" in signed_in.post(address(version), follow=True).content.decode()
    assert "Being written" not in page(address(version))


def test_without_a_worker_or_a_queue_it_says_so(
    version: Version, page: Callable[..., str], signed_in: Client, bell: FakeQueue
) -> None:
    ask(signed_in, version)
    bell.workers = 0
    assert "No io worker" in page(address(version))
    bell.is_down = True
    assert "does not answer" in page(address(version))


@pytest.mark.usefixtures("bell")
def test_only_who_may_download_a_model_sees_it(version: Version, client: Client) -> None:
    client.force_login(join(version.project, make_user(), "viewer"))
    assert client.get(address(version)).status_code == 403
    assert client.get(f"{address(version)}/download").status_code == 403
    client.force_login(make_user())
    assert client.get(address(version)).status_code == 404


def test_a_folder_that_is_gone_is_told(version: Version, signed_in: Client) -> None:
    folders.folder_of(version).rmdir()
    response = signed_in.get(address(version), follow=True)
    assert f"{version.folder} of version 1 is gone" in response.content.decode()


def test_what_is_not_there_yet_is_not_downloaded(version: Version, signed_in: Client) -> None:
    assert signed_in.get(f"{address(version)}/download")["Location"] == address(version)


def test_it_is_deleted_with_the_version(version: Version, project: Project, user: Any) -> None:
    folder = exported.folder_as_onnx(version)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"12345")
    make_version(project, current=True)
    assert deletion.size_of(version) == 5
    deletion.delete(version, user)
    assert not folder.exists()


def test_nothing_is_left_of_a_version_that_is_deleted_while_it_is_written(
    version: Version, project: Project, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(model: Path, folder: Path) -> None:
        deletion.delete(version, user)
        folder.mkdir(parents=True)

    make_version(project, current=True)
    monkeypatch.setattr(onnx, "write_folder", write)
    exported.note_asked(version)
    jobs.export_onnx(version.pk)
    assert not exported.folder_as_onnx(version).exists()


def test_a_deleted_version_is_not_downloaded(version: Version, signed_in: Client) -> None:
    exported.folder_as_onnx(version).mkdir(parents=True)
    folders.folder_of(version).rmdir()
    assert signed_in.get(f"{address(version)}/download")["Location"] == address(version)
