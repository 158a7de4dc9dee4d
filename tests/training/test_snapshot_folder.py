"""What lies under a snapshot's hash is whole, whatever the machine went through."""

import os
from pathlib import Path
from typing import Any

import pytest

from annotate.models import Project
from tests.make import make_document, make_project
from training import snapshot
from training.engine import folder as model_folder
from training.snapshot import take


@pytest.fixture(autouse=True)
def snapshots(tmp_path: Path, settings: Any) -> Path:
    settings.TAGDESK_DATA = tmp_path
    return tmp_path / "snapshots"


@pytest.fixture
def project(db: None) -> Project:
    project = make_project(labels=["PER", "LOC"])
    make_document("Ada met Bob. Bob left.", project, finished=True, PER="Ada Bob")
    return project


def test_it_is_on_the_disk_before_it_has_its_name(
    project: Project, snapshots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []

    def note(path: Path) -> None:
        named = any(not other.name.startswith(".partial-") for other in snapshots.iterdir())
        flushed.append((path.name, named))

    monkeypatch.setattr(model_folder, "flush_one", note)
    place = snapshots / take(project).hash
    names = [name for name, _ in flushed]
    assert {path.name for path in place.rglob("*")} <= set(names)
    assert names[-2].startswith(".partial-")  # the folder after its files, and after the move the folder around it
    assert [named for _, named in flushed] == [False] * (len(flushed) - 1) + [True]


@pytest.mark.parametrize("damage", ["emptied", "removed"])
def test_one_that_cannot_be_read_is_written_again(project: Project, snapshots: Path, damage: str) -> None:
    frozen = take(project)
    for path in (snapshots / frozen.hash / "train").iterdir():
        path.write_bytes(b"") if damage == "emptied" else path.unlink()
    assert take(project) == frozen
    assert snapshot.read(snapshots / frozen.hash)["train"] == frozen.training


def test_what_killed_runs_left_is_swept_and_what_another_writes_is_not(project: Project, snapshots: Path) -> None:
    for name in (".partial-old", ".partial-new"):
        (snapshots / name).mkdir(parents=True)
    os.utime(snapshots / ".partial-old", (0, 0))
    frozen = take(project)
    assert {path.name for path in snapshots.iterdir()} == {frozen.hash, ".partial-new"}
