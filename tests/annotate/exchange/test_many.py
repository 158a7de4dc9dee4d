"""What is done once for many articles, and not for each: queries, readings, the index of words."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from annotate import split, tokens
from annotate.exchange import exporting, hidden, near, storing
from annotate.exchange.already import Before
from annotate.exchange.checking import checked
from annotate.exchange.hidden import hidden_at, roomy
from annotate.exchange.records import CharSpan, Record, apply
from annotate.models import Document, Import, NearKey, Project
from tests.annotate.exchange.handing_in import imported, row, storable, upload
from tests.make import make_document, make_project

sqlite_only = pytest.mark.skipif("connection.vendor != 'sqlite'")


def queries_of_a_write(count: int) -> int:
    intake = storing.Intake(make_project(f"{count}"), hidden=hidden_at(count))
    prepared = [near.prepare(record) for record in storable(*[row(number) for number in range(count)])]
    with CaptureQueriesContext(connection) as queries:
        intake.write(prepared)
    return len(queries)


@pytest.mark.django_db
def test_a_write_of_twenty_articles_takes_as_many_queries_as_one_of_two() -> None:
    assert queries_of_a_write(20) == queries_of_a_write(2)


@pytest.mark.django_db
def test_whoever_has_an_id_is_found_in_the_index_of_ids() -> None:
    project = make_project()
    imported(upload(project, [row(1), row(2), row(3, id="")]))
    known = project.documents.with_ids(["a2", "a9", ""])
    assert list(known.values_list("external_id", flat=True)) == ["a2"]
    if connection.vendor == "sqlite":
        assert "external_id_once_per_project" in known.explain()


@pytest.mark.django_db
def test_more_keys_than_a_query_takes_are_asked_for_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "ASKED_AT_ONCE", 7)
    project = make_project()
    imported(upload(project, [row(1)]))
    again = imported(upload(project, [row(1, id="b1"), row(2)]))
    assert again.report["known"] == {"exact": 1}


@pytest.mark.django_db
def test_short_articles_are_written_a_few_at_a_time_too() -> None:
    intake = storing.Intake(make_project())
    words = [near.prepare(record) for record in storable(*[{"text": f"w{number}"} for number in range(200)])]
    assert len(list(intake.portions(words))) > 2


def indexed(word: str) -> int:
    match = f"annotate_words MATCH '{word}'" if connection.vendor == "sqlite" else f"words @@ '{word}'::tsquery"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM annotate_words WHERE {match}")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_the_index_of_words_reads_an_article_when_it_is_shown_and_once() -> None:
    waiting = upload(make_project(), [row(1)])
    seen: list[int] = []

    def looked_at(row: Import) -> None:
        seen.append(indexed("w1x7"))
        hidden.release(row)

    with patch("annotate.exchange.importing.release", looked_at):
        imported(waiting)
    document = Document.objects.get()
    assert [*seen, indexed("w1x7")] == [0, 1]
    document.delete_softly(None)
    document.restore(None)
    document.delete()
    assert indexed("w1x7") == 0


@pytest.mark.django_db
def test_what_is_taken_back_or_was_never_shown_leaves_nothing_in_the_index() -> None:
    waiting = upload(make_project(), [row(1)])
    shown = make_document("Nobody knows w1x7 here.")
    intake = storing.Intake(waiting.project, hidden=hidden_at(waiting.pk))
    intake.write([near.prepare(record) for record in storable(row(1))])
    hidden.take_back(waiting)
    assert (Document.objects.get(), indexed("w1x7")) == (shown, 1)


@pytest.mark.django_db
def test_what_is_shown_is_told_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "TELL_EVERY", 0.0)
    waiting = upload(make_project(), [row(number) for number in range(50)])
    told: list[int] = []

    def looked_at(size: int, *_: Any) -> int:
        told.append(Import.objects.get().done_bytes)
        return size

    with patch.object(hidden, "paced", looked_at):
        imported(waiting)
    assert told[0] == 0
    assert [round(done / waiting.size, 1) for done in told[1:]] == [0.4, 0.8]


@sqlite_only
@pytest.mark.django_db
def test_an_import_has_room_for_its_pages_and_gives_it_back() -> None:
    def size() -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA cache_size").fetchone()[0])

    before = size()
    with roomy():
        assert size() == hidden.ROOM != before
    assert size() == before


def test_however_many_spans_miss_its_tokens_a_text_is_cut_once() -> None:
    text = "Foo2024 " * 200
    spans = [CharSpan(start, len(text) - 1 - start, "PER") for start in range(1, 200)]
    with patch.object(tokens, "tokenize", wraps=tokens.tokenize) as cut:
        record = checked(Record(text=text, spans=spans, suggested=tuple(spans)))
        assert len(record.errors) > 200
        assert apply(record, "repair") is not None
    assert cut.call_count == 1


def test_words_that_were_seen_are_kept_but_no_long_ones_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "WORDS_KNOWN", 10)
    known = split._Known()
    first = known["Ada"]
    assert (known["ada"], "Ada" in known) == (first, True)
    assert known["x" * 41] == known["X" * 41]
    assert "x" * 41 not in known
    assert max(len(known) for number in range(100) if known[str(number)]) <= 10


def test_what_came_before_in_a_file_is_known_by_its_text_and_its_id() -> None:
    before = Before()
    before.add(Record(text="Ada left.", external_id="a"))
    before.add(Record(text="Bob left."))
    assert [before.has_text(Record(text=text)) for text in ("Ada left.", "Bob left.", "Cleo left.")] == [1, 1, 0]
    holders = [before.holder_of(Record(text="", external_id=name)) for name in ("a", "b", "")]
    assert [holder and holder.is_there for holder in holders] == [True, None, None]
    before.close()


@pytest.mark.django_db
def test_an_export_is_handed_on_in_large_pieces_while_it_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)
    monkeypatch.setattr(exporting, "PIECE", 600)
    imported(upload(make_project(), [row(number) for number in range(9)]))
    with CaptureQueriesContext(connection) as queries:
        pieces = exporting.written(Project.objects.get(), "jsonl")
        first = next(pieces)
        begun = len(queries)
        rest = list(pieces)
    assert begun < len(queries)
    assert first.count(b"\n") == 1
    assert [len(piece) >= 600 for piece in rest[:-1]] == [True] * (len(rest) - 1)
    assert b"".join([first, *rest]).count(b"\n") == 9


@pytest.mark.django_db
def test_articles_from_before_are_signed_anew_and_find_their_like() -> None:
    project = make_project()
    imported(upload(project, [row(1, split="validation"), row(2)]))
    group = Document.objects.earliest("pk").group
    Document.objects.update(signature=b"x" * 480)
    NearKey.objects.update(key=F("pk"))
    migration = import_module("annotate.migrations.0017_signatures")
    migration.sign_anew(apps, SimpleNamespace(connection=connection))
    longer = row(1, id="b1", tokens=[*row(1)["tokens"], "x"], tags=["O"] * 42)
    assert imported(upload(project, [longer])).report["aside"] == 0
    first, _, last = Document.objects.order_by("pk")
    assert (last.group, last.split, first.group) == (group, "validation", group)
    keys = set(first.near_keys.values_list("key", flat=True))
    assert keys == set(split.keys(split.signature(first.words())))
