import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from annotate import relabelling
from annotate.models import Document, Prediction, Project
from tests.make import make_document, make_user
from tests.training.fake_queue import DOWN, FakeQueue
from tests.training.runs import PROGRESS, make_run, make_version, running
from training import predictions
from training.models import Run, Version

pytestmark = pytest.mark.usefixtures("bell")
HTMX = {"HX-Request": "true"}


def panel_of(project: Project) -> str:
    return f"/projects/{project.slug}/training"


def test_the_panel_offers_retrain_and_says_on_how_much(project: Project, page: Callable[..., str]) -> None:
    html = page(panel_of(project))
    assert "No model yet" in html
    assert '<button type="submit" id="retrain" class="main" >Retrain</button>' in html
    assert "on 1 finished article, scored on 1 held-out one" in html
    assert "hx-trigger" not in html


def test_without_a_finished_article_retrain_is_off_with_the_reason(
    project: Project, page: Callable[..., str], signed_in: Client, bell: FakeQueue
) -> None:
    Document.objects.in_split("train").delete()
    html = page(panel_of(project))
    assert 'class="main" disabled aria-describedby="why-not"' in html
    assert "Finish at least one more article first" in html
    html = signed_in.post(f"/projects/{project.slug}/retrain", headers=HTMX).content.decode()
    assert "Finish at least one more article first" in html
    assert (Run.objects.count(), bell.rung) == (0, [])


def test_retrain_queues_a_run_and_the_panel_shows_it_at_once(
    project: Project, signed_in: Client, user: User, bell: FakeQueue
) -> None:
    html = signed_in.post(f"/projects/{project.slug}/retrain", headers=HTMX).content.decode()
    run = Run.objects.get()
    assert (run.status, run.requested_by) == ("queued", user)
    assert bell.rung == [("train", "training.jobs.train", run.pk)]
    assert "next in the queue" in html
    assert 'hx-trigger="every 1s"' in html
    assert 'id="retrain"' not in html


def test_a_second_click_starts_nothing_and_says_so(project: Project, signed_in: Client, bell: FakeQueue) -> None:
    signed_in.post(f"/projects/{project.slug}/retrain", {"recipe": "quick"}, headers=HTMX)
    html = signed_in.post(f"/projects/{project.slug}/retrain", {"recipe": "thorough"}, headers=HTMX).content.decode()
    assert "A training (Quick) is waiting or running already, so nothing new was started." in html
    assert Run.objects.count() == len(bell.rung) == 1


def test_without_javascript_retrain_leads_back_to_the_project(project: Project, signed_in: Client) -> None:
    response = signed_in.post(f"/projects/{project.slug}/retrain")
    assert (response.status_code, response["Location"]) == (302, f"/projects/{project.slug}/")
    assert Run.objects.count() == 1


def test_where_the_queue_is_down_the_click_is_kept_and_the_panel_says_so(
    project: Project, signed_in: Client, bell: FakeQueue
) -> None:
    bell.is_down = True
    html = signed_in.post(f"/projects/{project.slug}/retrain", headers=HTMX).content.decode()
    assert DOWN in html
    assert "Nothing is lost" in html
    run = Run.objects.get()
    bell.is_down, bell.place = False, None
    Run.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    signed_in.get(panel_of(project))
    assert bell.rung == [("train", "training.jobs.train", run.pk)]


def test_it_says_that_no_worker_runs_with_the_command_to_start_one(
    project: Project, page: Callable[..., str], bell: FakeQueue
) -> None:
    bell.workers = 0
    assert "No training worker is running, so a training would wait" in page(panel_of(project))
    make_run(project, "queued")
    html = page(panel_of(project))
    assert "No training worker is running, so nothing begins" in html
    assert "python manage.py worker train" in html
    assert "worker predict" not in html
    make_version(project, current=True)
    assert "python manage.py worker predict" in page(panel_of(project))


def test_right_after_the_start_it_says_that_the_worker_is_being_started(
    project: Project, page: Callable[..., str], bell: FakeQueue
) -> None:
    bell.workers, bell.starting = 0, True
    make_version(project, current=True)
    assert "manage.py worker" not in page(panel_of(project))
    make_run(project, "queued")
    html = page(panel_of(project))
    assert "The training worker is just being started" in html
    assert "manage.py worker" not in html


