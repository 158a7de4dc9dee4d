import csv
import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command

from annotate import statistics
from annotate.chosen import Chosen
from annotate.listing import Listing
from annotate.models import Annotation, Document, Label
from annotate.statistics import Articles, BeingRead, Blind, Entities, Mention, Several, Statistics
from annotate.statistics_files import COLUMNS
from tests.make import make_document, make_project, tag_words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept():
    cache.clear()


@pytest.fixture
def project():
    project = make_project()
    make_document("Ada met Bob in Paris.", finished=True, PER="Ada Bob", LOC="Paris")
    make_document("Paris beat Lyon.", finished=True, ORG="Paris Lyon")
    make_document("Paris slept.", finished=True, split="validation", LOC="Paris")
    make_document("Nobody came here.", finished=True, split="validation")
    make_document("Ada left Rome.", PER="Ada")
    make_document("Still to do.")
    gone = make_document("Bob is gone.", finished=True, PER="Bob")
    gone.delete_softly(None)
    return project


def of(project, **chosen):
    return Statistics(Listing(project, Chosen(**chosen)))


def test_articles_and_tokens_are_counted_by_split(project):
    assert of(project).articles() == [Articles("train", 4, 18, 2, 10), Articles("validation", 2, 7, 2, 7)]


def test_entities_are_those_of_finished_articles(project):
    assert of(project).entities() == [
        Entities("PER", "train", 2, 1),
        Entities("ORG", "train", 2, 1),
        Entities("LOC", "train", 1, 1),
        Entities("LOC", "validation", 1, 1),
    ]


def test_lengths_are_of_all_and_densities_of_finished_articles(project):
    assert of(project).lengths()[:5] == (6, 3, 4, 25 / 6, 6)
    assert of(project).density()[:5] == (4, 0, (100 / 3 + 50) / 2, pytest.approx((50 + 50 + 100 / 3) / 4), 50)


def test_mentions_are_counted_by_label_and_those_with_several_labels_are_named(project):
    found = of(project).mentions()
    assert found.read == 3
    assert found.frequent == {
        "PER": [Mention("Ada", "PER", 1), Mention("Bob", "PER", 1)],
        "ORG": [Mention("Lyon", "ORG", 1), Mention("Paris", "ORG", 1)],
        "LOC": [Mention("Paris", "LOC", 2)],
    }
    assert found.different == {"PER": 2, "ORG": 2, "LOC": 1}
    assert (found.several, found.contested) == (1, [Several("Paris", [("LOC", 2), ("ORG", 1)])])


def test_blanks_between_words_and_signs_beyond_the_plane_tell_no_mention_apart():
    project = make_project()
    for text in ("👩‍👩‍👧 New York.", "New \n York sleeps 🎉."):
        document = make_document(text)
        tag_words(document, False, {})
        start = document.words().index("New")
        tags = ["O"] * document.token_count
        tags[start : start + 2] = ["B-LOC", "I-LOC"]
        Annotation.objects.create(document=document, tags=tags, token_count=len(tags), status="finished")
        Document.objects.filter(pk=document.pk).update(state="finished")
        document.label_counts.create(label=Label.objects.get(name="LOC"), count=1)
    assert of(project).mentions().frequent == {"LOC": [Mention("New York", "LOC", 2)]}


def test_mentions_are_read_once_until_an_article_changes(project, monkeypatch):
    seen = []
    read = Statistics._read_mentions

    def count(self):
        seen.append(1)
        return read(self)

    monkeypatch.setattr(Statistics, "_read_mentions", count)
    monkeypatch.setattr(statistics, "FRESH", timedelta(0))
    of(project).mentions()
    of(project).mentions()
    assert len(seen) == 1
    tag_words(Document.objects.get(text="Ada left Rome."), True, {"LOC": "Rome"})
    assert Mention("Rome", "LOC", 1) in of(project).mentions().frequent["LOC"]
    Document.objects.get(text="Ada left Rome.").delete_softly(None)
    assert Mention("Rome", "LOC", 1) not in of(project).mentions().frequent["LOC"]
    assert len(seen) == 3


