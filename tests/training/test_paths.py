"""By which path a version predicts: tried once, chosen by rule or by a manager, never changed in silence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from annotate.models import Prediction, Project
from tests.make import join, make_user
from tests.training.fake_queue import Rung
from tests.training.runs import learn, make_version
from training import jobs, paths, predictions
from training.engine import onnx
from training.engine.onnx import NotExported, OnnxPredictor
from training.models import Version

TRIED = {
    "torch": {"words_per_s": 3100, "agreement": 1.0, "f1": 0.81234},
    "onnx": {"words_per_s": 4200, "agreement": 1.0, "f1": 0.81234},
    "int8": {"words_per_s": 6300, "agreement": 0.91239, "f1": 0.80111},
    "tried_on": {"articles": 45, "entities": 900, "gold": True},
}


@pytest.fixture
def version(newsroom: Project, encoder: Path, rung: Rung) -> Version:
    return learn(newsroom, encoder).version


def make_current(project: Project, path: str = "onnx") -> Version:
    return make_version(project, current=True, path=path, paths=TRIED)


def test_all_paths_are_tried_on_held_out_gold_and_one_is_taken(version: Version) -> None:
    jobs.try_paths(version.pk)
    version.refresh_from_db()
    assert set(version.paths) == {"torch", "onnx", "int8", "tried_on"}
    assert version.paths["tried_on"] == {"articles": 2, "entities": 4, "gold": True}
    assert version.paths["onnx"]["agreement"] == 1.0
    assert version.paths["onnx"]["f1"] == version.paths["torch"]["f1"]
    assert version.path in ("torch", "onnx")  # too few entities for the third


def test_only_the_files_of_the_path_in_use_are_kept(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.engine import paths as engine_paths

    other = paths.cache_of(version).with_name("v0")
    other.mkdir(parents=True)
    monkeypatch.setattr(engine_paths, "pick", lambda tried, entities: "int8")
    jobs.try_paths(version.pk)
    version.refresh_from_db()
    assert [file.name for file in paths.cache_of(version).iterdir()] == ["int8.onnx"]
    assert not other.exists()
    Version.objects.filter(pk=version.pk).update(path="onnx")
    version.refresh_from_db()
    assert isinstance(predictions.predictor(version), OnnxPredictor)  # it is made again where it is wanted


def test_paths_are_tried_once_and_only_for_the_current_model(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Version] = []
    monkeypatch.setattr(paths, "settle", asked.append)
    Project.objects.update(current_source=None)
    jobs.try_paths(version.pk)
    version.promote()
    jobs.try_paths(version.pk)
    Version.objects.update(paths=TRIED)
    jobs.try_paths(version.pk)
    assert asked == [version]


def test_a_model_that_onnx_runtime_cannot_take_predicts_by_torch_and_says_why(
    version: Version, monkeypatch: pytest.MonkeyPatch, rung: Rung
) -> None:
    def fail(*args: Any) -> None:
        raise NotExported("It cannot be written for ONNX Runtime (no such operator)")

    monkeypatch.setattr(onnx, "export", fail)
    jobs.try_paths(version.pk)
    version.refresh_from_db()
    assert version.path == "torch"
    assert "no such operator" in version.paths["onnx"]["trouble"]
    jobs.predict_next(version.source_id)
    assert Prediction.objects.filter(source=version.source_id).exists()


def test_a_path_that_fails_later_falls_back_to_torch_and_the_row_says_so(
    version: Version, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Version.objects.filter(pk=version.pk).update(path="onnx", paths=TRIED)
    file = paths.cache_of(version) / "onnx.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"cut off")
    jobs.predict_next(version.source_id)
    version.refresh_from_db()
    assert (version.path, version.trouble) == ("torch", "")
    assert "ONNX Runtime cannot load it" in version.paths["onnx"]["trouble"]
    assert "predicts by torch, not by onnx" in caplog.text
    assert Prediction.objects.filter(source=version.source_id).exists()


def test_a_trial_that_breaks_down_is_told_and_not_repeated(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(version: Version) -> None:
        raise MemoryError("out of it")

    monkeypatch.setattr(paths, "settle", fail)
    jobs.try_paths(version.pk)
    version.refresh_from_db()
    assert version.paths == {"trouble": "MemoryError: out of it"}


def test_another_path_is_another_model_in_the_predictors_hands(version: Version) -> None:
    first = predictions.predictor(version)
    Version.objects.filter(pk=version.pk).update(path="onnx", paths=TRIED)
    version.refresh_from_db()
    second = predictions.predictor(version)
    assert not isinstance(first, OnnxPredictor)
    assert isinstance(second, OnnxPredictor)
    assert len(predictions._warm) == 1


def test_the_models_page_shows_each_path_with_speed_and_f1(project: Project, page: Callable[..., str]) -> None:
    version = make_current(project)
    html = page(f"/projects/{project.slug}/models")
    for words in ("How version 1 predicts", "4,200", "6,300", "0.8123", "0.8011", "91.24 %", "100 %", "In use"):
        assert words in html
    assert html.count(f'action="/versions/{version.pk}/path"') == 2


def test_the_models_page_says_why_a_path_is_not_there(project: Project, page: Callable[..., str]) -> None:
    Version.objects.filter(pk=make_current(project, "torch").pk).update(
        paths={**TRIED, "onnx": {"trouble": "It cannot be written."}}
    )
    html = page(f"/projects/{project.slug}/models")
    assert "Does not work for this model. It cannot be written." in html


def test_a_manager_takes_another_path(project: Project, signed_in: Client) -> None:
    version = make_current(project)
    html = signed_in.post(f"/versions/{version.pk}/path", {"path": "int8"}, follow=True).content.decode()
    version.refresh_from_db()
    assert version.path == "int8"
    assert "predicts by ONNX Runtime with 8 bits from now on" in html


@pytest.mark.parametrize("path", ["half", "", "tried_on", "no such"])
def test_a_path_that_was_not_tried_cannot_be_taken(project: Project, signed_in: Client, path: str) -> None:
    version = make_current(project)
    assert signed_in.post(f"/versions/{version.pk}/path", {"path": path}).status_code == 400
    version.refresh_from_db()
    assert version.path == "onnx"


def test_who_does_not_manage_takes_no_path(project: Project, client: Client) -> None:
    version = make_current(project)
    client.force_login(join(project, make_user(), "annotator"))
    assert client.post(f"/versions/{version.pk}/path", {"path": "int8"}).status_code == 403
