"""The learning curve: its points, its place in the queue, what its page says."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from annotate.models import Project
from tests.make import make_document, make_project
from tests.training.fake_queue import FakeQueue
from tests.training.runs import QUICK, make_run, running
from training import curve, jobs
from training.engine.articles import Article
from training.models import Run, Version

pytestmark = pytest.mark.usefixtures("bell")
SHORT = [(1, 0.75), (1, 1.0), (2, 0.75), (2, 1.0)]
ARTICLES = [Article(str(number), ["Ada"], ["B-PER"], [0]) for number in range(20)]


@pytest.fixture
def stack(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Eight finished articles to learn from and two held out, for curves of four points."""
    monkeypatch.setattr(curve, "PLAN", SHORT)
    project = make_project("Stack", ["PER", "LOC"])
    for number in range(8):
        make_document(f"Ada met Bob in Paris, {number} times.", project, finished=True, PER="Ada Bob", LOC="Paris")
    for text in ("Ada visited Oslo.", "Bob met Ada."):
        make_document(text, project, finished=True, split="validation", PER="Ada Bob", LOC="Oslo")
    return project


def ask(project: Project, encoder: Path) -> Run:
    run, is_new = Run.objects.draw_curve(project, None)
    assert is_new
    Run.objects.filter(pk=run.pk).update(settings={**QUICK, "epochs": 1, "encoder": str(encoder)})
    return run


def made(*points: tuple[float, int, float], **scores: Any) -> dict[str, Any]:
    return {
        "points": [
            {"share": share, "seed": seed, "f1": f1, "articles": round(share * 40), "seconds": 10.0, "per_label": {}}
            for share, seed, f1 in points
        ],
        "labels": ["PER", "LOC"],
        "spans": {"PER": 300, "LOC": 20},
        "articles": {"training": 40, "validation": 9},
        **scores,
    }


# What is drawn


def test_the_shares_of_a_seed_are_nested_and_seeds_differ() -> None:
    shares = [curve.subset(ARTICLES, share, 1) for share in curve.SHARES]
    assert [len(part) for part in shares] == [5, 10, 15, 20]
    for smaller, larger in pairwise(shares):
        assert {part.key for part in smaller} < {part.key for part in larger}
    assert shares[-1] == ARTICLES
    assert curve.subset(ARTICLES, 0.5, 1) == shares[1]
    assert curve.subset(ARTICLES, 0.5, 2) != shares[1]


def test_each_share_has_three_seeds_and_a_whole_curve_comes_first() -> None:
    assert sorted(curve.PLAN) == sorted((seed, share) for seed in (1, 2, 3) for share in (0.25, 0.5, 0.75, 1.0))
    assert [share for _, share in curve.PLAN[:4]] == [0.25, 0.5, 0.75, 1.0]


