"""What a model got wrong in held-out articles, and the way from there to the article."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotate.desk import do, open_desk
from annotate.listing import Listing
from annotate.models import Annotation, Ask, Document, Project
from annotate.statistics import Statistics
from tests.make import make_document
from tests.training.runs import learn, make_mistake, make_run, make_version
from tests.training.test_views import SCORES
from training import mistakes, snapshot
from training.engine.predict import Predicted
from training.models import Mistake, Run, Version

pytestmark = pytest.mark.usefixtures("bell")
TEXT = "By Eve. 🎉 Ada met Bob in Oslo."
KEPT = {"articles": {"training": 1, "validation": 3, "blind": 3, "unknown": 0}, "mistakes": 2}


def predicted(document: Document, *spans: tuple[int, int, str, float]) -> Predicted:
    return Predicted(str(document.pk), [], list(spans), 0.0)


def test_mistakes_are_found_where_they_stand_in_the_text(project: Project) -> None:
    Document.objects.in_split("validation").delete()
    wrong = make_document(TEXT, project, finished=True, split="validation", PER="Ada Bob", LOC="Oslo")
    right = make_document("Bob left.", project, finished=True, split="validation", PER="Bob")
    Document.objects.filter(pk=wrong.pk).update(left_out=[(0, 3)])
    frozen = snapshot.take(project)
    assert frozen.validation[0].words[:3] == ["🎉", "Ada", "met"]
    run = make_run(project)
    told = [
        predicted(wrong, (1, 2, "ORG", 0.7), (3, 5, "PER", 0.6), (2, 3, "LOC", 0.2)),
        predicted(right, (0, 1, "PER", 0.99)),
    ]
    mistakes.keep(mistakes.found(run, frozen, told))
    rows = [
        (
            m.kind,
            m.label,
            TEXT[m.start : m.end] if m.label else "",
            m.said,
            TEXT[m.said_start : m.said_end],
            m.probability,
        )
        for m in Mistake.objects.exclude(kind="missed")
    ]
    assert rows == [
        ("label", "PER", "Ada", "ORG", "Ada", 0.7),
        ("spurious", "", "", "LOC", "met", 0.2),
        ("extent", "PER", "Bob", "PER", "Bob in", 0.6),
    ]
    missed = Mistake.objects.get(kind="missed")
    assert (missed.label, TEXT[missed.start : missed.end], missed.said, missed.probability) == ("LOC", "Oslo", "", None)
    assert set(Mistake.objects.values_list("document", flat=True)) == {wrong.pk}


@pytest.mark.django_db(transaction=True)
def test_a_run_keeps_its_mistakes_and_says_how_many(newsroom: Project, encoder: Path) -> None:
    run = learn(newsroom, encoder, epochs=1, learning_rate=1e-9)
    assert run.scores["mistakes"] == run.mistakes.count() > 0
    assert set(run.mistakes.values_list("document__split", flat=True)) == {"validation"}


def test_a_run_that_is_not_kept_leaves_no_mistakes(
    newsroom: Project, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import learning

    judge = learning._judge

    def judge_and_stop(*args: Any) -> Any:
        judgement = judge(*args)
        Run.objects.get().stop()
        return judgement

    monkeypatch.setattr(learning, "_judge", judge_and_stop)
    run = learn(newsroom, encoder, epochs=1, learning_rate=1e-9)
    assert (run.status, Mistake.objects.count()) == ("stopped", 0)


def test_of_very_many_only_the_first_are_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mistakes, "MOST", 5)
    monkeypatch.setattr(mistakes, "AT_ONCE", 2)
    run, document = make_run(project), make_document("Ada.", project)
    made = [Mistake(run=run, document=document, kind="missed", start=i, end=i + 1, label="PER") for i in range(9)]
    made[1].document_id = 10**9  # deleted meanwhile
    mistakes.keep(made)
    assert list(run.mistakes.values_list("start", flat=True)) == [0, 2, 3, 4]


def shown(project: Project) -> tuple[Run, Document, Mistake]:
    document = make_document(TEXT, project, finished=True, title="Fair", split="validation", PER="Ada", LOC="Oslo")
    run = make_run(project, scores=KEPT)
    version = make_version(project, run=run)
    Version.objects.filter(pk=version.pk).update(labels=["PER", "LOC"])
    wrong = make_mistake(run, document, gold="PER Ada", said="LOC Ada met", kind="both")
    make_mistake(run, document, gold="LOC Oslo", said="")
    return run, document, wrong


def test_each_mistake_shows_both_sides_and_the_words_around(project: Project, page: Callable[..., str]) -> None:
    run, _, wrong = shown(project)
    html = page(f"/runs/{run.pk}/mistakes")
    assert "In 3 held-out articles it made 2 mistakes." in html
    assert html.count("<h2>Fair</h2>") == 1
    assert "People: <strong>PER</strong> “Ada”" in html
    assert "Model: <strong>LOC</strong> “Ada met”, 87 %" in html
    assert "People: <strong>LOC</strong> “Oslo”" in html
    assert "Model: nothing" in html
    assert f'<a href="/mistakes/{wrong.pk}">… By Eve. 🎉 <mark>Ada met</mark> Bob in Oslo. …</a>' in html
    assert "since" not in html.partition("<h2>Fair")[2]
    scored = make_run(project, scores={**SCORES, "mistakes": 2})
    assert f'<a href="/runs/{scored.pk}/mistakes">What it got wrong</a>: 2 mistakes' in page(f"/runs/{scored.pk}/")


def test_the_words_around_are_cut_between_words(project: Project, page: Callable[..., str]) -> None:
    text = f"{'Nobody came. ' * 9}Ada met Bob.{' Nothing happened.' * 9}"
    run = make_run(project, scores=KEPT)
    make_mistake(run, make_document(text, project), said="PER Ada")
    make_mistake(run, make_document("九" * 70 + "Eva" + "九" * 70, project), said="PER Eva")
    html = page(f"/runs/{run.pk}/mistakes")
    assert (
        "… came. Nobody came. Nobody came. Nobody came. Nobody came. <mark>Ada</mark> met Bob. Nothing happened."
        in html
    )
    assert "happened. Nothing …</a>" in html
    assert f"… {'九' * 60}<mark>Eva</mark>{'九' * 60} …" in html


def test_mistakes_are_narrowed_by_group_and_label(project: Project, page: Callable[..., str]) -> None:
    run, document, _ = shown(project)
    make_mistake(run, document, gold="PER Bob", said="")
    html = page(f"/runs/{run.pk}/mistakes?kind=missed")
    assert html.count("Model: nothing") == html.count("<li>") == 2
    html = page(f"/runs/{run.pk}/mistakes?label=LOC")
    assert html.count("<li>") == 2
    for words in ("All (2)", "Missed (1)", "Wrong label and extent (1)", "Made up (0)"):
        assert words in html
    html = page(f"/runs/{run.pk}/mistakes?kind=label")
    assert "None is like that." in html
    assert "Show all" in html
    for strange in ("kind=nothing", "label=NOBODY", "page=x"):
        assert page(f"/runs/{run.pk}/mistakes?{strange}").count("<li>") == 3


def test_many_mistakes_come_in_pages_that_keep_to_the_group(
    project: Project, page: Callable[..., str], django_assert_max_num_queries: Any
) -> None:
    run, document, _ = shown(project)
    for _ in range(60):
        make_mistake(run, document, gold="PER Bob", said="")
    with django_assert_max_num_queries(11):
        html = page(f"/runs/{run.pk}/mistakes?kind=missed")
    assert html.count("<li>") == 50
    assert re.search(r'rel="next" href="\?kind=missed&amp;page=2"', html)
    assert page(f"/runs/{run.pk}/mistakes?kind=missed&page=2").count("<li>") == 11


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"articles": {"validation": 3}}, "no mistakes were kept"),
        ({"articles": {"validation": 0}, "mistakes": 0}, "No held-out article was finished"),
        ({"articles": {"validation": 3}, "mistakes": 0}, "It made no mistake in 3 held-out articles"),
    ],
)
def test_without_mistakes_the_page_says_why(
    project: Project, page: Callable[..., str], scores: dict[str, object], words: str
) -> None:
    assert words in page(f"/runs/{make_run(project, scores=scores).pk}/mistakes")


def test_a_run_under_way_has_no_mistakes_yet(project: Project, page: Callable[..., str]) -> None:
    assert "has not ended yet" in page(f"/runs/{make_run(project, 'queued').pk}/mistakes")


def test_mistakes_of_deleted_articles_are_not_shown(project: Project, page: Callable[..., str]) -> None:
    run, document, _ = shown(project)
    Document.objects.filter(pk=document.pk).update(deleted_at=timezone.now())
    assert "None is like that any more: the articles were deleted" in page(f"/runs/{run.pk}/mistakes")


def edit(document: Document, verb: str, *args: object) -> None:
    gold = Annotation.objects.get(document=document)
    with open_desk(document.pk, Ask.anew(None, gold)) as desk:
        do(desk, verb, *args)


def test_what_was_changed_since_the_run_is_said(project: Project, page: Callable[..., str]) -> None:
    run, document, _ = shown(project)
    edit(document, "tag", 4, 6, "LOC")
    edit(document, "clear", 8, 9)
    html = page(f"/runs/{run.pk}/mistakes")
    assert html.index("The article agrees with the model now.") < html.index("The tags have been changed here since.")


def test_a_mistake_leads_to_its_words_however_they_are_cut_by_now(project: Project, signed_in: Client) -> None:
    _, document, wrong = shown(project)
    address = f"/articles/{document.pk}/"
    assert signed_in.get(f"/mistakes/{wrong.pk}")["Location"] == f"{address}#t4"
    edit(document, "reopen")
    edit(document, "split_token", 1, 2)
    document.refresh_from_db()
    assert document.words()[1:3] == ["Ev", "e"]
    assert signed_in.get(f"/mistakes/{wrong.pk}")["Location"] == f"{address}#t5"
    Document.objects.filter(pk=document.pk).update(deleted_at=timezone.now())
    assert signed_in.get(f"/mistakes/{wrong.pk}").status_code == 404


def test_tags_changed_by_who_came_from_a_mistake_are_not_blind(project: Project, signed_in: Client) -> None:
    _, document, wrong = shown(project)
    blind = snapshot.take(project).blind
    edit(document, "clear", 8, 9)
    assert snapshot.take(project).blind == blind  # of itself a change says nothing
    signed_in.get(f"/mistakes/{wrong.pk}")
    first = Mistake.objects.get(pk=wrong.pk).opened_at
    assert snapshot.take(project).blind == blind  # nor does a look
    edit(document, "tag", 8, 9, "LOC")
    assert snapshot.take(project).blind == blind - 1
    held_out = next(row for row in Statistics(Listing(project)).blind() if row.split == "validation")
    assert (held_out.blind, held_out.helped) == (blind - 1, 1)
    signed_in.get(f"/mistakes/{wrong.pk}")
    assert Mistake.objects.get(pk=wrong.pk).opened_at == first


def test_labels_go_by_their_names_of_now(project: Project, page: Callable[..., str]) -> None:
    run, _, _ = shown(project)
    source = run.version.source
    source.renamed = {"LOC": "PLACE"}
    source.save()
    html = page(f"/runs/{run.pk}/mistakes?label=LOC")
    assert "Model: <strong>PLACE</strong>" in html
    assert '<option value="LOC" selected>PLACE</option>' in html
