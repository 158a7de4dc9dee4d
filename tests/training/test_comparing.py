"""Two versions side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.models import Document, Project
from tests.make import make_document
from tests.training.runs import learn, make_mistake, make_run, make_version
from training import comparing
from training.models import Run, Version

pytestmark = pytest.mark.usefixtures("bell")


def scored(f1: float, **labels: float) -> dict[str, Any]:
    return {"f1": f1, "support": 9, "per_label": {label: {"f1": of, "support": 4} for label, of in labels.items()}}


def make_pair(project: Project, held_out: tuple[dict[str, str], dict[str, str]], **scores: Any) -> list[Version]:
    versions = []
    for seen in held_out:
        counts = {"articles": {"training": 3, "validation": len(seen)}, "mistakes": 0, **scores}
        versions.append(make_version(project, run=make_run(project, scores=counts, held_out=seen)))
    return versions


def words_of(html: str) -> str:
    return html.partition("<main")[2]


@pytest.mark.django_db(transaction=True)
def test_a_run_records_what_it_was_scored_on(newsroom: Project, encoder: Path) -> None:
    first = learn(newsroom, encoder)
    second = learn(newsroom, encoder)
    finished = Document.objects.finished().in_split("validation")
    assert set(first.held_out) == {str(pk) for pk in finished.values_list("pk", flat=True)}
    assert first.held_out == second.held_out
    assert comparing.scored_on(first, second).startswith("Both were scored on the same 2 held-out articles")


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ({"1": "a"}, {"1": "a"}, "Both were scored on the same 1 held-out article, with the same tags."),
        (
            {"1": "a", "2": "b", "3": "c"},
            {"1": "a", "2": "x", "4": "d", "5": "e"},
            "1 held-out article with the same tags, 1 with other tags by then, 1 for the first alone and 2 for the",
        ),
        ({}, {"1": "a"}, "was not recorded"),
    ],
)
def test_it_says_whether_both_were_scored_on_the_same(ours: dict[str, str], theirs: dict[str, str], words: str) -> None:
    assert words in comparing.scored_on(Run(held_out=ours), Run(held_out=theirs))


def test_scores_stand_side_by_side_with_their_difference(project: Project, page: Callable[..., str]) -> None:
    first, second = make_pair(project, ({"1": "a"}, {"1": "b"}))
    Version.objects.filter(pk=first.pk).update(scores=scored(0.5, PER=0.4, LOC=0.6))
    Version.objects.filter(pk=second.pk).update(scores=scored(0.75, PER=0.3, ORG=0.8))
    html = words_of(page(f"/projects/{project.slug}/models/compare"))
    assert "1 with other tags by then" in html
    row = '<th scope="row">{}</th> <td class="number">{}</td> <td class="number">{}</td> <td class="number">{}</td>'
    for cells in (
        ("PER", "0.400", "0.300", "-0.100"),
        ("ORG", "–", "0.800", "–"),
        ("LOC", "0.600", "–", "–"),
        ("All", "0.500", "0.750", "+0.250"),
    ):
        assert row.format(*cells) in html
    assert html.index(">PER<") < html.index(">ORG<") < html.index(">LOC<") < html.index(">All<")


@pytest.mark.parametrize("turned", [False, True])
def test_the_scores_of_the_same_day_are_taken_where_there_are_any(
    project: Project, page: Callable[..., str], turned: bool
) -> None:
    first, second = make_pair(project, ({"1": "a"}, {"1": "b"}))
    Version.objects.filter(pk=first.pk).update(scores=scored(0.9))
    Version.objects.filter(pk=second.pk).update(scores=scored(0.75))
    Run.objects.filter(pk=second.run_id).update(scores={"mistakes": 0, "current_number": 1, "current": scored(0.7)})
    html = words_of(page(f"/projects/{project.slug}/models/compare?first={1 + turned}&second={2 - turned}"))
    assert "When version 2 was trained, version 1 was scored on the same articles" in html
    assert ("-0.050" if turned else "+0.050") in html


def test_articles_where_they_differ_are_links_that_open_them(project: Project, page: Callable[..., str]) -> None:
    same, apart, other = (
        make_document("Ada met Bob in Oslo.", project, finished=True, split="validation", title=title, PER="Ada")
        for title in ("Same", "Apart", "Tagged otherwise")
    )
    seen = {str(same.pk): "a", str(apart.pk): "b", str(other.pk): "c"}
    first, second = make_pair(project, (seen, {**seen, str(other.pk): "d"}), mistakes=2)
    for version in (first, second):
        make_mistake(version.run, same, said="LOC Oslo")
        make_mistake(version.run, apart, gold="PER Ada", said="")
    make_mistake(first.run, other, said="LOC Oslo")
    make_mistake(first.run, apart, said="LOC Oslo")
    at = make_mistake(second.run, apart, said="LOC Bob")
    make_mistake(second.run, apart, said="PER Bob")
    html = words_of(page(f"/projects/{project.slug}/models/compare"))
    rows = html.partition("Articles where they differ")[2]
    assert f'<a href="/mistakes/{at.pk - 1}">Apart</a></th> <td class="number">1</td> <td class="number">2</td>' in rows
    assert "Same" not in rows
    assert "Tagged otherwise" not in rows


def test_labels_renamed_since_make_no_difference(project: Project) -> None:
    document = make_document("Ada met Bob.", project, finished=True, split="validation", PER="Ada")
    first, second = make_pair(project, ({str(document.pk): "a"}, {str(document.pk): "a"}), mistakes=1)
    make_mistake(first.run, document, said="MAN Bob")
    make_mistake(second.run, document, said="PER Bob")
    assert comparing.differing(first, second)
    first.source.renamed = {"MAN": "PER"}
    assert comparing.differing(first, second) == []


def test_it_says_why_articles_cannot_be_told(project: Project, page: Callable[..., str]) -> None:
    address = f"/projects/{project.slug}/models/compare"
    assert "There are not two versions yet" in page(address)
    make_pair(project, ({"1": "a"}, {"2": "b"}))
    assert "No held-out article with the same tags was scored for both" in page(address)
    Run.objects.update(scores={})
    assert "no mistakes were kept" in page(address)
    Run.objects.update(scores={"mistakes": 5001}, held_out={"1": "a"})
    assert "Only the first 5,000 mistakes of each were kept" in page(address)
    assert "There is no such version" in page(f"{address}?first=1&second=77")