def test_a_curve_is_drawn_on_the_same_held_out_articles_and_leaves_no_model(stack: Project, encoder: Path) -> None:
    run = ask(stack, encoder)
    jobs.draw_curve(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("succeeded", "")
    points = run.scores["points"]
    assert [(point["seed"], point["share"], point["articles"]) for point in points] == [
        (1, 0.75, 6),
        (1, 1.0, 8),
        (2, 0.75, 6),
        (2, 1.0, 8),
    ]
    assert {point["per_label"]["PER"]["support"] for point in points} == {3}
    assert run.scores["spans"] == {"PER": 16, "LOC": 8}
    assert Version.objects.count() == 0
    assert not (settings.TAGDESK_DATA / "models").exists()


def test_it_steps_aside_for_a_training_that_waits_and_goes_on_where_it_was(
    stack: Project, encoder: Path, bell: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(stack, encoder)
    monkeypatch.setattr(curve, "LOOK_EVERY", 0)
    point, drawn = curve._point, []

    def one_then_a_training(*args: Any) -> dict[str, Any]:
        drawn.append(point(*args))
        if len(drawn) == 1:
            training = make_run(make_project("Other"), "queued")
            Run.objects.filter(pk=training.pk).update(created_at=timezone.now() - timedelta(seconds=9))
        return drawn[-1]

    monkeypatch.setattr(curve, "_point", one_then_a_training)
    jobs.draw_curve(run.pk)
    before = run.job_id
    run.refresh_from_db()
    assert (run.status, run.claim, len(run.scores["points"])) == ("queued", None, 1)
    assert bell.rung == [("train", "training.jobs.draw_curve", run.pk)]
    assert run.job_id != before  # the job under way is not written over
    Run.objects.filter(kind="train").update(status="succeeded")
    jobs.draw_curve(run.pk)
    run.refresh_from_db()
    assert (run.status, len(run.scores["points"]), len(drawn)) == ("succeeded", 4, 4)


def test_within_a_point_too_it_gives_way_to_a_training(stack: Project, encoder: Path) -> None:
    run = ask(stack, encoder)
    training = make_run(stack, "queued")
    Run.objects.filter(pk=training.pk).update(created_at=timezone.now() - timedelta(seconds=9))
    watch = curve._Watch()
    with pytest.raises(curve.SteppedAside):
        watch.or_raise()
    jobs.draw_curve(run.pk)
    run.refresh_from_db()
    assert (run.status, run.scores["points"]) == ("queued", [])


def test_a_stopped_curve_keeps_its_points_and_goes_on_with_the_same_articles(
    stack: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch, client: Client, bell: FakeQueue
) -> None:
    run = ask(stack, encoder)
    point = curve._point

    def then_stop(run: Run, *args: Any) -> dict[str, Any]:
        found = point(run, *args)
        run.stop()
        args[0].stop_requested = True  # as its heartbeat would have seen
        return found

    with monkeypatch.context() as patched:
        patched.setattr(curve, "_point", then_stop)
        jobs.draw_curve(run.pk)
    run.refresh_from_db()
    assert run.status == "stopped"
    kept = len(run.scores["points"])
    assert kept >= 1
    make_document("Eve met Bob.", stack, finished=True, PER="Eve Bob")
    assert curve.go_on(run)
    assert not curve.go_on(run)
    jobs.draw_curve(run.pk)
    run.refresh_from_db()
    assert (run.status, len(run.scores["points"])) == ("succeeded", 4)
    assert run.scores["articles"]["training"] == 8


def test_a_curve_whose_worker_died_says_that_its_points_are_kept(project: Project) -> None:
    run = running(
        project, kind="curve", heartbeat_at=timezone.now() - timedelta(minutes=5), scores=made((0.25, 1, 0.5))
    )
    Run.objects.close_stale()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "The points that were done are kept" in run.error
    assert "Retrain" not in run.error
    waiting = make_run(project, "queued", kind="curve", scores=made((0.25, 1, 0.5)))
    jobs.job_died(waiting.job_id, "It was killed.")
    waiting.refresh_from_db()
    assert (waiting.status, "points that were done are kept" in waiting.error) == ("failed", True)


def test_where_its_articles_are_gone_it_says_so(stack: Project, encoder: Path) -> None:
    run = ask(stack, encoder)
    Run.objects.filter(pk=run.pk).update(scores=made((0.75, 1, 0.5)), snapshot_hash="0" * 64)
    jobs.draw_curve(run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "not there any more" in run.error


# What it says


@pytest.mark.parametrize(
    ("before", "last", "words"),
    [
        ((0.60, 0.62, 0.61), (0.63, 0.65, 0.65), "more articles are likely to help"),
        ((0.60, 0.62, 0.61), (0.60, 0.62, 0.61), "not likely to help much"),
        ((0.60, 0.62, 0.61), (0.58, 0.67, 0.61), "nobody can say yet"),
    ],
)
def test_the_outlook_rests_on_the_last_step_and_its_spread(
    before: tuple[float, ...], last: tuple[float, ...], words: str
) -> None:
    points = made(*((0.75, n, f1) for n, f1 in enumerate(before, 1)), *((1.0, n, f1) for n, f1 in enumerate(last, 1)))
    assert words in curve.outlook(points["points"])


def test_one_seed_is_no_outlook() -> None:
    assert curve.outlook(made((0.75, 1, 0.5), (1.0, 1, 0.6), (0.75, 2, 0.5))["points"]) == ""


def test_the_label_that_is_short_of_examples_is_named() -> None:
    scores = made((1.0, 1, 0.7), (1.0, 2, 0.7))
    for point in scores["points"]:
        point["per_label"] = {"PER": {"f1": 0.6, "support": 9}, "LOC": {"f1": 0.3, "support": 2}}
    assert curve.short_of(scores).startswith("LOC is short of examples: 20 to learn from, and its F1 is 0.300")
    scores["spans"]["LOC"] = 150
    assert curve.short_of(scores) == ""
    scores["spans"]["LOC"] = 20
    for point in scores["points"]:
        point["per_label"]["LOC"]["f1"] = 0.9
    assert curve.short_of(scores) == ""


def test_the_time_left_is_told_from_the_points_so_far() -> None:
    assert curve.seconds_left([], {}) is None
    points = made(*((share, 1, 0.5) for share in curve.SHARES))["points"]
    assert curve.seconds_left(points, {}) == pytest.approx(80)
    half = curve.seconds_left(points, {"phase": "training", "step": 5, "steps": 10})
    assert half is not None
    assert 77 < half < 80


def test_the_page_shows_the_curve_with_its_figures(
    project: Project, page: Callable[..., str], signed_in: Client
) -> None:
    points = [(share, seed, 0.4 + share / 4 + seed / 100) for share in curve.SHARES for seed in (1, 2, 3)]
    make_run(project, kind="curve", scores=made(*points))
    html = page(f"/projects/{project.slug}/curve")
    assert "more articles are likely to help" in html
    assert '<th scope="row">25 %</th> <td class="number">10</td> <td class="number">0.483</td>' in html
    assert "0.473–0.493" in html
    picture = signed_in.get(f"/projects/{project.slug}/curve.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert b"Articles learnt from" in picture.content
    assert "Learning curve" in page(f"/projects/{project.slug}/models")


def test_it_says_what_is_missing_for_a_curve(project: Project, page: Callable[..., str], signed_in: Client) -> None:
    address = f"/projects/{project.slug}/curve"
    assert "needs 8 finished articles to learn from" in page(address)
    assert signed_in.get(f"{address}.svg").status_code == 404
    html = signed_in.post(f"{address}/draw", {"verb": "begin"}, follow=True).content.decode()
    assert "there is 1." in " ".join(html.split())
    assert Run.objects.count() == 0
    assert "finished held-out article to score on, and there is none" in curve.why_too_few(8, 0)
    assert curve.why_too_few(8, 1) == ""


def test_a_click_draws_one_and_a_second_starts_nothing(
    project: Project, signed_in: Client, bell: FakeQueue, page: Callable[..., str]
) -> None:
    for _ in range(8):
        make_document("Ada.", project, finished=True, PER="Ada")
    now = timezone.now()
    last = {"articles": {"training": 9}}
    make_run(project, started_at=now - timedelta(minutes=2), ended_at=now, scores=last)
    address = f"/projects/{project.slug}/curve"
    assert "about 17 min" in page(address)
    for _ in range(2):
        signed_in.post(f"{address}/draw", {"verb": "begin"})
    run = Run.objects.get(kind="curve")
    assert bell.rung == [("train", "training.jobs.draw_curve", run.pk)]
    html = page(address)
    assert "0 of 12 points are done" in html
    assert "Draw a new curve" not in html
    make_run(project, "queued")
    assert "a training goes first" in page(address)
    signed_in.post(f"{address}/draw", {"verb": "stop"})
    assert "Stopped after 0 of 12 points" in page(address)
    signed_in.post(f"{address}/draw", {"verb": "go_on"})
    run.refresh_from_db()
    assert (run.status, run.stop_requested, len(bell.rung)) == ("queued", False, 2)


def test_it_moves_while_it_is_drawn(project: Project, page: Callable[..., str], signed_in: Client) -> None:
    run = running(
        project, kind="curve", scores=made((0.25, 1, 0.5)), progress={"phase": "training", "step": 1, "steps": 2}
    )
    address = f"/projects/{project.slug}/curve"
    html = page(address)
    assert "Point 2 of 12" in html
    assert "left. A training that somebody asks for goes first" in html
    shown = f"{run.pk}-running-0-1"
    live = signed_in.get(f"{address}?shown={shown}", headers={"HX-Request": "true"})
    assert "<h1>" not in live.content.decode()
    run.scores = made((0.25, 1, 0.5), (0.5, 1, 0.6))
    run.save()
    again = signed_in.get(f"{address}?shown={shown}", headers={"HX-Request": "true"})
    assert again["HX-Refresh"] == "true"
    assert signed_in.get(f"/runs/{run.pk}/")["Location"] == address


def test_a_training_that_waits_is_told_that_a_curve_steps_aside(project: Project, page: Callable[..., str]) -> None:
    make_run(project, "queued")
    assert "learning curve" not in page(f"/projects/{project.slug}/training")
    running(project, kind="curve", scores=made())
    assert "a learning curve is at work, and steps aside for this within seconds" in page(
        f"/projects/{project.slug}/training"
    )
