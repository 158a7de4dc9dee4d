"""Suggestions before any model: what people have tagged, found again."""

from io import BytesIO
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotate import relabelling
from annotate.desk import do, open_desk
from annotate.exchange.gazetteer import read
from annotate.jobs import run_label_change
from annotate.models import Ask, Conflict, Document, Gazetteer, Prediction, Project, Source, State
from tests.make import make_document, make_project
from tests.training.fake_queue import FakeQueue, Rung
from tests.training.runs import make_version
from training import at_once, jobs


@pytest.fixture
def desk(user: User) -> Project:
    """One finished article, of which Ada and Paris are known."""
    project = make_project(manager=user)
    make_document("Ada met Bob in Paris.", project, finished=True, PER="Ada", LOC="Paris")
    return project


def learn(project: Project) -> None:
    jobs.learn_at_once(project.pk)
    project.refresh_from_db()


def suggested(document: Document) -> list[tuple[int, int, str, float | None]]:
    found = Document.objects.get(pk=document.pk)
    gold = found.gold()
    return [s[:4] for s in found.open_suggestions(gold.spans() if gold else [])]


def act(document: Document, *verb: object, reading: int = 0) -> None:
    found = Document.objects.get(pk=document.pk)
    gold = found.gold()
    ask = Ask(None, uuid4(), gold.revision if gold else 0, found.project.current_source_id, reading)
    with open_desk(document.pk, ask) as held:
        do(held, *verb)  # type: ignore[arg-type]


def test_known_mentions_are_suggested_with_their_share(desk: Project) -> None:
    article = make_document("Then Ada saw Paris.", desk)
    make_document("Paris again.", desk, finished=True)
    learn(desk)
    assert suggested(article) == [(1, 2, "PER", 1.0), (3, 4, "LOC", 0.5)]
    assert str(desk.current_source) == "Dictionary"


def test_what_is_tagged_in_an_article_under_way_is_known_and_what_is_left_out_is_not(desk: Project) -> None:
    make_document("Carol slept. Carol woke.", desk, PER="Carol")
    article = make_document("Carol and Ada.", desk)
    act(article, "leave_out", 2, 3)
    Document.objects.filter(pk=article.pk).update(state=State.RAW)
    learn(desk)
    assert suggested(article) == [(0, 1, "PER", 1.0)]


@pytest.mark.parametrize("split", ["validation", "test", "aside"])
def test_other_splits_are_neither_learnt_from_nor_marked(desk: Project, split: str) -> None:
    make_document("Zoe left.", desk, finished=True, split=split, PER="Zoe")
    held_out, article = make_document("Ada came.", desk, split=split), make_document("Zoe met Ada.", desk)
    learn(desk)
    assert suggested(article) == [(2, 3, "PER", 1.0)]
    assert not held_out.predictions.exists()


def test_a_rejected_suggestion_does_not_come_back(desk: Project) -> None:
    article = make_document("Ada and Ada.", desk)
    learn(desk)
    act(article, "reject", 0, 1, "PER")
    make_document("Ada came.", desk, finished=True, PER="Ada")
    learn(desk)
    assert suggested(article) == [(2, 3, "PER", 1.0)]


def test_it_ends_where_a_model_is_current_and_where_it_is_switched_off(desk: Project) -> None:
    article = make_document("Ada came.", desk)
    version = make_version(desk, current=True)
    learn(desk)
    assert desk.current_source == version.source
    assert not article.predictions.exists()
    desk.dictionary, desk.current_source = False, None
    desk.save()
    learn(desk)
    assert desk.current_source is None


def test_one_click_ends_it_and_one_brings_it_back(desk: Project, signed_in: Client, bell: FakeQueue) -> None:
    article = make_document("Ada came.", desk)
    learn(desk)
    address = reverse("learner_switch", args=[desk.slug])
    panel = signed_in.post(address, {"kind": "dictionary"}, headers={"HX-Request": "true"}).content.decode()
    desk.refresh_from_db()
    assert (desk.dictionary, desk.current_source, suggested(article)) == (False, None, [])
    assert "Suggest known mentions" in panel
    assert "Do not suggest" not in panel
    bell.learning.clear()
    signed_in.post(address, {"kind": "dictionary", "on": ""})
    assert bell.learning == [desk.pk]
    learn(desk)
    assert suggested(article) == [(0, 1, "PER", 1.0)]


def test_the_settings_switch_it_off_too(desk: Project, signed_in: Client, rung: Rung) -> None:
    learn(desk)
    given = {"name": "News", "threshold": 80, "validation_share": 20, "test_share": 0}
    signed_in.post(reverse("project_settings", args=[desk.slug]), given)
    desk.refresh_from_db()
    assert (desk.dictionary, desk.current_source) == (False, None)


def test_only_a_manager_switches(desk: Project, client: Client) -> None:
    client.force_login(User.objects.create_user("stranger"))
    assert client.post(reverse("learner_switch", args=[desk.slug]), {"kind": "dictionary"}).status_code == 404


def test_nothing_else_can_be_switched(desk: Project, signed_in: Client) -> None:
    assert signed_in.post(reverse("learner_switch", args=[desk.slug]), {"kind": "guideline"}).status_code == 404


