from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from annotate.models import Project
from tests.training.fake_queue import DOWN, FakeQueue
from tests.training.runs import make_run, make_version
from training.models import Version

pytestmark = pytest.mark.usefixtures("bell")


def test_the_models_page_lists_versions_and_what_became_of_every_run(
    project: Project, page: Callable[..., str]
) -> None:
    make_version(project, current=True, f1=0.8)
    make_version(project, f1=0.7)
    make_run(project, "failed")
    html = page(f"/projects/{project.slug}/models")
    assert html.index("Failed") < html.index("Version 2") < html.index("Version 1")
    for words in ("0.800", "0.700", "Kept aside", "Current"):
        assert words in html
    assert html.count("Make current") == 1


def test_the_models_page_gives_each_score_its_interval(project: Project, page: Callable[..., str]) -> None:
    version = make_version(project, f1=0.8)
    Version.objects.filter(pk=version.pk).update(scores={"f1": 0.8, "f1_interval": [0.7612, 0.8391]})
    assert "0.761–0.839" in page(f"/projects/{project.slug}/models")


def test_two_scores_and_more_are_drawn_over_the_versions(project: Project, page: Callable[..., str]) -> None:
    make_version(project)
    assert "f1.svg" not in page(f"/projects/{project.slug}/models")
    make_version(project)
    make_run(project, "failed")
    assert f'<img src="/projects/{project.slug}/models/f1.svg?of=2"' in page(f"/projects/{project.slug}/models")


def test_promoting_is_one_click_and_so_is_the_way_back(project: Project, signed_in: Client, bell: FakeQueue) -> None:
    first, second = make_version(project), make_version(project, current=True)
    for version in (first, second):
        (settings.TAGDESK_DATA / version.folder).mkdir(parents=True, exist_ok=True)
    html = signed_in.post(f"/versions/{first.pk}/promote", follow=True).content.decode()
    project.refresh_from_db()
    assert project.current_source == first.source
    assert "Version 1 is the current model now" in html
    assert f'action="/versions/{second.pk}/promote"' in html
    signed_in.post(f"/versions/{second.pk}/promote")
    project.refresh_from_db()
    assert project.current_source == second.source
    assert [args[2] for args in bell.rung] == [first.source_id, second.source_id]


def test_a_second_click_on_promote_changes_nothing(project: Project, signed_in: Client, bell: FakeQueue) -> None:
    version = make_version(project, current=True)
    (settings.TAGDESK_DATA / version.folder).mkdir(parents=True, exist_ok=True)
    promoted_at = version.promoted_at
    signed_in.post(f"/versions/{version.pk}/promote")
    version.refresh_from_db()
    assert (version.promoted_at, bell.rung) == (promoted_at, [])


def test_a_version_whose_folder_is_gone_is_not_promoted(project: Project, signed_in: Client) -> None:
    current, gone = make_version(project, current=True), make_version(project)
    Version.objects.filter(pk=gone.pk).update(folder="models/gone/v99")
    html = signed_in.post(f"/versions/{gone.pk}/promote", follow=True).content.decode()
    project.refresh_from_db()
    assert project.current_source == current.source
    assert "models/gone/v99 is gone" in html


def test_promotion_holds_where_the_queue_is_down_and_says_so(
    project: Project, signed_in: Client, bell: FakeQueue
) -> None:
    version = make_version(project)
    (settings.TAGDESK_DATA / version.folder).mkdir(parents=True, exist_ok=True)
    bell.is_down = True
    html = signed_in.post(f"/versions/{version.pk}/promote", follow=True).content.decode()
    project.refresh_from_db()
    assert project.current_source == version.source
    assert DOWN in html
