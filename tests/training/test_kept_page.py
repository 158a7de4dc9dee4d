from collections.abc import Callable
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from annotate.models import Project, Verdict
from tests.training.runs import make_run, make_version
from training import telling
from training.models import Version

pytestmark = pytest.mark.usefixtures("bell")


def judge(version: Version, count: int, kind: str, label: str = "PER", at_finish: bool = False) -> None:
    document = version.project.documents.first()
    begin = Verdict.objects.count()
    Verdict.objects.bulk_create(
        Verdict(
            document=document,
            source=version.source,
            batch=uuid4(),
            start=place,
            end=place + 1,
            label=label,
            kind=kind,
            at_finish=at_finish,
        )
        for place in range(begin, begin + count)
    )


def test_a_versions_page_shows_what_people_kept_with_its_counts(project: Project, page: Callable[..., str]) -> None:
    version = make_version(project)
    judge(version, 18, "accepted", label="PER")
    judge(version, 4, "corrected", label="PER")
    judge(version, 2, "rejected", label="PER")
    judge(version, 1500, "accepted", label="PER", at_finish=True)
    judge(version, 3, "accepted", label="LOC")
    html = page(f"/runs/{version.run_id}/").partition("What people kept")[2].replace('class="number"', "")
    cells = {
        row.partition("<")[0]: row for row in html.replace("<td >", "").replace("</td>", "").split('<th scope="row">')
    }
    assert cells["PER"].startswith("PER</th> 24 18 75 % 4 2 1,500 ")
    assert cells["LOC"].startswith("LOC</th> 3 3 too few to say 0 0 0 ")
    assert cells["All"].startswith("All</th> 27 21 78 % 4 2 1,500 ")
    assert html.index("PER</th>") < html.index("LOC</th>") < html.index("All</th>")
    assert "in no share" in html


def test_a_version_that_nobody_has_judged_says_so(project: Project, page: Callable[..., str]) -> None:
    version = make_version(project)
    assert "Nobody has judged one of its suggestions yet." in page(f"/runs/{version.run_id}/")
    assert "What people kept" not in page(f"/runs/{make_run(project, 'failed').pk}/")


def test_the_list_of_models_says_it_in_a_line_and_asks_once_for_all(
    project: Project,
    page: Callable[..., str],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    address = f"/projects/{project.slug}/models"
    judge(make_version(project), 19, "accepted")
    version = make_version(project)
    judge(version, 30, "accepted")
    judge(version, 10, "rejected")
    judge(version, 5, "accepted", at_finish=True)
    with django_assert_num_queries(11):
        html = page(address)
    for _ in range(5):
        judge(make_version(project), 2, "rejected")
    with django_assert_num_queries(11):
        page(address)
    assert "30 of 40 looked at (75 %), 5 taken unseen at finish" in html
    assert "19 of 19 looked at (too few to say)" in html


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (19, 19, "too few to say"),
        (20, 20, "100 %"),
        (999, 1000, "99 %"),
        (1, 1000, "1 %"),
        (0, 20, "0 %"),
        (10, 20, "50 %"),
    ],
)
def test_a_share_needs_enough_and_is_never_rounded_to_all_or_none(part: int, whole: int, told: str) -> None:
    assert telling.share(part, whole) == told
