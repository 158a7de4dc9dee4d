"""What bulk actions do to articles, how they are undone, and that they go on where they were cut off."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotate import bulk, jobs, queue
from annotate.desk import do, open_desk
from annotate.exchange.storing import store
from annotate.history import undone_and_done
from annotate.models import Ask, BulkAction, Document, Edit, Prediction, State
from tests.annotate.exchange.handing_in import row as article
from tests.annotate.exchange.handing_in import storable
from tests.make import join, make_document, make_project, make_user, mentions_of, suggest, tag_words

pytestmark = pytest.mark.django_db
Status = BulkAction.Status


def done(project, verb, documents, split="", by=None):
    row = bulk.begin(project, by, verb, [document.pk for document in documents], split)
    bulk.start(row)
    return row


def undone(row, by=None):
    undoing = bulk.begin_undo(row, by)
    bulk.start(undoing)
    return undoing


def standing():
    rows = Document.objects.order_by("pk").values_list("pk", "state", "split", "flagged", "deleted_at")
    return [(*row[:4], row[4] is None) for row in rows]


@pytest.fixture
def some():
    project = make_project()
    articles = [
        make_document("Ada sang.", project, PER="Ada", finished=True),
        make_document("Bob sang.", project, PER="Bob"),
        make_document("Cleo sang.", project),
    ]
    suggest(articles[2], (0, 1, "PER", 0.9))
    project.refresh_from_db()
    return project, articles


@pytest.mark.parametrize(
    ("verb", "split", "changed"),
    [("delete", "", 3), ("move", "validation", 3), ("clear", "", 1), ("reopen", "", 1), ("flag", "", 3)],
)
def test_each_verb_is_logged_by_article_and_undone_as_one_batch(some, verb, split, changed):
    project, articles = some
    by = make_user()
    before, cleared = standing(), Prediction.objects.filter(cleared=None).count()
    row = done(project, verb, articles, split, by)
    assert (row.status, row.done, row.changed) == (Status.DONE, 3, changed)
    lines = Edit.objects.filter(batch=row.batch)
    assert lines.count() == lines.values("document").distinct().count() == changed
    assert {line.author for line in lines} == {by}
    assert (standing(), Prediction.objects.filter(cleared=None).count()) != (before, cleared)
    undoing = undone(row, by)
    assert (undoing.status, undoing.changed) == (Status.DONE, changed)
    assert (standing(), Prediction.objects.filter(cleared=None).count()) == (before, cleared)
    assert set(Edit.objects.filter(batch=undoing.batch).values_list("undoes", flat=True)) == {row.batch}
    assert mentions_of(articles[0]) == [("PER", "Ada")]


def test_flags_are_taken_away_from_those_that_have_one(some):
    project, articles = some
    Document.objects.filter(pk=articles[0].pk).update(flagged=True)
    row = done(project, "unflag", articles)
    assert row.changed == 1
    undone(row)
    assert list(Document.objects.filter(flagged=True)) == [articles[0]]


def test_cleared_suggestions_are_in_nobodys_sight_until_they_are_brought_back(some):
    project, articles = some
    row = done(project, "clear", articles)
    assert Document.objects.get(pk=articles[2].pk).open_suggestions([]) == []
    undone(row)
    assert len(Document.objects.get(pk=articles[2].pk).open_suggestions([])) == 1


def test_an_undo_keeps_what_people_did_since(some):
    project, articles = some
    row = done(project, "reopen", articles)
    tag_words(articles[0], False, {"ORG": "sang"})
    undoing = undone(row)
    assert undoing.changed == 0
    assert undoing.refused == {"changed again since": 1}
    articles[0].refresh_from_db()
    assert articles[0].state == State.IN_PROGRESS
    deleted = done(project, "delete", articles[:2])
    Document.objects.get(pk=articles[0].pk).restore(None)
    Document.objects.get(pk=articles[0].pk).delete_softly(None)
    undone(deleted)
    assert list(Document.objects.present().order_by("pk")) == articles[1:]


def test_reopened_articles_are_finished_again_by_whom_and_when_they_were():
    project, ada = make_project(), make_user()
    document = make_document("Ada sang.", project, finished=True)
    moment = timezone.now() - timedelta(days=3)
    document.annotations.update(finished_at=moment, finished_by=ada)
    undone(done(project, "reopen", [document]))
    gold = document.gold()
    assert (gold.status, gold.finished_at, gold.finished_by) == (State.FINISHED, moment, ada)


def near_duplicates(project):
    """Two that are near-duplicates, and one of its own."""
    first, other = article(1), article(2)
    more = ["more", "than", "that"]
    near = {**first, "id": "near", "tokens": [*first["tokens"], *more], "tags": [*first["tags"], *["O"] * len(more)]}
    store(project, storable(first, near, other), wanted_split="train")
    documents = Document.objects.order_by("pk")
    assert documents[0].signature != documents[1].signature
    return documents


def test_held_out_stays_held_out_near_duplicates_move_together():
    project = make_project()
    first, near, _ = near_duplicates(project)
    near.delete_softly(None)
    row = done(project, "move", [first], "validation")
    assert row.changed == 2
    assert [d.split for d in Document.objects.order_by("pk")] == ["validation", "validation", "train"]
    undone(row)
    assert {d.split for d in Document.objects.all()} == {"train"}


def test_near_duplicates_of_another_group_move_along():
    project = make_project()
    first, near, _ = near_duplicates(project)
    Document.objects.filter(pk=near.pk).update(group="another")
    done(project, "move", [first], "test")
    assert [d.split for d in Document.objects.order_by("pk")] == ["test", "test", "train"]


def test_what_is_held_aside_between_two_sides_is_refused_with_the_reason():
    project = make_project()
    first, near, _ = near_duplicates(project)
    Document.objects.filter(pk=near.pk).update(split="aside")
    row = done(project, "move", [near], "validation")
    assert row.changed == 0
    assert row.refused == {"held aside: near-duplicates of it are on another side": 1}
    assert done(project, "move", [near], "train").changed == 1
    assert done(project, "move", [near], "aside").changed == 1
    assert Document.objects.get(pk=first.pk).split == "train"


def test_another_projects_articles_are_never_touched(some):
    project, _ = some
    foreign = make_document(project=make_project("Foreign"))
    assert done(project, "delete", [foreign]).changed == 0
    assert Document.objects.present().filter(pk=foreign.pk).exists()


def many(project, number=12):
    return [make_document(f"Article {n}.", project) for n in range(number)]


def test_a_stopped_action_ends_where_it_stands_and_can_be_undone(monkeypatch):
    project = make_project()
    documents = many(project)
    row = bulk.begin(project, None, "delete", [d.pk for d in documents])
    step = bulk._step

    def stop_after(row, size):
        step(row, size)
        BulkAction.objects.stop(row)

    monkeypatch.setattr(bulk, "_step", stop_after)
    jobs.run_bulk(row.pk)
    row.refresh_from_db()
    assert (row.status, row.done, row.changed) == (Status.STOPPED, bulk.FEWEST, bulk.FEWEST)
    assert Document.objects.present().count() == 12 - bulk.FEWEST
    monkeypatch.setattr(bulk, "_step", step)
    undone(row)
    assert Document.objects.present().count() == 12


def test_a_claim_that_is_gone_changes_nothing():
    project = make_project()
    documents = many(project, 3)
    row = bulk.begin(project, None, "delete", [d.pk for d in documents])
    claimed = BulkAction.objects.claim(row.pk)
    assert claimed is not None
    assert BulkAction.objects.claim(row.pk) is None
    BulkAction.objects.filter(pk=row.pk).update(claim=uuid4())
    bulk.run(claimed)
    assert Document.objects.present().count() == 3
    assert not Edit.objects.exists()


def test_an_action_whose_process_died_goes_on_where_it_ended(monkeypatch):
    project = make_project()
    documents = many(project)
    row = bulk.begin(project, None, "flag", [d.pk for d in documents])
    claimed = BulkAction.objects.claim(row.pk)
    assert claimed is not None
    bulk._step(claimed, 5)
    BulkAction.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr(queue, "length", lambda name: 0)
    monkeypatch.setattr(queue, "enqueue", lambda name, job, pk, job_id: jobs.run_bulk(pk))
    jobs.reconcile()
    row.refresh_from_db()
    assert (row.status, row.done, row.changed) == (Status.DONE, 12, 12)
    assert Edit.objects.filter(batch=row.batch).count() == 12


def test_large_ones_are_a_workers(monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    sent = []
    monkeypatch.setattr(queue, "enqueue", lambda name, job, pk, job_id: sent.append((name, job, pk)))
    project = make_project()
    row = done(project, "flag", many(project, 3))
    assert row.status == Status.WAITING
    assert sent == [("io", "annotate.jobs.run_bulk", row.pk)]
    jobs.run_bulk(row.pk)
    assert Document.objects.filter(flagged=True).count() == 3


def test_another_manager_undoes_a_reopening_and_nobodys_own_undo_is_touched():
    project = make_project()
    ada, bob = (join(project, make_user(), "manager") for _ in range(2))
    document = make_document("Ada met Bob.", project)
    with open_desk(document.pk, Ask(bob, uuid4(), 0)) as desk:
        do(desk, "tag", 0, 1, "PER")
    with open_desk(document.pk, Ask(bob, uuid4(), 1)) as desk:
        do(desk, "finish")
    row = bulk.begin(project, ada, "reopen", [document.pk])
    bulk.start(row)
    bulk.start(bulk.begin_undo(row, bob))
    gold = document.gold()
    assert gold is not None
    assert gold.status == "finished"
    done, undone = undone_and_done(gold, bob)
    assert (len(done), undone) == (3, [])
    assert undone_and_done(gold, ada)[1] == []


def test_undoing_a_move_says_nothing_of_articles_that_it_moved_back_itself():
    project = make_project()
    documents = [make_document(f"Ada {number} sang.", project) for number in range(12)]
    Document.objects.update(group="same")
    row = bulk.begin(project, None, "move", [documents[0].pk], "validation")
    bulk.start(row)
    undo = bulk.begin_undo(row, None)
    bulk.start(undo)
    undo.refresh_from_db()
    assert (undo.changed, undo.refused) == (12, {})
