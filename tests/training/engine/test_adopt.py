"""A ready model becomes a version: one that learnt five sentences stands for what others have trained."""

import json
from pathlib import Path

import pytest
from transformers import AutoModelForTokenClassification

from tests.training.engine.test_train import FIVE, run, settings_for
from training.engine.adopt import adopt
from training.engine.articles import Article
from training.engine.predict import Predictor
from training.engine.progress import Progress, Stopped
from training.engine.shelf import EncoderError
from training.engine.train import Result


@pytest.fixture(scope="module")
def ready(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready") / "ner"
    run(settings_for(encoder), folder)
    (folder / "tagdesk.json").unlink()
    return folder


def taken(
    ready: Path, folder: Path, ours: dict[str, str], labels: list[str], validation: list[Article] | None = None
) -> Result:
    return adopt(str(ready), ours, labels, FIVE[:1], validation or [], folder, lambda progress: None, lambda: False)


def test_it_tags_in_the_projects_labels_without_any_training(ready: Path, tmp_path: Path) -> None:
    taken(ready, tmp_path / "v1", {"LOC": "place", "PER": "person"}, ["place", "person"])
    (predicted,) = Predictor.load(tmp_path / "v1").predict(FIVE[:1])
    assert [span[:3] for span in predicted.spans] == [(0, 1, "person"), (2, 3, "person"), (4, 5, "place")]


def test_what_is_left_out_is_not_tagged(ready: Path, tmp_path: Path) -> None:
    taken(ready, tmp_path / "v1", {"LOC": "LOC"}, ["LOC"])
    (predicted,) = Predictor.load(tmp_path / "v1").predict(FIVE[:1])
    assert [span[:3] for span in predicted.spans] == [(4, 5, "LOC")]


def test_the_folder_is_whole_and_outlives_where_it_came_from(ready: Path, tmp_path: Path) -> None:
    result = taken(ready, tmp_path / "v1", {"PER": "PER"}, ["PER"])
    names = {path.name for path in (tmp_path / "v1").rglob("*")}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "tagdesk.json"}
    manifest = json.loads((tmp_path / "v1" / "tagdesk.json").read_text())
    assert manifest == json.loads(json.dumps(result.manifest))
    assert (manifest["labels"], manifest["reading"]["scheme"]) == (["PER"], "IOB2")
    assert manifest["settings"]["encoder"] == str(ready)
    assert AutoModelForTokenClassification.from_pretrained(tmp_path / "v1").config.num_labels == 5


def test_it_is_scored_on_the_held_out_articles_where_there_are_any(ready: Path, tmp_path: Path) -> None:
    both = {"PER": "PER", "LOC": "LOC"}
    result = taken(ready, tmp_path / "v1", both, ["PER", "LOC"], FIVE)
    assert result.scores is not None
    assert result.scores["f1"] == 1.0
    assert taken(ready, tmp_path / "v2", both, ["PER", "LOC"]).scores is None


def test_a_label_that_the_model_has_lost_is_told(ready: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="does not tag ORG any more"):
        taken(ready, tmp_path / "v1", {"ORG": "ORG"}, ["ORG"])


def test_one_that_is_stopped_leaves_nothing(ready: Path, tmp_path: Path) -> None:
    def stop() -> bool:
        return (tmp_path / "v1").exists()

    with pytest.raises(Stopped):
        adopt(str(ready), {"PER": "PER"}, ["PER"], [], [], tmp_path / "v1", lambda progress: None, stop)
    assert not (tmp_path / "v1").exists()


def test_a_model_whose_entities_begin_with_i_is_read_as_iob1(ready: Path, tmp_path: Path) -> None:
    """The names of its tags are those of IOB2: only what it says tells the two apart."""
    model = AutoModelForTokenClassification.from_pretrained(ready)
    names = {0: "O", 1: "I-PER", 2: "B-PER", 3: "I-LOC", 4: "B-LOC"}  # what began now goes on, as where nobody is near
    model.config.id2label = names
    model.config.label2id = {name: place for place, name in names.items()}
    other = tmp_path / "iob1"
    model.save_pretrained(other)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (other / name).write_bytes((ready / name).read_bytes())
    manifest = taken(other, tmp_path / "v1", {"PER": "PER", "LOC": "LOC"}, ["PER", "LOC"]).manifest
    assert manifest["reading"]["scheme"] == "IOB1"
    heard: list[Progress] = []
    adopt(str(other), {"PER": "PER"}, ["PER"], FIVE, FIVE, tmp_path / "v2", heard.append, lambda: False)
    (predicted,) = Predictor.load(tmp_path / "v1").predict(FIVE[:1])
    assert [span[:3] for span in predicted.spans] == [(0, 1, "PER"), (2, 3, "PER"), (4, 5, "LOC")]
    assert {progress.phase for progress in heard} == {"preparing", "scoring", "saving"}
