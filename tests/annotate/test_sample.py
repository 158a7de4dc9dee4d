import json

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from annotate.models import Document, DocumentLabel, Project, State
from annotate.tokens import tokenize
from tests.make import make_user

FOLDER = settings.BASE_DIR / "samples"


def rows(name):
    return [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]


@pytest.mark.django_db
def test_the_sample_project_has_24_finished_articles_and_the_rest_to_do():
    user = make_user("ada")
    call_command("create_sample", "ada", verbosity=0)
    project = Project.objects.visible_to(user).get()
    documents = Document.objects.filter(project=project)
    assert documents.count() >= 60
    assert documents.filter(state=State.FINISHED).count() == 24
    assert documents.filter(state=State.FINISHED, split="validation").count() == 5
    assert documents.filter(state=State.RAW).exclude(annotations=None).count() == 0
    assert DocumentLabel.objects.filter(document__state=State.RAW).count() == 0
    assert {label.name for label in project.labels.all() if label.guideline} == {"PER", "ORG", "LOC", "MISC"}
    assert documents.filter(metadata__has_key="finished").count() == 0


@pytest.mark.django_db
def test_the_sample_project_needs_an_owner():
    with pytest.raises(CommandError, match="no user “bob”"):
        call_command("create_sample", "bob")


def test_every_gold_span_of_the_sample_lies_on_token_edges():
    for row in rows("articles.jsonl"):
        offsets = tokenize(row["text"])
        starts, ends = {start for start, _ in offsets}, {end for _, end in offsets}
        assert all(start in starts and end in ends for start, end, _ in row["spans"]), row["id"]


def test_the_samples_articles_are_of_news_length_and_varied():
    articles = rows("articles.jsonl")
    assert all(100 <= len(row["text"].split()) <= 310 for row in articles)
    assert len({row["beat"] for row in articles}) >= 5
    assert any("🎉" in row["text"] or any(ord(c) > 0x1F000 for c in row["text"]) for row in articles)


def test_both_passes_of_tagging_cover_the_same_articles_and_agree():
    first = {(row["id"], *span) for row in rows("articles.jsonl") for span in map(tuple, row["spans"])}
    second = {(row["id"], *span) for row in rows("second_pass.jsonl") for span in map(tuple, row["spans"])}
    assert 2 * len(first & second) / (len(first) + len(second)) > 0.95