def test_it_shows_the_place_in_the_queue(project: Project, page: Callable[..., str], bell: FakeQueue) -> None:
    make_run(project, "queued")
    bell.place = 4
    assert "number 4 in the queue" in page(panel_of(project))


def test_a_running_training_shows_how_far_it_is(project: Project, page: Callable[..., str]) -> None:
    run = running(project, progress=PROGRESS, losses=[[1, 1.5], [7, 0.51234]])
    for html in (page(panel_of(project)), page(f"/runs/{run.pk}/")):
        for words in ("Learning", "2 of 8", "7 of 40", "0.512", "1,235", "2 min 10 s", 'hx-trigger="every 1s"'):
            assert words in html
        assert '<progress max="40" value="7"' in html
        assert "hx-confirm=" in html
    assert re.search(rf'<img src="/runs/{run.pk}/loss.svg"[^>]* data-live>', html)


def test_the_loss_of_a_run_that_has_ended_is_drawn_once_and_said_in_words(
    project: Project, page: Callable[..., str]
) -> None:
    run = make_run(project, losses=[[1, 1.5], [7, 0.51234]])
    html = page(f"/runs/{run.pk}/")
    assert f'<img src="/runs/{run.pk}/loss.svg"' in html
    assert 'alt="Loss by step. From 1.500 to 0.512."' in html
    assert "data-live" not in html
    assert "loss.svg" not in page(f"/runs/{make_run(project, 'failed').pk}/")


def test_a_run_that_has_only_begun_is_shown_too(project: Project, page: Callable[..., str]) -> None:
    run = running(project)
    assert "Starting" in page(panel_of(project))
    assert "Starting" in page(f"/runs/{run.pk}/")


@pytest.mark.parametrize(("target", "element"), [("training", 'id="training"'), ("run", 'id="run"')])
def test_stop_asks_the_run_to_stop_and_answers_the_place_it_came_from(
    project: Project, signed_in: Client, target: str, element: str
) -> None:
    run = running(project, progress=PROGRESS)
    html = signed_in.post(f"/runs/{run.pk}/stop", headers={**HTMX, "HX-Target": target}).content.decode()
    run.refresh_from_db()
    assert (run.status, run.stop_requested) == ("running", True)
    assert element in html
    assert "stopping" in html
    assert "<html" not in html


def test_stopping_a_waiting_run_ends_it_and_twice_does_no_harm(project: Project, signed_in: Client) -> None:
    run = make_run(project, "queued")
    for _ in range(2):
        assert signed_in.post(f"/runs/{run.pk}/stop")["Location"] == f"/runs/{run.pk}/"
    run.refresh_from_db()
    assert run.status == "stopped"


def test_the_last_answer_of_a_poll_ends_the_polling(project: Project, page: Callable[..., str]) -> None:
    run = make_run(project, "stopped")
    html = page(f"/runs/{run.pk}/", headers=HTMX)
    assert "hx-trigger" not in html
    assert "<html" not in html
    assert "Nothing of it was kept" in html


@pytest.mark.parametrize(("place", "whole"), [("panel", "#training"), ("run", "#run")])
def test_a_poll_leaves_the_stop_button_alone_until_it_means_something_else(
    project: Project, signed_in: Client, place: str, whole: str
) -> None:
    run = running(project, progress=PROGRESS)
    address = panel_of(project) if place == "panel" else f"/runs/{run.pk}/"
    first = signed_in.get(address, headers=HTMX)
    assert "HX-Retarget" not in first
    found = re.search(r'hx-get="([^"]+shown=[^"]+)"', first.content.decode())
    assert found is not None
    response = signed_in.get(found[1], headers=HTMX)
    assert "7 of 40" in response.content.decode()
    assert "Stop</button>" not in response.content.decode()
    assert "HX-Retarget" not in response
    run.stop()
    response = signed_in.get(found[1], headers=HTMX)
    assert response["HX-Retarget"] == whole
    assert f'id="{whole[1:]}"' in response.content.decode()