def test_a_change_is_read_after_a_minute_and_until_then_their_age_is_told(project, monkeypatch):
    monkeypatch.setattr(statistics, "FRESH", timedelta(days=1))
    assert of(project).mentions().as_of is None
    tag_words(Document.objects.get(text="Ada left Rome."), True, {"LOC": "Rome"})
    before = of(project).mentions()
    assert (before.read, before.as_of is None) == (3, False)
    monkeypatch.setattr(statistics, "FRESH", timedelta(0))
    after = of(project).mentions()
    assert (after.read, after.as_of) == (4, None)


def test_one_reads_at_a_time_and_others_have_what_was_read_before(project, monkeypatch):
    monkeypatch.setattr(statistics, "FRESH", timedelta(0))
    of(project).mentions()
    tag_words(Document.objects.get(text="Ada left Rome."), True, {"LOC": "Rome"})
    with statistics._reading:
        assert of(project).mentions().read == 3
        with pytest.raises(BeingRead):
            of(project, split="train").mentions()
    assert of(project).mentions().read == 4
    assert of(project, split="train").mentions().read == 3


def test_mentions_are_read_some_articles_at_a_time_and_no_more_than_so_many(project, monkeypatch):
    monkeypatch.setattr(statistics, "READ_AT_ONCE", 1)
    assert of(project).mentions().read == 3
    monkeypatch.setattr(statistics, "MOST_READ", 2)
    cache.clear()
    assert of(project).mentions().read == 2


def test_how_articles_were_tagged_is_counted_by_split(project):
    blind = Annotation.objects.filter(document__split="validation")
    blind.filter(document__text="Paris slept.").update(blind=False)
    Annotation.objects.filter(document__text="Paris beat Lyon.").update(blind=None)
    assert of(project).blind() == [Blind("train", 1, 0, 1), Blind("validation", 1, 1, 0)]


@pytest.mark.parametrize(
    ("chosen", "finished"),
    [({"split": "validation"}, 2), ({"q": "paris"}, 3), ({"state": "empty"}, 1), ({"q": "paris", "split": "train"}, 2)],
)
def test_a_filter_of_the_list_narrows_every_figure(project, chosen, finished):
    found = of(project, **chosen)
    assert sum(row.finished for row in found.articles()) == finished
    assert found.density().total == finished
    assert sum(row.articles for row in found.blind()) == finished
    assert found.mentions().read == len({*_with_entities(project, chosen)})


def _with_entities(project, chosen):
    pks = [pk for some in Listing(project, Chosen(**chosen)).chunks() for pk in some]
    return Document.objects.finished().filter(pk__in=pks).exclude(label_counts=None).values_list("pk", flat=True)


def test_the_order_of_the_list_narrows_nothing(project):
    assert of(project, split="train", sort="unsure").articles() == of(project, split="train").articles()


def test_other_projects_are_not_counted(project):
    other = make_project("Other")
    make_document("Eve left.", project=other, finished=True, PER="Eve")
    assert [row.articles for row in of(other).articles()] == [1]
    assert of(other).mentions().frequent == {"PER": [Mention("Eve", "PER", 1)]}


def test_of_an_empty_project_there_is_nothing():
    found = of(make_project())
    assert (found.articles(), found.entities(), found.blind()) == ([], [], [])
    assert found.lengths().total == found.density().total == found.mentions().read == 0


def test_the_command_tells_them_as_a_table_and_as_an_object(project, capsys):
    call_command("statistics", "news")
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert tuple(rows[0]) == COLUMNS
    told = {(row["figure"], row["split"], row["label"], row["mention"]): row["value"] for row in rows}
    assert told["entities", "validation", "LOC", ""] == "1"
    assert told["mention", "", "PER", "Bob"] == "1"
    assert told["mention with several labels", "", "ORG", "Paris"] == "1"
    call_command("statistics", "news", "--json")
    assert json.loads(capsys.readouterr().out)["mentions"]["contested"] == [
        {"mention": "Paris", "labels": {"LOC": 2, "ORG": 1}}
    ]
