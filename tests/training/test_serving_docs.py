"""The examples of docs/serving.md, with a model that has learnt five sentences by heart."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from training import asking, folders
from training.engine import onnx
from training.models import Version

TEXT = (settings.BASE_DIR / "docs" / "serving.md").read_text()
pytestmark = pytest.mark.django_db
BY_PIPELINE, BY_ONNX = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def ours(version: Version, text: str) -> list[tuple[int, int, str]]:
    [found] = asking.mentions(version, [asking.Text.of(text)], asking.here)
    return [(one.start, one.end, one.label) for one in found]


def test_the_folder_gives_the_same_spans_by_plain_transformers(by_heart: Version) -> None:
    names: dict[str, Any] = {"FOLDER": str(folders.folder_of(by_heart))}
    exec(BY_PIPELINE, names)
    found = [(one["start"], one["end"], one["entity_group"]) for one in names["found"]]
    assert found == ours(by_heart, "Ada met Bob in Oslo.")
    assert [label for _, _, label in found] == ["PER", "PER", "LOC"]


@pytest.mark.parametrize("options", [(), ("--eight-bits",)])
def test_the_exported_folder_tags_without_torch(by_heart: Version, tmp_path: Path, options: tuple[str, ...]) -> None:
    call_command("export_onnx", "news/1", str(tmp_path / "out"), *options)
    assert not list((tmp_path / "out").glob("*.safetensors"))
    names: dict[str, Any] = {"FOLDER": str(tmp_path / "out")}
    exec(BY_ONNX, names)
    begun = "".join(word for word, tag in names["best"] if tag.endswith("PER"))
    assert begun == "AdaBob" or options


def test_nothing_that_is_there_is_written_over(by_heart: Version, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is there already"):
        call_command("export_onnx", "news", str(tmp_path))


def test_a_model_that_cannot_be_exported_leaves_nothing(
    by_heart: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise onnx.NotExported("It cannot be written for ONNX Runtime.")

    monkeypatch.setattr(onnx, "export", fail)
    with pytest.raises(CommandError, match="was not written: It cannot be"):
        call_command("export_onnx", "news", str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
