"""Invariant 2: a model never writes into an annotation."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from annotate.desk import do, open_desk
from annotate.models import Annotation, Ask, Document, Edit, Prediction, Project
from tests.make import make_document, make_user
from tests.training.fake_queue import Rung
from tests.training.runs import learn
from training import jobs

TABLES = ("annotate_annotation", "annotate_edit", "annotate_verdict", "annotate_documentlabel")


def as_stored() -> dict[str, list[Any]]:
    """Every row of what people made, and the states of their articles, as the database holds them."""
    rows: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            rows[table] = cursor.fetchall()
    return rows | {"states": list(Document.objects.order_by("pk").values_list("pk", "state", "text", "tokens"))}


def gold_in_every_state(project: Project) -> None:
    """Beside the finished articles: one begun, one reopened, one undone, one personal, one held out and begun."""
    make_document("Ada met Bob in Oslo.", project, PER="Ada")
    make_document("Bob met Ada in Oslo.", project, split="validation", PER="Bob")
    reopened = make_document("Ada saw Paris.", project, finished=True, LOC="Paris")
    undone = make_document("Ada left Paris.", project, PER="Ada")
    user = make_user("ada")
    steps: list[tuple[Document, str, list[Any]]] = [
        (reopened, "reopen", []),
        (undone, "tag", [2, 3, "LOC"]),
        (undone, "undo", []),
    ]
    for document, verb, given in steps:
        with open_desk(document.pk, Ask.anew(user, document.gold())) as desk:
            do(desk, verb, *given)
    tags = ["B-PER", "O", "O", "O"]
    Annotation.objects.create(document=undone, kind="personal", author=user, tags=tags, token_count=4)


@pytest.mark.usefixtures("rung")
def test_training_and_predicting_change_nothing_that_people_made(newsroom: Project, encoder: Path) -> None:
    gold_in_every_state(newsroom)
    before = as_stored()
    assert {a.status for a in Annotation.objects.all()} == {"in_progress", "finished"}
    assert Edit.objects.exists()
    for _ in range(2):  # the second is compared with the first, over articles that have suggestions already
        version = learn(newsroom, encoder).version
        version.promote()
        jobs.predict_next(version.source_id)
    begun = Document.objects.unfinished().in_split("train")
    assert Prediction.objects.filter(source=version.source, document__in=begun).count() == begun.count()
    assert begun.exclude(annotations=None).count() == 3
    assert as_stored() == before


def test_promoting_and_going_back_change_nothing_that_people_made(newsroom: Project, encoder: Path, rung: Rung) -> None:
    gold_in_every_state(newsroom)
    first, second = learn(newsroom, encoder).version, learn(newsroom, encoder).version
    before = as_stored()
    for version in (second, first):
        version.promote()
        jobs.predict_next(version.source_id)
        jobs.reconcile()
    assert as_stored() == before
