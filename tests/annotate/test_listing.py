"""What the list finds, in which order, how it is paged and counted; and that every way of writing keeps it true."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotate import listing, search, triggers
from annotate.chosen import SORTS, BadCursor, Chosen, Cursor, Total
from annotate.desk import do, open_desk
from annotate.listing import Listing
from annotate.models import Annotation, Ask, Document, DocumentLabel, Listed, Prediction, Source, Tally
from tests.make import make_document, make_project, make_user, suggest

pytestmark = pytest.mark.django_db


def found(project, **chosen):
    return Listing(project, Chosen(**chosen)).page().pks


def total(project, **chosen):
    return Listing(project, Chosen(**chosen)).total()


def act(document, verb, *given):
    by = User.objects.get_or_create(username="ann")[0]
    with open_desk(document.pk, Ask.anew(by, document.gold())) as desk:
        do(desk, verb, *given)


def tallies(project):
    """All that is kept, and what it should be. PostgreSQL keeps nothing: what it counts when it is asked."""
    counted: dict[tuple[str, str], int] = {}
    for row in Listed.objects.filter(project=project):
        labels = DocumentLabel.objects.filter(document=row.pk).values_list("label", flat=True)
        facets = [("state", row.state), ("split", row.split), ("source", row.source)]
        facets += [("flagged", "1")] * row.flagged + [("label", str(label)) for label in labels]
        facets += [("state", "empty")] * (row.state == "finished" and not row.tagged)
        facets += [("finished", row.split)] * (row.state == "finished")
        for facet in facets:
            counted[facet] = counted.get(facet, 0) + 1
    if connection.vendor == "sqlite":
        kept = {(t.facet, t.value): t.count for t in Tally.objects.filter(project=project) if t.count}
    else:
        kept = {facet: count for facet, count in Listing(project).counts.items() if count}
        kept |= {("finished", split): count for split, count in project.finished_by_split().items()}
        kept |= {("source", name): total(project, source=name).number for name in Listing(project).sources()}
        counted.pop(("source", ""), None)
    return kept, counted


@pytest.fixture
def states():
    """One article of each state, by its name."""
    project = make_project()
    articles = {
        "raw": make_document("Nothing yet."),
        "suggested": make_document("Ada sang."),
        "in_progress": make_document("Ada sang too.", PER="Ada"),
        "finished": make_document("Ada sang last.", PER="Ada", finished=True),
        "empty": make_document("Nobody sang.", finished=True),
        "held out": make_document("Ada is held out.", split="validation"),
    }
    for name in ("suggested", "in_progress", "finished", "held out"):
        articles[name].project = project
        suggest(articles[name], (0, 1, "PER", 0.9))
    return project, articles


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("raw", ["raw", "suggested", "held out"]),
        ("suggested", ["suggested"]),
        ("in_progress", ["in_progress"]),
        ("finished", ["finished", "empty"]),
        ("empty", ["empty"]),
    ],
)
def test_each_state_is_told_from_the_others(states, state, names):
    project, articles = states
    assert found(project, state=state) == [articles[name].pk for name in names]
    assert total(project, state=state) == Total(len(names))


def test_an_import_s_suggestions_make_an_article_suggested_and_cleared_ones_do_not():
    project = make_project()
    first, second, cleared = (make_document(f"Ada {n}") for n in range(3))
    imported = Source.next_of(project, Source.Kind.IMPORT)
    for document in (first, cleared):
        Prediction.objects.create(document=document, source=imported, spans=[])
    suggest(second)
    Prediction.objects.filter(document=cleared).update(cleared=uuid4())
    project.refresh_from_db()
    assert found(project, state="suggested") == [first.pk, second.pk]
    cleared.refresh_from_db()
    assert cleared.prediction() is None


def test_filters_are_joined_by_and():
    project = make_project()
    fields = {"source": "Herald", "date": "2024-05-03", "flagged": True}
    chosen = make_document("Ada met Zyx.", PER="Ada", title="One")
    Document.objects.filter(pk=chosen.pk).update(**fields)
    suggest(chosen, uncertainty=0.7)
    project.refresh_from_db()
    wanted = {
        "state": "in_progress",
        "split": "train",
        "label": project.labels.get(name="PER").pk,
        "q": "zyx",
        "source": "Herald",
        "since": "2024-05-03",
        "until": "2024-05-04",
        "flagged": True,
        "unsure": 0.7,
    }
    others = {
        "state": "raw",
        "split": "test",
        "label": project.labels.get(name="ORG").pk,
        "q": "xyz",
        "source": "herald",
        "since": "2024-05-04",
        "until": "2024-05-03",
        "unsure": 0.71,
    }
    assert found(project, **wanted) == [chosen.pk]
    assert total(project, **wanted) == Total(1)
    for name, value in wanted.items():
        assert found(project, **{name: value}) == [chosen.pk]
    for name, value in others.items():
        assert found(project, **{**wanted, name: value}) == [], name
        assert total(project, **{name: value}) == Total(0), name
    Document.objects.update(flagged=False)
    assert found(project, flagged=True) == []


def test_another_projects_articles_are_never_found():
    make_document("Ada sang.", project=make_project("Foreign"), PER="Ada", title="Foreign")
    assert found(make_project(), q="ada") == found(make_project(), sort="title") == []


@pytest.mark.parametrize("sort", list(SORTS))
def test_every_order_walks_all_articles_once_forward_and_back_even_where_all_are_alike(sort, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 3)
    project = make_project()
    for number in range(10):
        document = make_document("Ada sang.", project, title="Same" if number % 3 else "Other")
        suggest(document, uncertainty=0.5 if number % 2 else 0.25)
    project.refresh_from_db()
    listed = Listing(project, Chosen(sort=sort))
    page, forward = listed.page(), []
    while True:
        forward.append(page.pks)
        if page.next is None:
            break
        page = listed.page(Cursor.read(str(page.next), sort))
    assert sorted(pk for pks in forward for pk in pks) == sorted(Document.objects.values_list("pk", flat=True))
    backward = [page.pks]
    while page.previous:
        page = listed.page(Cursor.read(str(page.previous), sort))
        backward.insert(0, page.pks)
    assert backward == forward
    last = listed.page(Cursor(sort, backward=True))
    assert last.pks == [pk for pks in forward for pk in pks][-3:]
    assert last.next is None


def test_orders_are_what_they_say():
    project = make_project()
    texts = [("One two three.", "b"), ("One.", "A"), ("One two.", "")]
    a, b, c = (make_document(text, project, title=title) for text, title in texts)
    Document.objects.filter(pk=a.pk).update(date="2024-02-01")
    Document.objects.filter(pk=b.pk).update(date="2024-01-01")
    suggest(a, uncertainty=0.1)
    suggest(b, uncertainty=0.9)
    project.refresh_from_db()
    assert found(project) == [a.pk, b.pk, c.pk]
    assert found(project, sort="-arrival") == [c.pk, b.pk, a.pk]
    assert found(project, sort="title") == [c.pk, b.pk, a.pk]
    assert found(project, sort="-date") == [a.pk, b.pk, c.pk]
    assert found(project, sort="length") == [b.pk, c.pk, a.pk]
    assert found(project, sort="unsure") == [b.pk, a.pk]


def test_the_recently_changed_come_first_and_what_nobody_has_begun_last():
    project = make_project()
    begun, raw, edited, finished = (make_document("Ada met Bob.", project) for _ in range(4))
    act(edited, "tag", 0, 1, "PER")
    act(begun, "tag", 0, 1, "PER")
    act(finished, "finish")
    assert found(project, sort="changed") == [finished.pk, begun.pk, edited.pk, raw.pk]
    act(edited, "tag", 2, 3, "PER")
    expected = [edited.pk, finished.pk, begun.pk, raw.pk]
    assert found(project, sort="changed") == expected
    moment = Listed.objects.get(pk=edited.pk).changed_at
    assert moment is not None
    assert abs(moment - edited.gold().updated_at) < timedelta(milliseconds=1)
    assert Listed.objects.get(pk=raw.pk).changed_at is None
    finished.delete_softly(None)
    finished.restore(None)
    assert found(project, sort="changed") == expected
    triggers.refill(connection)
    assert found(project, sort="changed") == expected


def test_a_personal_annotation_is_no_change_of_the_article():
    project = make_project()
    document = make_document("Ada met Bob.", project)
    own = Annotation.blank_gold(document)
    own.kind, own.author = "personal", make_user()
    own.save()
    own.save()
    assert Listed.objects.get(pk=document.pk).changed_at is None


@pytest.mark.skipif(connection.vendor != "sqlite", reason="counted by SQLite")
def test_an_edit_of_a_begun_article_writes_its_row_of_the_list_once():
    document = make_document("Ada met Bob.", PER="Ada")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE written (id)")
        cursor.execute(
            "CREATE TEMP TRIGGER count_written AFTER UPDATE ON annotate_listed "
            "BEGIN INSERT INTO written VALUES (new.id); END"
        )
        act(document, "tag", 2, 3, "PER")
        cursor.execute("SELECT count(*) FROM written")
        written = cursor.fetchone()
        cursor.execute("DROP TRIGGER count_written")
        cursor.execute("DROP TABLE written")
    assert written == (1,)


def test_a_page_is_not_moved_by_what_is_deleted_or_added_before_it(monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    project = make_project()
    a, b, c, d = (make_document(f"Article {n}", title=n) for n in "bcde")
    listed = Listing(project, Chosen(sort="title"))
    following = listed.page().next
    a.delete_softly(None)
    make_document("New", title="a")
    assert listed.page(following).pks == [c.pk, d.pk]
    b.delete_softly(None)
    assert listed.page(following).pks == [c.pk, d.pk]


@pytest.mark.parametrize(
    "given",
    [
        "!",
        "e30",
        "bnVsbA",
        "W10",
        "WzFd",
        "Ã©",
        str(Cursor("title", False, 5, 1)),
        str(Cursor("title", False, "a", "x")),  # type: ignore[arg-type]
        str(Cursor("arrival", False, None, 1)),
        str(Cursor("title", False, "a", 2**70)),
        str(Cursor("title", False, "a\x00", 1)),
        str(Cursor("title", False)),
    ],
)
def test_a_cursor_that_is_none_is_refused(given):
    with pytest.raises(BadCursor):
        Cursor.read(given, "title")


def test_counts_are_exact_for_one_facet_and_end_at_a_thousand_for_combinations(monkeypatch):
    monkeypatch.setattr(listing, "COUNTED", 2)
    project = make_project()
    for _ in range(4):
        make_document("Ada sang.", PER="Ada")
    label = project.labels.get(name="PER").pk
    assert total(project) == total(project, label=label) == total(project, state="in_progress") == Total(4)
    assert total(project, label=label, split="train") == total(project, q="ada") == Total(2, is_exact=False)
    with CaptureQueriesContext(connection) as asked:
        total(project, label=label, split="train")
    assert "LIMIT 3)" in asked.captured_queries[-1]["sql"]
    assert total(project, label=label, split="test") == Total(0)


@pytest.mark.parametrize(
    ("typed", "hits"),
    [
        ("ada", True),
        ("ADA  bob", True),
        ("ada carl", False),
        ('"ada met"', True),
        ('"met ada"', False),
        ("rome", True),  # in the title
        ("zurich", True),  # without its mark
        ("Zürich", True),
        ("東京", True),
        ("京都", False),
        ("大阪", True),
        ("서울", True),
        ("minis*", False),
        ("o'neill", True),
        ("state-of-the-art", True),
        ("ada 😀", False),
        ("😀", False),
        ("🎉", True),
        ("ada 🎉", True),
        ("👍", True),  # with a skin tone there
        ("👍🏽", True),
        ("👍🏿", False),
        ("👩‍👩‍👧", True),
        ("❤", True),  # with a variation selector there
        ("❤️", True),
        ("🇫🇷", True),
        ("🇷🇫", False),
        ('"Zürich ❤️ rome"', False),
        ('"summit ❤️ rome"', True),
        ("€5m", True),
        ("€6m", False),
        ("lyon", True),
        ("→", True),
        ('"', False),
        ("* AND OR", False),
        ("NOT", False),
        ("ada)", True),
        ("words:ada", False),
        ("ada^2", False),
        ("{ada}", True),
        ("%s %", False),
        ("ada' OR 1=1 --", False),
        ("\x00", False),
        ("   ", None),
        ("-", False),
        ('""', False),
        ("NEAR(ada bob)", False),
        ("ada " * 200, True),
    ],
)
def test_a_search_is_words_whatever_is_typed(typed, hits):
    project = make_project()
    text = (
        "Ada met Bob O'Neill, the minister, in Zürich. 彼は東京と大阪に行った。 서울에서 state-of-the-art. "
        "Lyon🎉 won €5m → 👍🏽 👩‍👩‍👧 🇫🇷 summit ❤️Rome."
    )
    document = make_document(text, title="Rome 2024")
    make_document("Something else.")
    expected = {True: [document.pk], False: []}.get(hits, list(Document.objects.values_list("pk", flat=True)))
    assert found(project, q=typed.strip()) == expected


def test_phrases_are_cut_to_what_an_index_knows():
    assert search.phrases('one "two three" fo* -- "  " O\'Neill') == ["one", "two three", "fo", "O Neill"]
    assert search.phrases("東京") == ["東 京"]
    assert search.phrases("hi🎉there") == ["hi u1f389 there"]


def test_what_is_written_past_the_models_is_listed_counted_and_found_too():
    project = make_project()
    document, other = make_document("Ada sang.", PER="Ada", finished=True), make_document("Bob sang.")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE annotate_document SET text = 'Cleo sang', state = 'finished' WHERE id = %s", [other.pk])
    assert found(project, q="cleo") == [other.pk]
    assert found(project, q="bob") == []
    assert found(project, state="empty") == [other.pk]
    Document.objects.filter(pk=document.pk).update(split="aside", flagged=True, source="Herald")
    project.labels.get(name="PER").document_counts.update(label=project.labels.get(name="ORG"))
    kept, counted = tallies(project)
    assert kept == counted
    assert kept["label", str(project.labels.get(name="ORG").pk)] == 1
    Document.objects.all().delete()
    kept, counted = tallies(project)
    assert kept == counted == {}
    condition = "annotate_words MATCH 'sang'" if connection.vendor == "sqlite" else "true"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM annotate_words WHERE {condition}")
        assert cursor.fetchone() == (0,)


def test_the_counts_follow_the_desk_deletions_and_restorations():
    project = make_project()
    document = make_document("Ada met Bob.")
    for step in (
        lambda: act(document, "tag", 0, 1, "PER"),
        lambda: act(document, "tag", 2, 3, "PER"),
        lambda: act(document, "finish"),
        lambda: act(document, "clear", 0, 3),
        lambda: document.delete_softly(None),
        lambda: document.restore(None),
        lambda: act(document, "reopen"),
        lambda: act(document, "undo"),
    ):
        step()
        kept, counted = tallies(project)
        assert kept == counted
    document.delete_softly(None)
    assert found(project) == []
    assert total(project) == Total(0)


def test_a_rolled_back_change_counts_nothing():
    project = make_project()
    with transaction.atomic():
        make_document("Ada sang.", PER="Ada")
        transaction.set_rollback(True)
    assert tallies(project) == ({}, {})


def test_triggers_lost_to_a_migration_are_put_up_and_what_they_missed_is_filled_in():
    project = make_project()
    first = make_document("Ada sang.", PER="Ada")
    triggers.drop(connection)
    second = make_document("Bob sang.", finished=True)
    assert found(project) == [first.pk]
    triggers.create(connection)
    triggers.refill(connection)
    assert found(project) == [first.pk, second.pk]
    kept, counted = tallies(project)
    assert kept == counted


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("back_to", ["0002", "0004", "0005"])
def test_migrating_back_and_forth_keeps_the_list(back_to):
    project = make_project()
    document = make_document("Ada sang.", PER="Ada")
    call_command("migrate", "annotate", back_to, verbosity=0)
    try:
        make_document("Bob sang.", project, title="While it was away")
    finally:
        call_command("migrate", verbosity=0)
    assert found(project, q="ada") == [document.pk]
    assert len(found(project, q="sang")) == total(project).number == 2


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by its own figures")
@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        ({}, "listed_all"),
        ({"state": "raw"}, "listed_state"),
        ({"state": "empty"}, "listed_empty"),
        ({"state": "raw", "sort": "title"}, "listed_state"),
        ({"state": "suggested"}, "prediction_of_source"),
        ({"split": "aside"}, "listed_split"),
        ({"label": 1}, "SEARCH c USING COVERING INDEX"),
        ({"q": "ada"}, "VIRTUAL TABLE"),
        ({"flagged": True}, "listed_flagged"),
        ({"source": "Herald"}, "listed_source"),
        ({"sort": "-title"}, "listed_title"),
        ({"sort": "-date"}, "listed_date"),
        ({"sort": "length"}, "listed_length"),
        ({"sort": "changed"}, "listed_changed"),
        ({"sort": "unsure"}, "prediction_most_unsure"),
    ],
)
def test_no_page_of_one_filter_sorts_or_reads_all_articles(
    chosen,
    index,
):
    project = make_project()
    suggest(make_document("Ada sang.", project))
    listed = Listing(project, Chosen(**chosen))
    for cursor in (None, Cursor(listed.chosen.sort, backward=True)):
        with CaptureQueriesContext(connection) as asked:
            listed.page(cursor)
        sql = asked.captured_queries[-1]["sql"]
        with connection.cursor() as plan:
            plan.execute(f"EXPLAIN QUERY PLAN {sql}")
            steps = " / ".join(row[3] for row in plan.fetchall())
        assert index in steps
        assert "SCAN l" not in steps
        assert ("FOR ORDER BY" in steps) is (len(chosen) > 1)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite begins where its tallies say")
@pytest.mark.parametrize(
    ("sort", "behind"), [("title", "(l.title, l.id)"), ("unsure", "(p.uncertainty, p.document_id)")]
)
def test_a_page_begins_in_an_index_of_its_order_without_a_count(sort, behind):
    chosen = Chosen(state="in_progress", unsure=0.1, sort=sort)
    with CaptureQueriesContext(connection) as asked:
        Listing(make_project(), chosen).page(Cursor(sort, False, "Ada" if sort == "title" else 0.5, 1))
    assert behind in asked.captured_queries[-1]["sql"]
    assert not any("COUNT" in query["sql"] for query in asked)
