"""What becomes of files that are handed in: kept, refused, called off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from annotate import uploads
from annotate.models import Import, Project
from tests.make import make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(client: Client) -> Project:
    user = make_user()
    client.force_login(user)
    return make_project(manager=user)


def a_waiting(project: Project, status: str) -> Import:
    row = uploads.receive(project, None, [ContentFile(b"Ada met Bob.", name="a.txt")], {})
    Import.objects.update(status=status)
    return row


def folders() -> list[Path]:
    return list((settings.TAGDESK_DATA / "uploads").glob("*"))


def full(*_: Any) -> Iterator[bytes]:
    yield b"Ada"
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_said_on_the_form_and_nothing_half_is_kept(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadedFile, "chunks", full)
    before = folders()
    files = [SimpleUploadedFile("a.txt", b"Ada met Bob.")]
    response = client.post(reverse("import_new", args=[project.slug]), {"files": files})
    assert "The server could not keep what you handed in: No space left on device." in response.content.decode()
    assert not Import.objects.exists()
    assert folders() == before


def test_a_full_disk_is_said_in_a_shell_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project()
    path = tmp_path / "a.txt"
    path.write_text("Ada met Bob.")
    monkeypatch.setattr("django.core.files.base.File.chunks", full)
    with pytest.raises(CommandError, match=r"could not keep .* No space left"):
        call_command("import_documents", "news", str(path))


@pytest.mark.parametrize("status", ["uploaded", "checked", "confirmed", "importing"])
def test_a_cancelled_import_forgets_its_file(client: Client, project: Project, status: str) -> None:
    row = a_waiting(project, status)
    client.post(reverse("import_cancel", args=[row.pk]))
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert not (settings.TAGDESK_DATA / row.files[0][0]).exists()


def test_an_import_that_shows_its_articles_is_not_cancelled_any_more(client: Client, project: Project) -> None:
    row = a_waiting(project, "importing")
    Import.objects.update(report={"releasing": True})
    response = client.post(reverse("import_cancel", args=[row.pk]), follow=True)
    assert "It is too late to cancel this import." in response.content.decode()
    row.refresh_from_db()
    assert row.status == "importing"


def test_errors_are_met_in_one_of_three_ways_and_no_other(client: Client, project: Project) -> None:
    row = a_waiting(project, "checked")
    response = client.post(reverse("import_confirm", args=[row.pk]), {"on_error": "banana"})
    assert response.status_code == 400
    row.refresh_from_db()
    assert row.status == "checked"
