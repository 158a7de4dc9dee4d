"""Plots are pictures: they must be well-formed, hold their figures, and bring their own colours and nothing else."""

import sys
from xml.etree import ElementTree

import pytest
from django.test import Client

from annotate.models import Project
from tests.training.runs import make_run, make_version, running
from tests.training.test_views import CALIBRATED
from training import plots
from training.models import Version

pytestmark = pytest.mark.usefixtures("bell")
SVG = "{http://www.w3.org/2000/svg}"


def texts(drawn: bytes) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def dots(drawn: bytes) -> int:
    return sum("dot" in node.get("class", "").split() for node in ElementTree.fromstring(drawn).iter(f"{SVG}circle"))


def bars(drawn: bytes) -> int:
    return sum("ci" in node.get("class", "").split() for node in ElementTree.fromstring(drawn).iter(f"{SVG}g"))


def test_a_loss_curve_begins_at_nought_and_without_points_says_so() -> None:
    drawn = plots.loss([[1, 2.2], [100, 0.4]])
    assert {"0", "2", "Step", "Loss"} <= set(texts(drawn))
    for losses in ([], [[1, 0.5]]):
        assert "Nothing yet" in texts(plots.loss(losses))


def test_a_long_curve_is_thinned_between_its_ends() -> None:
    points = [(float(step), 1.0 / step) for step in range(1, 402)]
    thin = plots.thinned(points)
    assert len(thin) <= plots.MOST_POINTS + 1
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert plots.thinned(points[:40]) == points[:40]


def test_reliability_has_a_dot_for_each_tenth_with_spans() -> None:
    drawn = plots.reliability(CALIBRATED["before"]["bins"], CALIBRATED["after"]["bins"])
    assert dots(drawn) == 3
    assert {"Calibrated", "Uncalibrated", "As said"} <= set(texts(drawn))


def test_f1_has_a_bar_where_there_is_an_interval() -> None:
    drawn = plots.f1([(1, 0.7, None), (2, 0.75, [0.7, 0.8]), (4, 0.74, [0.69, 0.79])])
    assert (dots(drawn), bars(drawn)) == (3, 2)
    assert {"1", "2", "4", "Version"} <= set(texts(drawn))


@pytest.mark.parametrize("drawn", [plots.loss([[1, 1.0], [2, 0.5]]), plots.f1([(1, 0.5, None)])], ids=["loss", "f1"])
def test_a_picture_knows_the_dark_and_brings_no_script_and_nothing_from_elsewhere(drawn: bytes) -> None:
    assert b"prefers-color-scheme:dark" in drawn.replace(b" ", b"")
    for strange in (b"<script", b"@import", b"href=", b"url("):
        assert strange not in drawn


def test_pictures_are_served_for_themselves_under_a_policy_of_their_own(project: Project, signed_in: Client) -> None:
    ended, active = make_run(project, losses=[[1, 1.0], [2, 0.5]]), running(project, losses=[[1, 1.0], [2, 0.5]])
    response = signed_in.get(f"/runs/{ended.pk}/loss.svg")
    assert response["Content-Type"] == "image/svg+xml"
    assert response["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert {"private", "max-age=86400"} == set(response["Cache-Control"].split(", "))
    assert "no-store" in signed_in.get(f"/runs/{active.pk}/loss.svg")["Cache-Control"]


def test_what_was_not_measured_is_not_drawn(project: Project, signed_in: Client) -> None:
    run = make_run(project, scores={"calibration": {"temperature": 1.0, "spans": 3, "articles": 2}})
    assert signed_in.get(f"/runs/{run.pk}/reliability.svg").status_code == 404
    assert signed_in.get(f"/runs/{make_run(project).pk}/reliability.svg").status_code == 404
    assert signed_in.get(f"/projects/{project.slug}/models/f1.svg").status_code == 404


def test_f1_is_drawn_of_the_versions_that_have_a_score(project: Project, signed_in: Client) -> None:
    for _ in range(3):
        make_version(project)
    Version.objects.filter(number=2).update(scores={})
    Version.objects.filter(number=3).update(scores={"f1": 0.5, "f1_interval": [0.4, 0.6]})
    drawn = signed_in.get(f"/projects/{project.slug}/models/f1.svg").content
    assert (dots(drawn), bars(drawn)) == (2, 1)
    assert "2" not in texts(drawn)


def test_the_library_leaves_nothing_behind_where_modules_are_looked_for() -> None:
    plots.loss([[1, 1.0], [2, 0.5]])
    assert all(hasattr(finder, "find_spec") for finder in sys.meta_path)
