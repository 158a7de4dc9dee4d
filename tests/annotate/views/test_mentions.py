import re
from uuid import uuid4

import pytest
from django.urls import reverse

from annotate import propagating
from annotate.desk import do, open_desk
from annotate.models import Ask, Edit, Offer
from tests.make import join, make_document, make_project, make_user, mentions_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = make_user("ada")
    make_project(manager=user)
    client.force_login(user)
    return user


def look(client, text="Reuters", label="ORG", **options):
    return client.get(reverse("mentions", args=["news"]), {"text": text, "label": label, **options})


def mark(client, text="Reuters", label="ORG", batch=None, after=0, **options):
    data = {"text": text, "label": label, "batch": batch or uuid4(), "after": after, **options}
    return client.post(reverse("mentions_mark", args=["news"]), data, headers={"HX-Request": "true"})


def in_page(pattern, page):
    return re.findall(pattern, page)[0]


def soft_in(document):
    document.refresh_from_db()
    gold = document.gold()
    spans = gold.spans() if gold else []
    return [(s.start, s.label) for s in document.open_suggestions(spans) if s.soft]


def test_the_preview_shows_where_the_mention_stands_and_marks_nothing(client, ada):
    make_document("Reuters said it. Then Reuters again.", title="Both")
    make_document("The word stands here: Reuters.", ORG="Reuters", title="Tagged")
    make_document("Nothing here, and no reuters.", title="Other")
    page = look(client).content.decode()
    assert "<strong>2 mentions</strong>" in page
    assert "<strong>1 article</strong>" in page
    assert "Mark softly in 1 article<" in page
    assert re.search(r">\s*<strong>Reuters</strong> said it", page)
    assert "Tagged</a>" not in page
    assert not Offer.objects.exists()


def test_case_and_endings_are_options(client, ada):
    make_document("REUTERS und Merkels Reise")
    assert "No article has an untagged mention" in look(client).content.decode()
    assert "1 mention<" in look(client, fold_case="on").content.decode()
    assert "1 mention<" in look(client, "Merkel", "PER", inflect="on").content.decode()


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Москва", "МОСКВЫ"),
        ("Straße", "STRASSE"),
        ("Café", "CAFE\u0301"),
        ("CAFE\u0301", "café"),
        ("STRASSE", "Straße"),
        ("Warszawa", "warszawie"),
    ],
)
def test_no_article_is_missed_for_the_letters_that_the_database_does_not_fold(client, ada, text, other):
    make_document(f"So {other} it is.")
    assert "1 mention<" in look(client, text, "LOC", fold_case="on", inflect="on").content.decode()


def test_imported_tokens_that_we_would_cut_otherwise_are_found(client, ada):
    from annotate.models import Document

    document = make_document("The New York-based firm")
    offsets = [(0, 3), (4, 7), (8, 18), (19, 23)]
    Document.objects.filter(pk=document.pk).update(tokens=offsets, token_count=4)
    mark(client, "New York-based")
    assert soft_in(document) == [(1, "ORG")]


def test_marking_makes_soft_marks_and_changes_no_tag(client, ada):
    first, second = make_document("Reuters and Reuters"), make_document("By Reuters", PER="By")
    answer = mark(client).content.decode()
    assert "3 mentions in 2 articles marked softly" in answer
    assert "hx-trigger" not in answer
    assert soft_in(first) == [(0, "ORG"), (2, "ORG")]
    assert soft_in(second) == [(1, "ORG")]
    assert mentions_of(second) == [("PER", "By")]
    assert set(Offer.objects.values_list("author", flat=True)) == {ada.pk}


def test_held_out_and_finished_articles_are_left_alone_and_that_is_said(client, ada):
    make_document("Reuters", split="validation")
    make_document("Reuters", split="test")
    make_document("Reuters", split="aside")
    make_document("Reuters", finished=True)
    page = look(client).content.decode()
    assert "1 finished article with such a mention," in page
    assert "3 held out or aside" in page
    mark(client)
    assert not Offer.objects.exists()


def test_a_second_click_marks_nothing_twice(client, ada):
    make_document("Reuters and Reuters")
    batch = uuid4()
    mark(client, batch=batch)
    mark(client, batch=batch)
    mark(client)
    assert Offer.objects.count() == 2


def test_many_articles_are_marked_step_by_step_as_one_batch(client, ada, monkeypatch):
    monkeypatch.setattr(propagating, "ARTICLES", 2)
    for _ in range(5):
        make_document("Reuters")
    page = look(client).content.decode()
    assert "so far; the others are counted as they are marked" in page
    batch, after, steps = uuid4(), 0, 0
    while True:
        answer = mark(client, batch=batch, after=after).content.decode()
        steps += 1
        if "marked softly" in answer:
            break
        assert 'hx-trigger="load, submit"' in answer
        after = int(in_page(r'name="after" value="(\d+)"', answer))
    assert steps == 3
    assert "5 mentions in 5 articles marked softly" in answer
    assert set(Offer.objects.values_list("batch", flat=True)) == {batch}


def test_a_step_reads_only_so_many_tokens(client, ada, monkeypatch):
    monkeypatch.setattr(propagating, "TOKENS", 5)
    for _ in range(3):
        make_document("Reuters said so twice")
    project = make_document("x").project
    step = propagating.look(project, propagating.Wanted("Reuters", "ORG"))
    assert (len(step.found), step.more) == (1, True)


