"""What goes out, and that it comes back in."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotate.exchange import exporting
from annotate.exchange.formats import WRITERS
from annotate.exchange.wanted import CannotHold, Wanted
from annotate.models import Annotation, Project
from tests.annotate.exchange.handing_in import imported, upload
from tests.make import make_document, make_project, make_user, suggest

pytestmark = pytest.mark.django_db


def written(project: Project, kind: str, **wanted: Any) -> str:
    """All that is begun, with what is wanted beside."""
    pieces = exporting.written(project, kind, everything=True, wanted=Wanted(**wanted))
    return b"".join(pieces).decode(errors="replace")


@pytest.mark.slow
def test_wikigold_goes_in_and_comes_out_without_a_differing_tag(shared_data: Path) -> None:
    content = (shared_data / "wikigold" / "wikigold.conll").read_text()
    done = imported(upload(make_project(), content))
    assert [done.report[key] for key in ("articles", "tokens", "entities")] == [145, 39_007, 3_558]
    assert b"".join(exporting.written(Project.objects.get(), "conll2003")).decode() == content


def test_an_export_is_imported_again_to_the_letter(shared_data: Path) -> None:
    project = make_project("first")
    imported(upload(project, (shared_data / "gum_news" / "train.jsonl").read_bytes()))
    make_document("Raw  text\u00a0with 😀.", project=project, title="Raw")
    written = b"".join(exporting.written(project, "jsonl", everything=True)).decode()
    second = make_project("second")
    imported(upload(second, written))
    assert b"".join(exporting.written(second, "jsonl", everything=True)).decode() == written


@pytest.mark.parametrize("kind", ["datasets", "spacy"])
def test_an_export_in_several_files_is_imported_again_to_the_letter(shared_data: Path, kind: str) -> None:
    project = make_project("first")
    imported(upload(project, (shared_data / "gum_news" / "train.jsonl").read_bytes()))
    make_document("Ada  met\nBob 😀.", project=project, finished=True, title="T", PER="Ada", split="test")
    second = make_project("second", labels=project.label_names())
    done = imported(upload(second, b"".join(exporting.written(project, kind))))
    assert (done.report["articles"], done.report["left_out"], done.report["errors"]) == (21, 0, 0)
    first, again = (sorted(b"".join(exporting.written(one, "jsonl")).splitlines()) for one in (project, second))
    assert first == again


def test_an_export_leaves_out_what_is_not_finished_unless_asked() -> None:
    project = make_project()
    make_document("Ada met Bob.", project=project, finished=True, PER="Ada")
    make_document("Ada left.", project=project, PER="Ada")
    make_document("Raw.", project=project)

    def texts(kind: str, everything: bool) -> int:
        articles: list[None] = []
        for _ in exporting.written(project, kind, everything, lambda: articles.append(None)):
            pass
        return len(articles)

    assert [texts("jsonl", False), texts("jsonl", True)] == [1, 3]
    assert [texts("conll2003", False), texts("conll2003", True)] == [1, 2]


def test_suggestions_go_to_label_studio_where_nobody_has_finished_and_nobody_is_to_be_nudged() -> None:
    project = make_project()
    for split, finished in (("train", False), ("train", True), ("validation", False)):
        document = make_document("Ada met Bob.", project=project, split=split, finished=finished, PER="Bob")
        suggest(document, (0, 1, "PER", 0.75), (2, 3, "ORG", 0.5))
    tasks = json.loads(written(project, "labelstudio", suggestions=True))
    (predicted,) = tasks[0]["predictions"]
    assert predicted["model_version"] == "Model 1"
    assert [(r["value"]["start"], r["value"]["end"], r["score"]) for r in predicted["result"]] == [(0, 3, 0.75)]
    assert ["predictions" in task for task in tasks] == [True, False, False]
    assert "predictions" not in written(project, "labelstudio")


@pytest.mark.parametrize("kind", ["jsonl", "labelstudio", "prodigy"])
def test_what_is_suggested_comes_back_as_suggestions_and_nobody_has_tagged_it(kind: str) -> None:
    project = make_project("first")
    for split in ("train", "validation"):
        document = make_document(f"Ada 😀 met Bob in {split}.", project=project, split=split, title=split)
        suggest(document, (0, 1, "PER", 0.75), (3, 4, "ORG", 0.5))
    second = make_project("second")
    imported(upload(second, written(project, kind, suggestions=True)))
    said = {row.title: row.predictions.values_list("spans", flat=True) for row in second.documents.all()}
    assert list(said["train"]) == [[[0, 1, "PER", 0.75], [3, 4, "ORG", 0.5]]]
    assert list(said["validation"]) == []
    assert {row.state for row in second.documents.all()} == {"raw"}
    assert not Annotation.objects.exists()


def test_suggestions_of_a_row_that_overlap_are_left_out_with_a_notice() -> None:
    project = make_project()
    said = [{"start": 0, "end": end, "label": "PER", "score": 0.5} for end in (3, 7)]
    row = {"text": "Ada met Bob.", "tokens": ["Ada", "met", "Bob", "."], "suggestions": said}
    done = imported(upload(project, json.dumps(row)))
    assert [problem["message"] for problem in done.report["problems"]] == [
        "1 of the article's 2 suggestions overlap others or do not fit its tokens: left out."
    ]
    assert len(project.documents.get().predictions.get().spans) == 1


def test_other_things_called_suggestions_stay_metadata() -> None:
    project = make_project()
    imported(upload(project, json.dumps({"text": "Ada left.", "suggestions": ["shorter"]})))
    assert project.documents.get().metadata == {"suggestions": ["shorter"]}


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_a_format_holds_what_it_says_and_refuses_the_rest(kind: str) -> None:
    project = make_project()
    document = make_document("Ada met Bob.", project=project, PER="Bob")
    suggest(document, (0, 1, "ORG", 0.75))
    plain = written(project, kind)
    for holds, asked in (
        (WRITERS[kind].suggested, {"suggestions": True}),
        (WRITERS[kind].provenance, {"provenance": True}),
    ):
        if holds and (kind, asked) != ("prodigy", {"suggestions": True}):  # there a task has spans of one kind
            assert written(project, kind, **asked) != plain
        elif not holds:
            with pytest.raises(CannotHold, match="has no place for w"):
                written(project, kind, **asked)


def test_what_somebody_tagged_for_themselves_is_neither_exported_nor_a_second_copy() -> None:
    project = make_project()
    document = make_document("Ada met Bob.", project=project, finished=True, PER="Ada")
    mine = ["O", "O", "B-PER", "O"]
    Annotation.objects.create(document=document, kind="personal", author=make_user(), tags=mine, token_count=4)
    for kind in WRITERS:
        (record,) = exporting.records(exporting.documents(project, kind))
        assert record.tags == ["B-PER", "O", "O", "O"]


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind not in {"datasets", "spacy"}])
def test_the_first_article_is_on_its_way_before_the_second_is_read(kind: str) -> None:
    project = make_project()
    for number in range(3):
        make_document(f"Ada sang song {number}.", project, finished=True, PER="Ada")
    read: list[int] = []
    stream = exporting.written(project, kind, after_article=lambda: read.append(1))
    while not next(stream):
        pass
    assert len(read) <= 1
    assert sum(map(len, stream)) > 0
    assert len(read) == 3


def test_spans_on_a_hard_text_come_out_of_conll_on_the_words_they_were_on() -> None:
    text = 'In  "New York",\n😀 李明在北京 met Ada-Lou\'s U.S.  team.'
    mentions = [("LOC", "New York"), ("PER", "李明"), ("LOC", "北京"), ("PER", "Ada-Lou"), ("LOC", "U.S.")]
    spans = [[text.index(words), text.index(words) + len(words), label] for label, words in mentions]
    project = make_project()
    imported(upload(project, [{"text": text, "spans": spans}]))
    written = b"".join(exporting.written(project, "conll2003")).decode()
    rows = [line.split(" ") for line in written.splitlines() if line]
    assert rows[0] == ["-DOCSTART-", "-X-", "-X-", "O"]
    assert all(row[1:3] == ["-X-", "-X-"] for row in rows)
    assert [(row[0], row[3]) for row in rows[1:]] == [
        *[("In", "O"), ('"', "O"), ("New", "B-LOC"), ("York", "I-LOC"), ('"', "O"), (",", "O"), ("😀", "O")],
        *[("李", "B-PER"), ("明", "I-PER"), ("在", "O"), ("北", "B-LOC"), ("京", "I-LOC"), ("met", "O")],
        *[
            ("Ada", "B-PER"),
            ("-", "I-PER"),
            ("Lou", "I-PER"),
            ("'s", "O"),
            ("U.S.", "B-LOC"),
            ("team", "O"),
            (".", "O"),
        ],
    ]
