"""Which article is handed out next."""

import pytest
from django.db import connection

from annotate.models import Document, Prediction, Source
from tests.annotate.test_desk import act
from tests.make import make_document, make_project, suggest

pytestmark = pytest.mark.django_db


def following(project, after=None):
    return Document.objects.next_in_queue(project, after=after)


def test_the_held_out_share_goes_first_and_then_what_the_model_is_least_sure_of():
    project = make_project(validation_share=50)
    first, second = make_document(project=project), make_document(project=project)
    held_out = make_document(project=project, split="validation")
    suggest(second, uncertainty=0.9)
    suggest(first, uncertainty=0.1)
    assert following(project) == held_out
    act(held_out, "finish")
    assert following(project) == second
    assert following(project, after=second) == first
    assert following(project, after=first) == second
    for document in (first, second):
        act(document, "finish", source=project.current_source_id)
    assert following(project) is None


def test_one_held_out_article_is_wanted_at_once_and_the_next_when_a_whole_one_is_lacking():
    project = make_project(validation_share=20)
    for _ in range(12):
        make_document(project=project)
        make_document(project=project, split="validation")
    given = []
    for _ in range(12):
        document = following(project)
        given.append(document.split)
        act(document, "finish")
    assert [n for n, split in enumerate(given, 1) if split == "validation"] == [1, 10]


def test_who_skips_a_held_out_article_is_given_another_kind():
    project = make_project(validation_share=50)
    held_out, train = make_document(project=project, split="validation"), make_document(project=project)
    make_document(project=project, split="validation")
    assert following(project) == held_out
    assert following(project, after=held_out) == train


def test_how_much_there_is_to_learn_decides_and_not_how_unsure_a_word_is():
    project = make_project(validation_share=0)
    short, long = make_document(project=project), make_document(project=project)
    suggest(short, uncertainty=0.9)
    suggest(long, uncertainty=0.1)
    Prediction.objects.filter(document=long).update(to_mend=2.0)
    assert following(project) == long
    assert following(project, after=long) == short


@pytest.mark.parametrize("ceiling", [None, 0.5])
def test_the_next_article_is_found_by_its_place_in_the_index(ceiling):
    project = make_project(validation_share=0)
    source = suggest(make_document(project=project))
    source.ceiling = ceiling
    waiting = Document.objects.filter(project=project).unfinished().in_split("train")
    plans = [part[:1].explain() for part in waiting.ranked(source)]
    if connection.vendor == "sqlite":
        for plan in plans if ceiling else plans[:1]:
            assert "prediction_most_to_mend" in plan
            assert "TEMP B-TREE" not in plan


def test_what_lies_above_the_ceiling_comes_last_and_then_upwards():
    project = make_project(validation_share=0)
    documents = [make_document(project=project) for _ in range(5)]
    for document, uncertainty in zip(documents, [0.9, 0.1, 0.6, 0.4, 0.6], strict=True):
        source = suggest(document, uncertainty=uncertainty)
    silent = make_document(project=project)
    Source.objects.update(ceiling=0.5)
    project.refresh_from_db()
    given = [following(project)]
    for _ in range(5):
        given.append(following(project, after=given[-1]))
    most, little, also_high, middle, high = documents
    assert given == [middle, little, high, also_high, most, silent]
    assert following(project, after=silent) == middle
    for document in (middle, little):
        act(document, "finish", source=source.pk)
    assert following(project) == high


@pytest.mark.parametrize("unsure", [[None, None, None], [0.9, 0.5, 0.1], [0.5, 0.5, 0.5], [0.9, 0.5, None]])
def test_who_skips_one_after_another_is_given_them_all_before_any_again(unsure):
    project = make_project(validation_share=0)
    documents = [make_document(project=project) for _ in unsure]
    for document, uncertainty in zip(documents, unsure, strict=True):
        if uncertainty is not None:
            suggest(document, uncertainty=uncertainty)
    skipped = None
    for document in documents:
        skipped = following(project, after=skipped)
        assert skipped == document
    assert following(project, after=skipped) == documents[0]


def test_after_a_finish_the_new_models_suggestions_come_first_wherever_the_article_stood():
    project = make_project(validation_share=0)
    suggested = make_document(project=project)
    finished, unseen = make_document(project=project), make_document(project=project)
    suggest(suggested, uncertainty=0.2)
    act(finished, "finish")
    assert following(project, after=finished) == suggested
    assert following(project, after=suggested) == unseen


def test_an_article_held_aside_is_never_handed_out():
    project = make_project()
    make_document(project=project, split="aside")
    assert following(project) is None
