"""Suggestions whose source has not said how sure it is: nothing vouches for them, so a person must."""

import pytest
from django.test import Client
from django.urls import reverse

from annotate.desk import do, open_desk
from annotate.models import Ask, Document, Prediction, Project, Refused, Source, Verdict
from tests.make import join, make_document, make_project, make_user, mentions_of, tags_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def document(project: Project) -> Document:
    document = make_document("Ada met Bob.", project)
    source = Source.next_of(project, Source.Kind.IMPORT)
    spans = [[0, 1, "PER", None], [2, 3, "PER", 0.95]]
    Prediction.objects.create(document=document, source=source, spans=spans)
    return document


def asked(document: Document) -> Ask:
    return Ask.anew(None, document.gold(), Source.objects.get().pk)


def test_it_must_be_judged_before_the_article_is_finished(document: Document) -> None:
    with (
        pytest.raises(Refused, match="one suggestion is below 80% or without a probability") as refused,
        open_desk(document.pk, asked(document)) as desk,
    ):
        do(desk, "finish")
    assert refused.value.span == (0, 1)
    assert tags_of(document) == []


@pytest.mark.parametrize(("verb", "left"), [("accept", ["Ada", "Bob"]), ("reject", ["Bob"])])
def test_once_judged_it_is_out_of_the_way_and_its_verdict_has_no_probability(
    document: Document, verb: str, left: list[str]
) -> None:
    with open_desk(document.pk, asked(document)) as desk:
        do(desk, verb, 0, 1, "PER")
    with open_desk(document.pk, asked(document)) as desk:
        do(desk, "finish")
    assert [text for _, text in mentions_of(document)] == left
    assert list(Verdict.objects.order_by("start").values_list("probability", flat=True)) == [None, 0.95]


def test_the_page_shows_it_without_a_per_cent_and_counts_it_to_judge(
    client: Client, project: Project, document: Document
) -> None:
    client.force_login(join(project, make_user(), "annotator"))
    page = client.get(reverse("document", args=[document.pk])).content.decode()
    assert 'title="suggested PER">' in page
    assert 'title="suggested PER, 95%">' in page
    assert "1 below 80 % or without a probability to judge" in page