def test_a_silent_run_is_shown_as_failed_at_the_next_look(project: Project, page: Callable[..., str]) -> None:
    lately = timezone.now() - timedelta(seconds=50)
    run = running(project, heartbeat_at=lately)
    html = page(panel_of(project))
    assert f"The worker stopped at {timezone.localtime(lately):%H:%M} without a word" in html
    assert 'id="retrain"' in html
    assert "without a word" in page(f"/runs/{run.pk}/")


def test_whoever_looks_at_a_silent_runs_own_page_alone_is_told_too(project: Project, page: Callable[..., str]) -> None:
    run = running(project, heartbeat_at=timezone.now() - timedelta(seconds=50))
    assert "without a word" in page(f"/runs/{run.pk}/")


def test_retrain_begins_anew_over_a_silent_run(project: Project, signed_in: Client) -> None:
    running(project, heartbeat_at=timezone.now() - timedelta(seconds=50))
    signed_in.post(f"/projects/{project.slug}/retrain")
    assert list(Run.objects.values_list("status", flat=True)) == ["queued", "failed"]


def scored(f1: float) -> dict[str, Any]:
    per_label = {"LOC": {"precision": 0.5, "recall": 0.25, "f1": 0.333, "support": 4}}
    return {
        "precision": 0.75,
        "recall": 0.625,
        "f1": f1,
        "accuracy": 0.91,
        "support": 1234,
        "per_label": per_label,
        "f1_interval": [f1 - 0.02, f1 + 0.03],
        "lenient": {
            name: {"precision": share, "recall": share, "f1": share}
            for name, share in (("exact", 0.71), ("type", 0.72), ("partial", 0.731))
        },
        "confusion": {"labels": ["LOC", "(none)"], "table": [[3, 1], [2, 0]]},
    }


SCORES = {
    "candidate": scored(0.687),
    "current": scored(0.654),
    "current_number": 3,
    "decision": {"promote": True, "reason": "Promoted: F1 +0.033 against the current model."},
    "articles": {"training": 80, "validation": 20, "blind": 17, "unknown": 2},
}


def test_a_finished_run_tells_its_scores_by_label_against_the_model_before(
    project: Project, page: Callable[..., str]
) -> None:
    run = make_run(project, scores=SCORES, settings={"learning_rate": 0.0001}, snapshot_hash="ab" * 32)
    make_version(project, current=True, run=run)
    html = page(f"/runs/{run.pk}/")
    for words in (
        *("0.687", "0.750", "0.625", "0.910", "version 3, the model before", "0.654", "LOC", "0.333", "1,234"),
        *("Promoted: F1 +0.033", "80 finished articles", "Of 20 held-out articles 17 were tagged blind"),
        *(
            "1 was tagged with what a model said in sight",
            "2 were imported with tags",
            "Learning rate",
            "0.0001",
            "What was taken for what",
        ),
        *("the current model", "abababababab"),
    ):
        assert words in html
    assert "hx-trigger" not in html


def test_a_run_tells_how_far_off_its_score_may_be_and_how_much_is_nearly_right(
    project: Project, page: Callable[..., str]
) -> None:
    make_version(project, run=(run := make_run(project, scores=SCORES)))
    html = page(f"/runs/{run.pk}/")
    assert "0.687 <small>0.667–0.717</small>" in html
    assert "in 95 of 100 cases lie within 0.667–0.717" in html
    row = html.partition("The right words, or half for some of them")[2].partition("</tr>")[0]
    assert "0.731" in row


def test_too_few_articles_for_an_interval_are_said_and_a_run_of_before_says_nothing(
    project: Project, page: Callable[..., str]
) -> None:
    few = make_run(project, scores={**SCORES, "candidate": {**scored(0.5), "f1_interval": None}})
    assert "too few held-out articles to say how far F1 may be off" in page(f"/runs/{few.pk}/")
    old = {key: value for key, value in scored(0.5).items() if key not in {"f1_interval", "lenient"}}
    html = page(f"/runs/{make_run(project, scores={**SCORES, 'candidate': old}).pk}/")
    assert "how far F1 may be off" not in html
    assert "nearly right" not in html


