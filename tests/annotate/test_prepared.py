"""Queries that are built once give what Django gives, for each value that they are asked with."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import Annotation, Document, Edit
from annotate.prepared import insert, prepared, prepared_update
from tests.make import make_document, make_project

pytestmark = pytest.mark.django_db
built: list[str] = []


@prepared
def of_state(state: Any, most: Any) -> models.QuerySet[Document]:
    built.append("of_state")
    chosen = Document.objects.filter(state=state, token_count__lte=most).select_related("project")
    return chosen.defer("text").annotate(half=models.F("token_count") / 2)


@prepared
def of_batch(batch: Any) -> models.QuerySet[Edit, tuple[int, list[str]]]:
    return Edit.objects.filter(batch=batch).values_list("start", "after")


@prepared
def edited_since(moment: Any) -> models.QuerySet[Edit, int]:
    return Edit.objects.filter(at__gt=moment).values_list("pk", flat=True)


@prepared
def held(document: Any) -> models.QuerySet[Document]:
    return Document.objects.select_for_update().filter(pk=document)


@prepared_update("tags", "status", "finished_at")
def finish(document: Any) -> models.QuerySet[Annotation]:
    return Annotation.objects.filter(document=document)


def test_rows_become_the_objects_that_django_makes() -> None:
    project = make_project()
    short, long = make_document("Ada sang."), make_document("Ada met Bob in Oslo.", PER="Ada")
    with CaptureQueriesContext(connection) as asked:
        found = of_state("raw", 10)
        assert [row.project.name for row in found] == [project.name]
    assert len(asked) == 1
    assert found == [short]
    assert (found[0].tokens, found[0].half) == (short.tokens, 1)  # type: ignore[attr-defined]
    assert found[0].get_deferred_fields() == {"text"}
    assert of_state("in_progress", 10) == [long]
    assert of_state("in_progress", 3) == []


def test_it_is_built_once_and_asked_each_time() -> None:
    make_project()
    of_state("raw", 1)
    built.clear()
    assert of_state("raw", 10) == []
    document = make_document("Ada sang.")
    assert of_state("raw", 10) == [document]
    assert built == []


def test_rows_of_one_asking_are_not_those_of_another() -> None:
    make_document("Ada sang.")
    first, second = of_state("raw", 10)[0], of_state("raw", 10)[0]
    first.title = "changed"
    assert second.title == ""


def test_values_are_written_as_the_database_wants_them() -> None:
    before = timezone.now()
    document = make_document("Ada sang.", PER="Ada")
    edit = document.edits.get()
    assert of_batch(edit.batch) == [(0, ["B-PER"])]
    assert of_batch(uuid4()) == []
    assert edited_since(before) == [edit.pk]
    assert edited_since(timezone.now()) == []


def test_none_is_refused_for_no_row_equals_it() -> None:
    with pytest.raises(ValueError, match="NULL"):
        of_state(None, 10)


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_in_a_transaction_only_each_time() -> None:
    document = make_document("Ada sang.")
    with transaction.atomic():
        assert held(document.pk) == [document]
    with pytest.raises(transaction.TransactionManagementError):
        held(document.pk)


def test_a_write_that_fails_leaves_no_half_transaction_to_go_on_with() -> None:
    document = make_document("Ada sang.", PER="Ada")
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            finish(document.pk, tags=["O"], status="finished", finished_at=None)  # three words, one tag
        assert connection.needs_rollback
    assert Annotation.objects.get().tags == ["B-PER", "O", "O"]


def test_fields_are_written_as_the_model_writes_them() -> None:
    document, other = make_document("Ada sang.", PER="Ada"), make_document("Bob sang.", PER="Bob")
    moment = timezone.now()
    assert finish(document.pk, tags=["O", "B-LOC", "O"], status="finished", finished_at=moment) == 1
    gold = Annotation.objects.get(document=document)
    assert (gold.tags, gold.status, gold.finished_at) == (["O", "B-LOC", "O"], "finished", moment)
    assert Annotation.objects.get(document=other).tags == ["B-PER", "O", "O"]
    assert finish(document.pk, tags=["O", "O", "O"], status="in_progress", finished_at=None) == 1
    assert Annotation.objects.get(document=document).finished_at is None
    assert finish(0, tags=["O"], status="finished", finished_at=None) == 0


def test_rows_are_added_as_the_model_adds_them() -> None:
    document = make_document("Ada sang.", PER="Ada")
    like = document.edits.get()
    rows = [
        Edit(
            document=document,
            annotation=like.annotation,
            batch=uuid4(),
            revision=number,
            start=1,
            end=2,
            char_start=4,
            char_end=8,
            before=["O"],
            after=["B-LOC"],
            status_before="raw",
            status_after="in_progress",
            how=like.how,
        )
        for number in (2, 3)
    ]
    with CaptureQueriesContext(connection) as asked:
        insert(rows[:1])
        insert(rows[1:])
        insert([])
    assert len(asked) == 2
    assert all(row.pk and row.at and not row._state.adding for row in rows)
    kept = list(Edit.objects.filter(revision__gt=1).order_by("pk"))
    assert kept == rows
    assert [(row.batch, row.after, row.at, row.author) for row in kept] == [
        (row.batch, ["B-LOC"], row.at, None) for row in rows
    ]


def test_what_a_prepared_query_cannot_make_is_refused() -> None:
    as_dicts = prepared(lambda state: Document.objects.filter(state=state).values("pk"))
    with pytest.raises(TypeError, match="lists of values"):
        as_dicts("raw")
