from pathlib import Path
from typing import Any

import pytest

from annotate.desk import do, open_desk
from annotate.models import Annotation, Ask, Document, Project
from tests.make import make_document, make_project
from training import snapshot
from training.engine.articles import Article
from training.snapshot import NothingToLearn, digest, take


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TAGDESK_DATA = tmp_path
    return tmp_path


@pytest.fixture
def project(db: None) -> Project:
    project = make_project(labels=["PER", "LOC"])
    make_document("Ada met Bob. Bob left.", project, finished=True, PER="Ada Bob")
    make_document("Bob saw Oslo.", project, finished=True, split="validation", PER="Bob", LOC="Oslo")
    return project


def test_it_holds_finished_gold_of_the_two_splits_word_for_word(project: Project) -> None:
    make_document("Ada is in progress.", project, PER="Ada")
    make_document("Ada is raw.", project)
    make_document("Ada is for the test.", project, finished=True, split="test", PER="Ada")
    make_document("Ada stands aside.", project, finished=True, split="aside", PER="Ada")
    make_document("Ada was deleted.", project, finished=True).delete_softly(None)
    make_document("Ada is elsewhere.", make_project("Other"), finished=True)
    first, second = Document.objects.filter(project=project).finished().in_split("train", "validation")
    frozen = take(project)
    assert frozen.training == [
        Article(str(first.pk), first.words(), ["B-PER", "O", "B-PER", "O", "B-PER", "O", "O"], first.sentence_starts)
    ]
    assert frozen.validation == [Article(str(second.pk), second.words(), ["B-PER", "O", "B-LOC", "O"], [0])]
    assert frozen.labels == ["PER", "LOC"]


def test_it_lies_under_its_hash_and_nothing_unfinished_beside_it(project: Project, folder: Path) -> None:
    frozen = take(project)
    assert [path.name for path in (folder / "snapshots").iterdir()] == [frozen.hash]
    assert len(frozen.hash) == 64


def test_plain_datasets_reads_it_with_its_tag_names(project: Project, folder: Path) -> None:
    from datasets import load_from_disk

    dataset = load_from_disk(str(folder / "snapshots" / take(project).hash))
    assert set(dataset) == {"train", "validation"}
    assert dataset["train"].features["ner_tags"].feature.names == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    assert dataset["validation"][0]["ner_tags"] == [1, 0, 3, 0]


def test_the_same_gold_is_written_once(project: Project, folder: Path) -> None:
    first = take(project)
    written = (folder / "snapshots" / first.hash / "dataset_dict.json").stat().st_mtime_ns
    assert take(project) == first
    assert (folder / "snapshots" / first.hash / "dataset_dict.json").stat().st_mtime_ns == written


def test_the_hash_depends_on_tags_words_splits_and_the_order_of_labels() -> None:
    def named(labels: list[str], tags: list[str], word: str = "Ada", split: str = "train") -> str:
        rows: dict[str, list[Article]] = {"train": [], "validation": []}
        rows[split].append(Article("1", [word, "met"], tags, [0]))
        return digest(labels, rows)

    names = [
        named(["PER", "LOC"], ["B-PER", "O"]),
        named(["LOC", "PER"], ["B-PER", "O"]),
        named(["PER", "LOC"], ["B-LOC", "O"]),
        named(["PER", "LOC"], ["B-PER", "O"], word="Eda"),
        named(["PER", "LOC"], ["B-PER", "O"], split="validation"),
    ]
    assert len(set(names)) == len(names)


def test_it_asks_the_database_as_often_however_many_articles(project: Project, django_assert_num_queries: Any) -> None:
    for _ in range(5):
        make_document("Ada left.", project, finished=True)
    with django_assert_num_queries(5):
        take(project)


def test_it_does_without_validation_articles(project: Project) -> None:
    Document.objects.in_split("validation").delete()
    assert take(project).validation == []


def test_it_counts_who_tagged_blind(project: Project) -> None:
    for blind in (False, None, None):
        document = make_document("Bob saw Oslo again.", project, finished=True, split="validation")
        Annotation.objects.filter(document=document).update(blind=blind)
    frozen = take(project)
    assert (frozen.blind, frozen.unknown, len(frozen.validation)) == (1, 2, 4)


def test_reopening_an_article_takes_it_out(project: Project) -> None:
    document = Document.objects.in_split("validation").get()
    with open_desk(document.pk, Ask.anew(None, document.gold())) as desk:
        do(desk, "reopen")
    assert take(project).validation == []


@pytest.mark.parametrize(
    ("held_out", "words"),
    [(0, "Finish at least one article first"), (1, "The one finished article is held out"), (2, "All 2 finished")],
)
def test_it_says_why_there_is_nothing_to_learn(db: None, held_out: int, words: str) -> None:
    project = make_project()
    for _ in range(held_out):
        make_document("Ada left.", project, finished=True, split="validation")
    with pytest.raises(NothingToLearn, match=words):
        take(project)


def test_it_names_labels_that_the_project_has_no_more(project: Project) -> None:
    from annotate.models import DocumentLabel

    DocumentLabel.objects.all().delete()
    project.labels.filter(name="LOC").delete()
    with pytest.raises(NothingToLearn, match="no longer has: LOC"):
        take(project)


def test_it_leaves_nothing_behind_where_writing_fails(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("datasets.DatasetDict.save_to_disk", fail)
    with pytest.raises(OSError, match="No space left"):
        take(project)
    assert list((folder / "snapshots").iterdir()) == []


def test_of_two_that_write_the_same_the_second_is_dropped(project: Project, folder: Path) -> None:
    frozen = take(project)
    place = folder / "snapshots" / frozen.hash
    snapshot._write(place, frozen.labels, {"train": frozen.training, "validation": frozen.validation})
    assert [path.name for path in place.parent.iterdir()] == [frozen.hash]