def measured(error: float, *bins: tuple[int, float | None, float | None]) -> dict[str, Any]:
    rows = [(0, None, None)] * (10 - len(bins)) + list(bins)
    told = [
        {"low": place / 10, "high": (place + 1) / 10, "spans": spans, "probability": said, "right": right}
        for place, (spans, said, right) in enumerate(rows)
    ]
    return {"error": error, "interval": [error - 0.01, error + 0.02], "bins": told}


CALIBRATED: dict[str, Any] = {
    "temperature": 1.6234,
    "spans": 1740,
    "articles": 45,
    "applied": True,
    "before": measured(0.0812, (0, None, None), (1740, 0.971, 0.885)),
    "after": measured(0.0241, (340, 0.861, 0.852), (1400, 0.944, 0.931)),
    "perfect": 0.0193,
}


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (
            CALIBRATED,
            (
                "calibrated with the temperature 1.62, held against 1,740 spans in 45 held-out articles: they are off "
                "by 0.024 (0.014–0.044) on articles that it was not fitted on, before by 0.081 (0.071–0.101). Perfect "
                "ones would seem off by 0.019"
            ),
        ),
        (
            {**CALIBRATED, "slope": 0.8, "offset": -0.31},
            "calibrated with the temperature 1.62 and the line 0.80 · log odds − 0.31, held against 1,740 spans",
        ),
        ({**CALIBRATED, "applied": False}, "used as the model gives them"),
        (
            {"temperature": 1.0, "spans": 1, "articles": 12},
            "not calibrated: 300 predicted spans in 10 held-out articles are needed, and so far it is 1 span in 12",
        ),
    ],
)
def test_a_run_says_in_words_whether_its_probabilities_can_be_trusted(
    project: Project, page: Callable[..., str], calibration: dict[str, Any], words: str
) -> None:
    html = page(f"/runs/{make_run(project, scores={**SCORES, 'calibration': calibration}).pk}/")
    assert words in html
    assert ("What was said, and what came true" in html) == ("after" in calibration)


def test_what_came_true_stands_beside_what_was_said(project: Project, page: Callable[..., str]) -> None:
    html = page(f"/runs/{make_run(project, scores={**SCORES, 'calibration': CALIBRATED}).pk}/")
    rows = re.findall(r'<th scope="row">(\d+ % to \d+ %)</th> (.*?) </tr>', html)
    cells = {said: re.findall(r">([^<]+)</td>", row) for said, row in rows}
    assert cells == {
        "80 % to 90 %": ["340", "0.861", "0.852", "0", "–", "–"],
        "90 % to 100 %": ["1,400", "0.944", "0.931", "1,740", "0.971", "0.885"],
    }


def test_calibrated_probabilities_are_drawn(project: Project, page: Callable[..., str]) -> None:
    run = make_run(project, scores={**SCORES, "calibration": CALIBRATED})
    assert f'<img src="/runs/{run.pk}/reliability.svg"' in page(f"/runs/{run.pk}/")


def test_a_run_from_before_calibration_says_nothing_of_it(project: Project, page: Callable[..., str]) -> None:
    assert "Probabilities" not in page(f"/runs/{make_run(project, scores=SCORES).pk}/")


def test_the_confusion_table_tells_right_from_wrong_and_says_nothing_of_none_for_none(
    project: Project, page: Callable[..., str]
) -> None:
    html = page(f"/runs/{make_run(project, scores=SCORES).pk}/").partition("What was taken for what")[2]
    cells = re.findall(r'<td class="number ([a-z]*)">(\d*)</td>', html.partition("</table>")[0])
    assert cells == [("right", "3"), ("wrong", "1"), ("wrong", "2"), ("", "")]
    assert "The last column counts what the model missed, the last row what it made up" in html


def test_a_run_without_held_out_articles_says_that_there_is_no_score_and_why(
    project: Project, page: Callable[..., str]
) -> None:
    decision = {"promote": True, "reason": "Promoted as the first model."}
    scores = {"candidate": None, "current": None, "decision": decision, "articles": {"training": 3, "validation": 0}}
    run = make_run(project, scores=scores)
    version = make_version(project, current=True, run=run)
    Version.objects.filter(pk=version.pk).update(scores={})
    assert "No score yet: none of the held-out articles was finished" in page(f"/runs/{run.pk}/")
    html = page(panel_of(project))
    assert "no score yet" in html
    assert "nothing to score it on" in html


