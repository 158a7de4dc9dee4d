"""People tag while a background job writes: nobody meets a locked database, and what was acknowledged is there."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from threading import Event
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from annotate import iob2
from annotate.desk import do, open_desk
from annotate.models import Ask, Document, Edit, Prediction, Project, Source
from tests.make import make_document, make_project, make_user, tags_of

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, EDITS = 4, 40  # each person makes so many
CHUNK = 32  # predictions of one write, as many as the predictor writes
TEXT = " ".join(f"word{number}" for number in range(PEOPLE * EDITS))

T = TypeVar("T")
Acknowledged = dict[UUID, tuple[int, int]]  # the client's id: document, token


def alone(work: Callable[..., T], *args: Any) -> T:
    """Do it on a connection of this thread's own, which ends with it."""
    with closing(connection):
        return work(*args)


def annotate(person: int, user: User, own: Document, shared: Document) -> Acknowledged:
    """Tag words of one's own in both articles by turns, each edit asked for with what the screen shows."""
    acknowledged: Acknowledged = {}
    for number in range(EDITS):
        document, token = (shared, person + PEOPLE * number) if number % 2 else (own, number)
        gold = document.gold()
        ask = Ask(user, uuid4(), gold.revision if gold else 0)
        with open_desk(document.pk, ask) as desk:
            do(desk, "tag", token, token + 1, "PER")
        acknowledged[ask.batch] = (document.pk, token)
    return acknowledged


def predict(documents: list[Document], source: Source, over: Event) -> int:
    """Write predictions over and over, in chunks, for as long as people tag. Answers how many chunks."""
    chunks = 0
    while not over.is_set() or not chunks:
        for start in range(0, len(documents), CHUNK):
            rows = [
                Prediction(document=document, source=source, spans=[[0, 1, "PER", 0.9]])
                for document in documents[start : start + CHUNK]
            ]
            with transaction.atomic():
                there = set(Document.objects.filter(pk__in=[row.document_id for row in rows]).values_list("pk"))
                assert len(there) == len(rows)
                Prediction.objects.bulk_create(
                    rows, update_conflicts=True, unique_fields=["document", "source"], update_fields=["spans"]
                )
            chunks += 1
    return chunks


@pytest.mark.slow
def test_four_people_and_a_background_job_write_at_once_and_nothing_is_lost() -> None:
    project: Project = make_project()
    shared, *own = [make_document(TEXT, project) for _ in range(PEOPLE + 1)]
    untouched = [make_document("Ada met Bob.", project) for _ in range(100)]
    source = Source.next_of(project, Source.Kind.MODEL)  # not the current one: its suggestions are on no screen
    users = [make_user() for _ in range(PEOPLE)]
    over = Event()
    with ThreadPoolExecutor(PEOPLE + 1) as pool:
        job: Future[int] = pool.submit(alone, predict, [shared, *own, *untouched], source, over)
        people = [pool.submit(alone, annotate, person, users[person], own[person], shared) for person in range(PEOPLE)]
        try:
            acknowledged = {batch: place for found in people for batch, place in found.result().items()}
        finally:
            over.set()
        assert job.result() >= 1
    assert len(acknowledged) == PEOPLE * EDITS
    logged = Edit.objects.values_list("batch", "annotation__document", "start")
    assert {batch: (document, start) for batch, document, start in logged} == acknowledged
    assert len(logged) == len(acknowledged)
    tagged = defaultdict(set)
    for document, token in acknowledged.values():
        tagged[document].add(iob2.Span(token, token + 1, "PER"))
    for article in (shared, *own):
        assert set(iob2.spans_of(tags_of(article))) == tagged[article.pk]
        gold = article.gold()
        assert gold is not None
        assert gold.revision == len(tagged[article.pk])
    assert Prediction.objects.filter(source=source).count() == len(untouched) + PEOPLE + 1
