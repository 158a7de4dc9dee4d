"""The instant learner in the predictor, on an encoder small enough to read in no time."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotate import relabelling
from annotate.desk import do, open_desk
from annotate.jobs import run_label_change
from annotate.models import Ask, Document, Prediction, Project, Source
from tests.make import make_document, make_project
from tests.training.fake_queue import FakeQueue
from tests.training.runs import learn as train
from tests.training.runs import make_version
from training import at_once, instant, jobs
from training.engine.encoders import EncoderError
from training.models import Learner, Run

NAMES = ["Ada", "Bob", "Carol", "Dan", "Eve"]


@pytest.fixture(autouse=True)
def small_reader(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.engine.instant import Reader

    reader = Reader(str(encoder))
    monkeypatch.setattr(instant, "_reader", lambda: reader)
    instant._warm.clear()


@pytest.fixture
def desk(user: User, bell: FakeQueue) -> Project:
    """Five finished articles: it learns."""
    project = make_project(manager=user)
    for name in NAMES:
        finish(project, f"Yesterday {name} met us all.", PER=name)
    return project


def finish(project: Project, text: str, **entities: str) -> Document:
    return make_document(text, project, finished=True, **entities)


def learn(project: Project) -> Learner:
    jobs.learn_at_once(project.pk)
    project.refresh_from_db()
    return Learner.objects.get(project=project)


def suggested(document: Document) -> list[tuple[int, int, str]]:
    found = Document.objects.get(pk=document.pk)
    return [s[:3] for s in found.open_suggestions([])]


def test_from_the_fifth_finished_article_on_it_marks_the_next(desk: Project) -> None:
    articles = [make_document(f"Yesterday {name} met us all.", desk) for name in ("Frank", "Grace")]
    row = learn(desk)
    assert [suggested(article) for article in articles] == [[(1, 2, "PER")]] * 2
    said = articles[0].predictions.get(source__kind="instant")
    assert said.uncertainty is not None
    assert str(desk.current_source) == "Instant learner"
    assert (row.fits, row.articles, row.trouble, row.scores) == (1, {"training": 5, "validation": 0}, "", {})


def test_before_the_fifth_the_dictionary_speaks_and_the_encoder_reads_ahead(desk: Project, user: User) -> None:
    last = desk.documents.order_by("-pk").first()
    assert last
    last.delete_softly(user)
    article = make_document("Then Ada left.", desk)
    jobs.learn_at_once(desk.pk)
    desk.refresh_from_db()
    assert desk.current_source is not None
    assert desk.current_source.kind == Source.Kind.DICTIONARY
    assert suggested(article) == [(1, 2, "PER")]
    assert instant.warm(desk).basis is not None


def test_it_is_scored_on_the_finished_validation_articles(desk: Project) -> None:
    make_document("Yesterday Zoe met us all.", desk, finished=True, split="validation", PER="Zoe")
    make_document("Yesterday Yan met us all.", desk, split="validation")
    row = learn(desk)
    assert row.articles == {"training": 5, "validation": 1}
    assert row.scores["support"] == 1
    assert row.scores["f1"] == 1.0


def test_held_out_articles_get_no_suggestion_and_teach_nothing(desk: Project) -> None:
    held_out = make_document("Yesterday Zoe met us all.", desk, split="validation")
    row = learn(desk)
    assert not Prediction.objects.filter(document=held_out).exists()
    assert row.articles["training"] == 5


def test_many_finishes_at_once_are_learnt_in_one_fit_and_nothing_twice(desk: Project) -> None:
    for _ in range(3):
        row = learn(desk)
    assert row.fits == 1
    finish(desk, "Yesterday Frank met us all.", PER="Frank")
    finish(desk, "Yesterday Grace met us all.", PER="Grace")
    for _ in range(2):
        row = learn(desk)
    assert (row.fits, row.articles["training"]) == (2, 7)


def test_a_reopened_article_is_forgotten(desk: Project) -> None:
    finish(desk, "Oslo is far.", LOC="Oslo")
    article = make_document("Oslo is far.", desk)
    learn(desk)
    document = desk.documents.get(text="Oslo is far.", state="finished")
    with open_desk(document.pk, Ask.anew(None, document.gold())) as held:
        do(held, "reopen")
    assert learn(desk).articles["training"] == 5
    assert article.predictions.filter(source__kind="instant").exists()


def test_one_line_is_kept_and_its_suggestions_are_replaced(desk: Project) -> None:
    make_document("The first lies open already.", desk)
    article = make_document("Oslo is far.", desk)
    learn(desk)
    for _ in range(4):
        finish(desk, "Oslo is far.", LOC="Oslo")
    learn(desk)
    assert suggested(article) == [(0, 1, "LOC")]
    assert Source.objects.filter(kind="instant").count() == Learner.objects.count() == 1
    assert Prediction.objects.filter(document=article).count() == 1
    assert not Run.objects.exists()


def test_it_ends_where_a_trained_model_is_current(desk: Project) -> None:
    version = make_version(desk, current=True)
    jobs.learn_at_once(desk.pk)
    desk.refresh_from_db()
    assert desk.current_source == version.source
    assert not Learner.objects.exists()


def test_switched_off_it_suggests_no_more_and_one_click_brings_it_back(
    desk: Project, signed_in: Client, bell: FakeQueue
) -> None:
    article = make_document("Yesterday Frank met us all.", desk)
    learn(desk)
    address = reverse("learner_switch", args=[desk.slug])
    signed_in.post(address, {"kind": "instant"})
    desk.refresh_from_db()
    assert (desk.instant, desk.current_source, suggested(article)) == (False, None, [])
    jobs.learn_at_once(desk.pk)
    desk.refresh_from_db()
    assert desk.current_source is not None
    assert desk.current_source.kind == Source.Kind.DICTIONARY
    bell.learning.clear()
    signed_in.post(address, {"kind": "instant", "on": ""})
    assert bell.learning == [desk.pk]
    learn(desk)
    assert suggested(article) == [(1, 2, "PER")]


def test_one_click_brings_it_back_where_a_trained_model_is_current(
    desk: Project, signed_in: Client, bell: FakeQueue
) -> None:
    learn(desk)
    make_version(desk, current=True)
    page = signed_in.get(reverse("models", args=[desk.slug])).content.decode()
    assert 'name="over"' in page
    signed_in.post(reverse("learner_switch", args=[desk.slug]), {"kind": "instant", "on": "", "over": ""})
    page = signed_in.get(reverse("models", args=[desk.slug])).content.decode()
    assert "It takes over as soon as it has learnt what was finished meanwhile." in page
    assert 'name="over"' not in page
    panel = signed_in.get(reverse("training_panel", args=[desk.slug])).content.decode()
    assert "The instant learner is learning what was finished meanwhile, and then marks the next articles." in panel
    assert "No model yet" not in panel
    assert learn(desk).is_current
    panel = signed_in.get(reverse("training_panel", args=[desk.slug])).content.decode()
    assert "No trained model is current." in panel


def test_where_it_cannot_learn_the_page_says_why_and_the_dictionary_speaks(
    desk: Project, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    article = make_document("Then Ada left.", desk)

    def broken(*args: Any) -> None:
        raise EncoderError("The encoder's weights are missing.")

    monkeypatch.setattr(instant, "fit", broken)
    jobs.learn_at_once(desk.pk)
    assert "weights are missing" in Learner.objects.get().trouble
    assert suggested(article) == [(1, 2, "PER")]
    page = signed_in.get(reverse("models", args=[desk.slug])).content.decode()
    assert "weights are missing" in page


def test_a_finish_that_was_not_learnt_from_is_found_again(desk: Project, bell: FakeQueue) -> None:
    bell.waiting = 0
    jobs.reconcile()
    assert bell.learning == [desk.pk]
    learn(desk)
    bell.learning.clear()
    jobs.reconcile()
    assert bell.learning == []
    bell.waiting = 1
    finish(desk, "Nobody came.")
    jobs.reconcile()
    assert bell.learning == []


def test_much_that_was_never_read_is_read_in_turns(
    desk: Project, bell: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instant, "READ_AT_ONCE", 14)
    assert learn(desk).articles["training"] == 2
    assert bell.learning == [desk.pk]
    assert [learn(desk).articles["training"] for _ in range(2)] == [4, 5]
    assert bell.learning == [desk.pk] * 2


def test_of_very_many_the_newest_words_are_learnt_from(desk: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instant, "LEARNT_FROM", 15)
    assert learn(desk).articles["training"] == 2


def test_articles_of_which_it_said_nothing_have_their_turn_too(desk: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "MARKED", 4)
    articles = [make_document(f"Yesterday number {n} met us all.", desk) for n in range(12)]
    spoken = []
    for n in range(4):
        finish(desk, f"Nobody came, {n}.")
        learn(desk)
        spoken.append(Prediction.objects.filter(document__in=articles, source__kind="instant").count())
    assert spoken == [4, 6, 8, 10]


def test_labels_renamed_since_are_learnt_under_their_new_names(desk: Project, user: User) -> None:
    article = make_document("Yesterday Frank met us all.", desk)
    learn(desk)
    relabelling.begin(desk, user, "renamed", desk.labels.get(name="PER"), "HUMAN", uuid4())
    run_label_change(desk.label_changes.get().pk)
    assert suggested(article) == [(1, 2, "HUMAN")]
    learn(desk)
    assert suggested(article) == [(1, 2, "HUMAN")]
    assert desk.current_source == Source.objects.filter(kind="instant").latest("pk")


@pytest.mark.django_db(transaction=True)  # the heartbeat looks at the run from a thread
def test_a_trained_model_is_compared_with_it_on_the_same_articles(desk: Project, encoder: Path) -> None:
    for name in ("Zoe", "Yan"):
        make_document(f"Yesterday {name} met us all.", desk, finished=True, split="validation", PER=name)
    learn(desk)
    run = train(desk, encoder, epochs=1, learning_rate=1e-6)
    desk.refresh_from_db()
    assert run.scores["current"]["f1"] == 1.0
    assert run.scores["decision"]["reason"].startswith("Kept aside")
    assert "against the instant learner, current then," in run.scores["decision"]["reason"]
    assert desk.current_source is not None
    assert desk.current_source.kind == Source.Kind.INSTANT


@pytest.mark.django_db(transaction=True)  # the heartbeat looks at the run from a thread
def test_a_trained_model_is_not_compared_with_a_learner_that_is_half_learnt(
    desk: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a label was deleted: it reads all anew, some articles at a time."""
    for name in ("Zoe", "Yan"):
        make_document(f"Yesterday {name} met us all.", desk, finished=True, split="validation", PER=name)
    learn(desk)
    row = Learner.objects.filter(project=desk)
    whole = row.values("learnt", "held_out").get()
    nothing_yet = {key: {**said, "spans": []} for key, said in whole["held_out"].items()}
    row.update(learnt="", held_out=nothing_yet)
    monkeypatch.setattr(instant, "LOOK_EVERY", 0.0)
    waits: list[float] = []

    def goes_on(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            row.update(**whole)

    monkeypatch.setattr(instant, "time", SimpleNamespace(sleep=goes_on, monotonic=lambda: float(len(waits))))
    run = train(desk, encoder, epochs=1, learning_rate=1e-6)
    assert (len(waits), run.scores["current"]["f1"]) == (3, 1.0)
    row.update(learnt="", held_out=nothing_yet)
    monkeypatch.setattr(instant, "PATIENCE", 2.0)  # it is not waited for for ever
    waits.clear()
    run = train(desk, encoder, epochs=1, learning_rate=1e-6)
    assert (len(waits), run.scores["current"]["f1"]) == (2, 0.0)


@pytest.mark.django_db(transaction=True)  # the heartbeat looks at the run from a thread
def test_a_better_trained_model_takes_over_even_if_it_began_before_the_learner(desk: Project, encoder: Path) -> None:
    learn(desk)
    run = train(desk, encoder)
    desk.refresh_from_db()
    assert desk.current_source == run.version.source


def test_the_models_page_has_its_line(desk: Project, signed_in: Client) -> None:
    make_document("Yesterday Zoe met us all.", desk, finished=True, split="validation", PER="Zoe")
    learn(desk)
    page = " ".join(signed_in.get(reverse("models", args=[desk.slug])).content.decode().split())
    assert "Instant learner" in page
    assert "1.000" in page
    panel = " ".join(signed_in.get(reverse("training_panel", args=[desk.slug])).content.decode().split())
    assert "5 finished articles" in panel
