"""How fast encoders are trained here, found out before anybody has trained."""

from pathlib import Path

import pytest

from annotate.models import Project
from tests.make import make_document
from tests.training.fake_queue import FakeQueue
from tests.training.runs import ask, make_run
from training import doorbell, jobs, speeds
from training.engine.shelf import DEFAULT
from training.models import Run, Speed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_rung_for", set())


@pytest.fixture
def read(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with enough to read."""
    monkeypatch.setattr(speeds, "ENOUGH", 1_200)
    for _ in range(3):
        make_document("Ada met Bob in Paris. They left. " * 60, project)
    return project


def test_an_encoder_is_measured_and_recipes_say_how_long_they_take(read: Project, encoder: Path) -> None:
    assert [offer.seconds for offer in speeds.offers(str(encoder), 5_000)] == [None] * 3
    jobs.measure_speed(str(encoder))
    speed = Speed.objects.get()
    assert (speed.encoder, speed.words_per_second > 0) == (str(encoder), True)
    assert all(offer.seconds for offer in speeds.offers(str(encoder), 5_000))
    assert not Run.objects.exists()
    jobs.measure_speed(str(encoder))
    assert Speed.objects.get().measured_at == speed.measured_at


def test_too_little_text_says_nothing_of_speed(project: Project, encoder: Path) -> None:
    jobs.measure_speed(str(encoder))
    assert not Speed.objects.exists()


def test_measuring_steps_aside_for_a_training_that_waits(read: Project, encoder: Path) -> None:
    ask(read, encoder)
    jobs.measure_speed(str(encoder))
    assert not Speed.objects.exists()


def test_no_more_is_read_than_it_takes(read: Project) -> None:
    articles = speeds._any_articles()
    assert sum(len(article.words) for article in articles) == speeds.ENOUGH
    assert all(start < len(article.words) for article in articles for start in article.sentence_starts)
    assert {tag for article in articles for tag in article.tags} == {"O"}


def test_the_default_encoder_is_measured_once_there_is_text(project: Project, bell: FakeQueue) -> None:
    bell.place = None
    jobs.reconcile()
    assert ("train", "training.jobs.measure_speed", DEFAULT) not in bell.rung  # the two articles are too short
    make_document("Ada met Bob in Paris. They left. " * 200, project)
    jobs.reconcile()
    jobs.reconcile()  # what failed is not tried for ever
    assert bell.rung.count(("train", "training.jobs.measure_speed", DEFAULT)) == 1


def test_an_encoder_whose_speed_is_known_is_not_measured(read: Project, encoder: Path, bell: FakeQueue) -> None:
    bell.place = None
    jobs.measure_speed(str(encoder))
    jobs._ring_for_speed(str(encoder))
    assert not bell.rung


def test_what_waits_to_be_measured_is_not_sent_twice(bell: FakeQueue) -> None:
    bell.place = 2
    doorbell.ring_for_speed(DEFAULT)
    assert not bell.rung


@pytest.mark.django_db(transaction=True)  # the heartbeat's thread must see the row
def test_an_encoder_that_was_found_good_is_measured_next(read: Project, encoder: Path, bell: FakeQueue) -> None:
    bell.place = None
    run = make_run(read, "queued", kind=Run.Kind.CHECK, settings={"encoder": str(encoder)})
    jobs.check_encoder(run.pk)
    asked = ("train", "training.jobs.measure_speed", str(encoder))
    assert bell.rung == [asked]
    run = make_run(read, "queued", kind=Run.Kind.CHECK, settings={"encoder": str(encoder / "nowhere")})
    jobs.check_encoder(run.pk)
    assert bell.rung == [asked]