def test_a_failed_run_tells_the_words_and_the_technical_line(project: Project, page: Callable[..., str]) -> None:
    run = make_run(project, "failed", error="The disk is full.\nOSError: [Errno 28] <b>")
    html = page(f"/runs/{run.pk}/")
    assert "The disk is full." in html
    assert '<pre class="technical">OSError: [Errno 28] &lt;b&gt;</pre>' in html
    panel = page(panel_of(project))
    assert "The last training failed." in panel
    assert "Errno" not in panel


def test_the_panel_tells_the_current_model_its_score_and_its_suggestions(
    project: Project, page: Callable[..., str]
) -> None:
    version = make_version(project, current=True, f1=0.876)
    Prediction.objects.create(document=make_document("Ada.", project), source=version.source)
    html = page(panel_of(project))
    assert "0.876" in html
    assert "version 1" in html
    assert "Suggestions are ready for 1 article." in html


def test_the_panel_waits_for_the_first_suggestions_of_a_new_model(
    project: Project, page: Callable[..., str], bell: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_document("Ada left.", project)
    version = make_version(project, current=True)
    with monkeypatch.context() as quick:  # each second: it must not go through every article's predictions
        quick.setattr(predictions, "wanting", lambda version: pytest.fail("went through all articles"))
        html = page(panel_of(project))
    assert "Its suggestions are being made" in html
    assert 'hx-trigger="every 1s"' in html
    Prediction.objects.create(document=document, source=version.source)
    assert "hx-trigger" not in page(panel_of(project))
    Prediction.objects.all().delete()
    bell.workers = 0
    assert "hx-trigger" not in page(panel_of(project))


def test_the_panel_tells_why_there_are_no_suggestions(project: Project, page: Callable[..., str]) -> None:
    make_version(project, current=True, trouble="There was not enough memory.\nMemoryError")
    html = page(panel_of(project))
    assert "There are no suggestions: There was not enough memory." in html


def test_retrain_is_off_while_the_labels_are_being_changed(project: Project, page: Callable[..., str]) -> None:
    relabelling.begin(project, None, "renamed", project.labels.get(name="PER"), "PERSON", uuid4())
    html = page(panel_of(project))
    assert 'class="main" disabled aria-describedby="why-not"' in html
    assert "The labels of this project are being changed." in html


def test_the_news_are_how_the_last_training_ended(
    project: Project, signed_in: Client, page: Callable[..., str]
) -> None:
    address = f"/projects/{project.slug}/training/news"
    assert 'data-ended="none"' in page(address)
    make_run(project, "stopped")
    make_run(project, "succeeded", kind="check")
    assert 'data-ended="none"' in page(address)
    version = make_version(project, f1=0.7123)
    assert "Version 1 is trained, F1 0.712, and was kept aside." in page(address)
    assert f'data-run="{version.run_id}"' in page(address)
    assert "data-active" not in page(address)
    failed = make_run(project, "failed")
    running(project)
    assert "The training failed." in page(address)
    assert f'href="/runs/{failed.pk}/"' in page(address)
    assert "data-active" in page(address)


def test_strangers_hear_no_news(project: Project, client: Client) -> None:
    client.force_login(make_user("eve"))
    assert client.get(f"/projects/{project.slug}/training/news").status_code == 404


@pytest.mark.parametrize(("status", "leads_back"), [("failed", True), ("stopped", True), ("succeeded", False)])
def test_a_run_without_a_model_leads_back_to_training(
    project: Project, page: Callable[..., str], status: str, leads_back: bool
) -> None:
    html = page(f"/runs/{make_run(project, status=status).pk}/")
    assert ("Train again …" in html) == leads_back


@pytest.mark.parametrize(("f1", "says_so"), [(0.0, True), (0.2, False)])
def test_a_model_that_finds_nothing_says_what_it_may_be(
    project: Project, page: Callable[..., str], f1: float, says_so: bool
) -> None:
    run = make_run(project, scores={**SCORES, "candidate": {**scored(f1), "support": 9}})
    make_version(project, run=run)
    assert ("It finds none of the entities that people tagged." in page(f"/runs/{run.pk}/")) == says_so