def test_a_batch_is_taken_back_as_one_and_brought_again_and_what_was_taken_stays(client, ada, monkeypatch):
    monkeypatch.setattr(propagating, "ROWS", 2)  # at a time
    first, second = make_document("Reuters and Reuters"), make_document("By Reuters")
    mark(client)
    with open_desk(first.pk, Ask.anew(ada)) as desk:
        do(desk, "accept", 0, 1, "ORG")
    assert Edit.objects.latest("pk").how == "propagated"
    page = client.get(reverse("mentions", args=["news"])).content.decode()
    undo = in_page(r'action="([^"]+/undo)"', page)
    assert "Undo: take 3 marks away" in page
    answer = client.post(undo, follow=True).content.decode()
    assert "3 soft marks are taken back" in answer
    assert (soft_in(first), soft_in(second)) == ([], [])
    assert mentions_of(first) == [("ORG", "Reuters")]
    assert "nothing of this to take back" in client.post(undo, follow=True).content.decode()
    again = client.post(undo.replace("/undo", "/redo"), follow=True).content.decode()
    assert "3 soft marks are there again" in again
    assert (soft_in(first), soft_in(second)) == ([(2, "ORG")], [(1, "ORG")])


def test_what_was_rejected_in_an_article_is_not_marked_there_again(client, ada):
    document = make_document("Reuters and Reuters")
    mark(client)
    with open_desk(document.pk, Ask.anew(ada)) as desk:
        do(desk, "reject", 0, 1, "ORG")
    client.post(reverse("mentions_undo", args=["news", Offer.objects.first().batch]))
    step = propagating.look(document.project, propagating.Wanted("Reuters", "ORG"))
    assert [found.places for found in step.found] == [[(2, 3)]]
    mark(client)
    assert soft_in(document) == [(2, "ORG")]


def test_an_offering_inside_one_article_is_not_undone_from_here(client, ada):
    document = make_document("Reuters and Reuters", ORG="nobody")
    with open_desk(document.pk, Ask.anew(ada)) as desk:
        do(desk, "tag", 0, 1, "ORG")
    ask = Ask.anew(ada, document.gold())
    with open_desk(document.pk, ask) as desk:
        do(desk, "offer_like", 0, 1, False, False)
    page = client.get(reverse("mentions", args=["news"])).content.decode()
    assert "Marked last" not in page
    client.post(reverse("mentions_undo", args=["news", ask.batch]))
    assert soft_in(document) == [(2, "ORG")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"text": ""}, "required"),
        ({"text": " \u200b "}, "Give a word to look for"),
        ({"text": "x" * 201}, "at most 200"),
        ({"label": "DRUG"}, "DRUG"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_in_words(client, ada, data, reason):
    make_document("Reuters")
    assert reason in look(client, **data).content.decode()
    assert reason in mark(client, **data).content.decode()
    assert "valid UUID" in mark(client, batch="x").content.decode()
    assert not Offer.objects.exists()


def test_viewers_may_not_and_for_outsiders_there_is_no_such_page(client, ada):
    make_document("Reuters")
    project = make_document("Reuters").project
    batch = uuid4()
    for user, status in ((join(project, make_user(), "viewer"), 403), (make_user(), 404)):
        client.force_login(user)
        assert look(client).status_code == status
        assert mark(client).status_code == status
        assert client.post(reverse("mentions_undo", args=["news", batch])).status_code == status
        assert client.post(reverse("mentions_redo", args=["news", batch])).status_code == status
    client.force_login(join(project, make_user(), "annotator"))
    assert look(client).status_code == 200
    assert client.get(reverse("mentions_mark", args=["news"])).status_code == 405
    assert client.get(reverse("mentions_undo", args=["news", batch])).status_code == 405
    assert client.post(reverse("mentions", args=["news"])).status_code == 405


def test_a_batch_of_another_project_stays_as_it_is(client, ada):
    foreign = make_document("Reuters", project=make_project("Foreign"))
    batch = uuid4()
    Offer.objects.create(document=foreign, batch=batch, start=0, end=1, label="ORG")
    make_document("Reuters")
    client.post(reverse("mentions_undo", args=["news", batch]))
    assert soft_in(foreign) == [(0, "ORG")]


def test_the_preview_costs_the_same_for_one_article_and_for_many(client, ada, django_assert_max_num_queries):
    for count in (1, 60):
        for _ in range(count):
            make_document("Reuters and Bonn", LOC="Bonn")
        with django_assert_max_num_queries(13):
            look(client)
    for _ in range(7):
        mark(client, batch=uuid4())
        Offer.objects.update(active=False)
    with django_assert_max_num_queries(26):
        page = look(client).content.decode()
    assert page.count("Mark again") == 5


def test_no_soft_mark_is_put_where_the_tokens_changed_since_the_look():
    project = make_project()
    document = make_document("AdaBob met Cleo there.", project)
    wanted = propagating.Wanted("Cleo", "PER")
    step = propagating.look(project, wanted)
    with open_desk(document.pk, Ask.anew(None)) as desk:
        do(desk, "split_token", 0, 3)
    propagating.mark(step, wanted, None, uuid4())
    assert not Offer.objects.exists()
    propagating.mark(propagating.look(project, wanted), wanted, None, uuid4())
    document.refresh_from_db()
    offer = Offer.objects.get()
    assert document.words()[offer.start : offer.end] == ["Cleo"]


def test_marks_of_a_label_that_was_deleted_meanwhile_do_not_come_back():
    project = make_project()
    make_document("Ada met Cleo there.", project)
    wanted, batch = propagating.Wanted("Cleo", "PER"), uuid4()
    propagating.mark(propagating.look(project, wanted), wanted, None, batch)
    propagating.switch(project, batch, active=False)
    project.labels.filter(name="PER").update(leaving=True)
    assert propagating.switch(project, batch, active=True) == 0
