"""What a change of labels means for models that were trained before it."""

from pathlib import Path
from uuid import uuid4

import pytest

from annotate import relabelling
from annotate.models import LabelChange, Prediction, Project
from tests.make import make_document
from tests.training.runs import learn
from training import jobs, learning, snapshot

pytestmark = pytest.mark.usefixtures("rung")


def change(project: Project, kind: str, label: str, into: str) -> LabelChange:
    row = relabelling.begin(project, None, kind, project.labels.get(name=label), into, uuid4())
    relabelling.start(row)
    return row


def test_after_a_rename_both_models_are_compared_under_the_new_name(newsroom: Project, encoder: Path) -> None:
    first = learn(newsroom, encoder, epochs=30)
    assert first.version.source.labels == ["PER", "LOC"]
    change(newsroom, "renamed", "PER", "PERSON")
    second = learn(newsroom, encoder, epochs=30)
    assert second.version.labels == ["PERSON", "LOC"]
    assert second.scores["current"] == second.scores["candidate"]
    assert second.scores["decision"]["difference"] == 0.0
    newsroom.refresh_from_db()
    assert newsroom.unknown_labels() == []


def test_a_version_whose_labels_changed_while_it_was_trained_means_the_new_ones(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = learning._keep
    monkeypatch.setattr(learning, "_keep", lambda *args: (change(newsroom, "renamed", "PER", "PERSON"), keep(*args))[1])
    version = learn(newsroom, encoder).version
    assert version.labels == ["PER", "LOC"]
    assert version.source.name_now("PER") == "PERSON"


def test_what_a_model_writes_after_a_rename_is_shown_under_the_new_name(newsroom: Project, encoder: Path) -> None:
    version = learn(newsroom, encoder, epochs=60).version
    version.promote()
    change(newsroom, "renamed", "PER", "PERSON")
    document = make_document("Ada met Bob in Paris.", newsroom)
    jobs.predict_next(version.source_id)
    said = Prediction.objects.select_related("source").get(document=document, source=version.source_id)
    names = {label for _, _, label, _ in said.spans}
    assert {s.label for s in said.suggestions()} == {{"PER": "PERSON"}.get(name, name) for name in names}
    assert "PERSON" not in names


def test_no_training_begins_while_labels_change(newsroom: Project) -> None:
    row = relabelling.begin(newsroom, None, "renamed", newsroom.labels.get(name="PER"), "PERSON", uuid4())
    with pytest.raises(snapshot.NothingToLearn, match="PER renamed to PERSON"):
        snapshot.take(newsroom)
    relabelling.start(row)
    assert snapshot.take(newsroom).labels == ["PERSON", "LOC"]