def test_a_finish_rings_once_it_is_stored_and_not_where_a_model_marks(
    desk: Project, bell: FakeQueue, django_capture_on_commit_callbacks: object
) -> None:
    first, second = make_document("Ada came.", desk), make_document("Ada left.", desk)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        act(first, "finish")
    assert bell.learning == [desk.pk]
    make_version(desk, current=True)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        act(second, "finish")
    assert len(bell.learning) == 1


def test_the_queue_being_away_keeps_nobody_from_finishing(
    desk: Project, bell: FakeQueue, django_capture_on_commit_callbacks: object
) -> None:
    article = make_document("Ada came.", desk)
    bell.is_down = True
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        act(article, "finish")
    article.refresh_from_db()
    assert article.state == State.FINISHED


def test_what_is_on_screens_stays(desk: Project) -> None:
    """The next article lies open already, and what is begun is in somebody's hands."""
    following, begun, later = (make_document("Ada saw Carol.", desk) for _ in range(3))
    learn(desk)
    act(begun, "tag", 1, 2, "ORG")
    make_document("Carol came.", desk, finished=True, PER="Carol")
    learn(desk)
    assert suggested(following) == [(0, 1, "PER", 1.0)]
    assert suggested(begun) == [(0, 1, "PER", 1.0)]
    assert suggested(later) == [(0, 1, "PER", 1.0), (1, 2, "ORG", 1.0), (2, 3, "PER", 1.0)]


def test_nobody_finishes_with_suggestions_that_came_after_the_page(desk: Project) -> None:
    make_document("First in the queue.", desk)
    article = make_document("Ada saw Carol.", desk)
    learn(desk)
    make_document("Carol came.", desk, finished=True, PER="Carol")
    learn(desk)
    with pytest.raises(Conflict):
        act(article, "finish", reading=0)
    act(article, "finish", reading=1)
    gold = article.gold()
    assert gold is not None
    assert [span[:2] for span in gold.spans()] == [(0, 1), (2, 3)]


def test_one_suggestion_that_is_still_there_is_taken_from_an_older_page(desk: Project) -> None:
    make_document("First in the queue.", desk)
    article = make_document("Ada saw Carol.", desk)
    learn(desk)
    make_document("Carol came.", desk, finished=True, PER="Carol")
    learn(desk)
    act(article, "accept", 0, 1, "PER", reading=0)
    assert suggested(article) == [(2, 3, "PER", 1.0)]


def test_nothing_is_written_where_nothing_new_is_said(desk: Project) -> None:
    for _ in range(3):
        make_document("Ada came.", desk)
    learn(desk)
    before = list(Prediction.objects.values_list("pk", "created_at", "reading"))
    learn(desk)
    assert list(Prediction.objects.values_list("pk", "created_at", "reading")) == before


def test_a_label_renamed_since_is_spoken_of_by_its_new_name(desk: Project, user: User) -> None:
    article = make_document("Ada came.", desk)
    learn(desk)
    old = Source.objects.get()
    label = desk.labels.get(name="PER")
    relabelling.begin(desk, user, "renamed", label, "HUMAN", uuid4())
    run_label_change(desk.label_changes.get().pk)
    learn(desk)
    assert desk.current_source != old
    assert suggested(article) == [(0, 1, "HUMAN", 1.0)]


def test_of_many_finished_articles_the_newest_count(desk: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    article = make_document("Ada saw Carol.", desk)
    make_document("Carol came.", desk, finished=True, PER="Carol")
    monkeypatch.setattr(at_once, "LEARNT_FROM", 1)
    learn(desk)
    assert suggested(article) == [(2, 3, "PER", 1.0)]


def test_who_waits_for_a_label_change_is_left_alone(desk: Project, user: User) -> None:
    desk.label_changes.create(kind="renamed", label="PER", into="HUMAN", created_by=user, total=1)
    learn(desk)
    assert desk.current_source is None


def put(project: Project, lines: str) -> None:
    Gazetteer.put(project, read(BytesIO(lines.encode())))


def test_a_gazetteer_is_suggested_before_anybody_has_tagged(user: User) -> None:
    project = make_project(manager=user)
    first, article = (make_document("Then Ada King saw the U.S. in Paris.", project) for _ in range(2))
    put(project, "Ada King\tPER\nAda\tMISC\nU.S.\tLOC\n")
    learn(project)
    for document in (first, article):
        assert suggested(document) == [(1, 3, "PER", 0.75), (5, 6, "LOC", 0.75)]
    put(project, "Paris\tLOC\n")
    learn(project)
    assert suggested(article) == [(7, 8, "LOC", 0.75)]
    project.gazetteer.remove()
    learn(project)
    assert suggested(article) == []


def test_what_people_tag_counts_with_the_gazetteer(desk: Project) -> None:
    article = make_document("Paris again.", desk)
    put(desk, "Paris\tORG\n")
    learn(desk)
    assert suggested(article) == [(0, 1, "ORG", 0.6)]


def test_a_gazetteer_follows_its_labels_to_another_name(desk: Project, user: User) -> None:
    article = make_document("Zoe came.", desk)
    put(desk, "Zoe\tPER\n")
    learn(desk)
    relabelling.begin(desk, user, "renamed", desk.labels.get(name="PER"), "HUMAN", uuid4())
    run_label_change(desk.label_changes.get().pk)
    learn(desk)
    assert suggested(article) == [(0, 1, "HUMAN", 0.75)]
