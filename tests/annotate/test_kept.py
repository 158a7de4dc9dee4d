from uuid import uuid4

import pytest

from annotate import relabelling
from annotate.desk import do, open_desk
from annotate.models import Ask, Kept, Source, Verdict
from tests.make import anew, make_document, make_user, suggest

pytestmark = pytest.mark.django_db
TEXT = "Ada met Bob in Paris."


def act(document, *verb, by=None):
    """One edit by somebody who sees the article and its suggestions as they are."""
    document.project.refresh_from_db()
    with open_desk(document.pk, Ask(by, Ask.anew(by).batch, 0, document.project.current_source_id)) as desk:
        do(anew(desk), *verb)


def kept(source):
    return Verdict.objects.kept_by_label(source.pk)


def test_each_suggestion_counts_by_label_and_by_what_became_of_it():
    document = make_document(TEXT)
    source = suggest(document, (0, 1, "PER", 0.9), (2, 3, "PER", 0.5), (4, 5, "LOC", 0.5), (5, 6, "LOC", 0.95))
    act(document, "accept", 0, 1, "PER")
    act(document, "tag", 2, 3, "ORG")
    act(document, "reject", 4, 5, "LOC")
    act(document, "finish")
    assert kept(source) == [Kept("LOC", 0, 0, 1, 1), Kept("PER", 1, 1, 0, 0)]
    assert [row.looked_at for row in kept(source)] == [1, 2]


def test_what_was_undone_does_not_count():
    document, ada = make_document(TEXT), make_user()
    source = suggest(document, (0, 1, "PER", 0.9))
    act(document, "reject", 0, 1, "PER", by=ada)
    act(document, "undo", by=ada)
    assert kept(source) == []


@pytest.mark.parametrize(
    ("verb", "expected"),
    [(("tag", 0, 1, "ORG"), Kept("PER", 0, 1, 0, 0)), (("clear", 0, 1), Kept("PER", 0, 0, 1, 0))],
)
@pytest.mark.parametrize("taken", [[("accept", 0, 1, "PER")], [("finish",), ("reopen",)]])
def test_an_acceptance_that_was_changed_since_counts_once_as_what_it_is_now(verb, expected, taken):
    document, ada = make_document(TEXT), make_user()
    source = suggest(document, (0, 1, "PER", 0.9))
    for step in taken:
        act(document, *step, by=ada)
    before = kept(source)
    act(document, *verb, by=ada)
    assert kept(source) == [expected]
    act(document, "undo", by=ada)
    assert kept(source) == before


def test_a_suggestion_accepted_again_with_its_passage_is_taken_back_as_one():
    document = make_document(TEXT)
    source = suggest(document, (0, 1, "PER", 0.9))
    for step in (("accept", 0, 1, "PER"), ("leave_out", 0, 2), ("take_in", 0, 2), ("accept", 0, 1, "PER")):
        act(document, *step)
    act(document, "clear", 0, 1)
    assert kept(source) == [Kept("PER", 0, 0, 1, 0)]


def test_what_two_models_called_by_two_names_that_are_one_now_is_taken_back_for_both():
    document = make_document(TEXT)
    project = document.project
    first = suggest(document, (0, 1, "PER", 0.9))
    act(document, "accept", 0, 1, "PER")
    project.current_source = Source.next_of(project, Source.Kind.MODEL)
    project.save()
    second = suggest(document, (0, 1, "ORG", 0.9))
    act(document, "leave_out", 0, 2)
    act(document, "take_in", 0, 2)
    act(document, "accept", 0, 1, "ORG")
    relabelling.start(relabelling.begin(project, None, "merged", project.labels.get(name="PER"), "ORG", uuid4()))
    act(document, "clear", 0, 1)
    assert kept(first) == kept(second) == [Kept("ORG", 0, 0, 1, 0)]


def test_another_models_suggestions_and_those_of_deleted_articles_do_not_count():
    document, other = make_document(TEXT), make_document(TEXT)
    source = suggest(document, (0, 1, "PER", 0.9))
    other.project.refresh_from_db()
    assert suggest(other, (0, 1, "PER", 0.9)) == source
    act(document, "accept", 0, 1, "PER")
    act(other, "reject", 0, 1, "PER")
    other.delete_softly(None)
    assert kept(source) == [Kept("PER", 1, 0, 0, 0)]
    assert Verdict.objects.kept_by_source([source.pk, source.pk + 1]) == {source.pk: Kept("", 1, 0, 0, 0)}
    assert Verdict.objects.kept_by_label(source.pk + 1) == []
