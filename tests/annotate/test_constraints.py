"""The database itself refuses what the models would; each test goes round the model."""

from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from annotate.models import (
    Annotation,
    Document,
    DocumentLabel,
    Edit,
    Label,
    Membership,
    Prediction,
    Project,
    Source,
    Verdict,
)
from annotate.models.project import refuse_twins, twin_of, twins
from tests.make import make_document, make_project, make_user
from training.models import Run, Version

pytestmark = pytest.mark.django_db


def gold(document, **fields):
    fields = {"tags": ["O"] * document.token_count, "token_count": document.token_count, **fields}
    return Annotation(document=document, **fields)


@pytest.mark.parametrize("tags", [["I-PER", "O"], ["B-PER", "I-ORG"], ["O", "PER"], ["O", "B-"], ["O", "b-PER"]])
def test_no_write_path_takes_ill_formed_tags(tags):
    document = make_document("Ada sang")
    annotation = gold(document)
    annotation.save()
    annotation.tags = tags
    for write in (
        annotation.save,
        lambda: Annotation.objects.filter(pk=annotation.pk).update(tags=tags),
        lambda: Annotation.objects.bulk_update([annotation], ["tags"]),
        lambda: Annotation.objects.bulk_create([gold(make_document("Bob sang"), tags=tags)]),
    ):
        with pytest.raises(ValidationError), transaction.atomic():
            write()
    annotation.refresh_from_db()
    assert annotation.tags == ["O", "O"]


@pytest.mark.parametrize("tags", ["O", "O O O", ""])
def test_raw_sql_cannot_store_another_number_of_tags(tags):
    annotation = gold(make_document("Ada sang"))
    annotation.save()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("UPDATE annotate_annotation SET tags = %s WHERE id = %s", [tags, annotation.pk])


def test_a_document_has_one_gold_and_one_personal_annotation_an_author():
    document, ada = make_document("Ada sang"), make_user()
    Annotation.objects.bulk_create([gold(document), gold(document, kind="personal", author=ada)])
    Annotation.objects.bulk_create([gold(document, kind="personal", author=make_user())])
    assert document.annotations.count() == 3


@pytest.mark.parametrize("again", ["gold", "personal"])
def test_a_second_annotation_of_its_kind_is_refused(again):
    document, ada = make_document("Ada sang"), make_user()
    Annotation.objects.bulk_create([gold(document), gold(document, kind="personal", author=ada)])
    with pytest.raises(IntegrityError):
        Annotation.objects.bulk_create([gold(document, kind=again, author=ada)])


def test_a_personal_annotation_has_an_author():
    with pytest.raises(IntegrityError):
        Annotation.objects.bulk_create([gold(make_document("Ada sang"), kind="personal")])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE annotate_document SET tokens = '[0,3]'",
        "UPDATE annotate_document SET token_count = 7",
        "UPDATE annotate_document SET state = 'done'",
        "UPDATE annotate_document SET split = 'dev'",
        "UPDATE annotate_document SET \"group\" = ''",
        "UPDATE annotate_project SET threshold = 1.5",
        "UPDATE annotate_project SET validation_share = 60, test_share = 40",
        "UPDATE annotate_project SET name = ''",
        "UPDATE annotate_label SET color = 13",
        "UPDATE annotate_label SET name = 'A B' WHERE name = 'PER'",
        "UPDATE annotate_label SET name = 'ORG' WHERE name = 'PER'",
        "UPDATE annotate_label SET \"key\" = '2' WHERE name = 'PER'",
        "UPDATE annotate_membership SET role = 'owner'",
        "UPDATE annotate_annotation SET kind = 'silver'",
        "UPDATE annotate_annotation SET status = 'raw'",
        'UPDATE annotate_edit SET "end" = 0, start = 1',
        "UPDATE annotate_edit SET how = 'guessed'",
        "UPDATE annotate_documentlabel SET count = 0",
        "UPDATE annotate_source SET kind = 'oracle'",
        "UPDATE annotate_prediction SET uncertainty = 2",
        "UPDATE training_run SET status = 'lost'",
        "UPDATE training_run SET kind = 'guess'",
        "UPDATE training_run SET status = 'running', claim = NULL",
        "UPDATE training_version SET number = 0",
    ],
)
def test_raw_sql_is_held_to_the_rules(sql):
    make_user("ada")
    project = make_project(manager=make_user())
    document = make_document("Ada sang", project=project, PER="Ada")
    source = Source.next_of(project, "model")
    Prediction.objects.create(document=document, source=source, spans=[], uncertainty=0.5)
    run = Run.objects.create(project=project, claim=uuid4())
    Version.objects.create(run=run, project=project, source=source, number=1, folder="x", labels=["PER"])
    assert Edit.objects.exists()
    assert DocumentLabel.objects.exists()
    assert Membership.objects.exists()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_source_number_a_version_number_and_an_external_id_are_given_once():
    project = make_project()
    Source.objects.create(project=project, kind="model", number=1)
    document = make_document("Ada sang", project=project)
    Document.objects.filter(pk=document.pk).update(external_id="a1")
    other = make_document("Bob sang", project=project)
    with pytest.raises(IntegrityError):
        Document.objects.filter(pk=other.pk).update(external_id="a1")


def test_a_second_source_of_one_number_is_refused():
    project = make_project()
    Source.objects.create(project=project, kind="model", number=1)
    with pytest.raises(IntegrityError):
        Source.objects.bulk_create([Source(project=project, kind="model", number=1)])


@pytest.mark.parametrize("soft", [False, True])
def test_a_second_verdict_of_a_batch_on_one_span_is_refused(soft):
    document = make_document("Ada sang")
    said = {"document": document, "batch": uuid4(), "start": 0, "end": 1, "label": "PER", "kind": "accepted"}
    source = None if soft else Source.next_of(document.project, "model")
    Verdict.objects.create(**said, source=source)
    with pytest.raises(IntegrityError):
        Verdict.objects.create(**said, source=source)


def test_a_project_has_one_active_training_at_a_time():
    project = make_project()
    Run.objects.bulk_create([Run(project=project, status="succeeded"), Run(project=project)])
    with pytest.raises(IntegrityError):
        Run.objects.bulk_create([Run(project=project, status="running", claim=uuid4())])


@pytest.mark.parametrize("offsets", [[(0, 0)], [(0, 3), (2, 5)], [(4, 8), (0, 3)]])
def test_no_write_path_takes_tokens_that_are_empty_or_overlap(offsets):
    document = make_document("Ada sang")
    with pytest.raises(ValidationError):
        Document.objects.filter(pk=document.pk).update(tokens=offsets)


@pytest.mark.parametrize("key", ["A", "x", "H", "?"])
def test_a_label_may_not_take_a_key_that_means_something(key):
    with pytest.raises(ValidationError, match="is taken"):
        make_project().add_label("LAW", key=key)


class Name(str):
    """Tells how often it is looked at."""

    __slots__ = ()
    looks = 0

    def casefold(self):
        Name.looks += 1
        return super().casefold()


@pytest.mark.parametrize("find", [twins, refuse_twins, lambda names: twin_of(Name("x"), names)])
def test_among_many_names_each_is_looked_at_once_for_its_case(find):
    Name.looks = 0
    find([Name(f"L{number}") for number in range(99)])
    assert Name.looks <= 100


def test_names_that_differ_by_case_alone_are_told_with_the_first_of_them():
    assert twins(["PER", "Org", "per", "LOC", "ORG", "Per"]) == {"per": "PER", "ORG": "Org", "Per": "PER"}
    assert twin_of("Loc", ["PER", "LOC"]) == "LOC"
    assert twin_of("LOC", ["PER", "LOC"]) is None


def test_two_projects_of_one_name_get_two_addresses():
    assert [make_project("News").slug, make_project("News").slug, make_project("???").slug] == [
        "news",
        "news-2",
        "project",
    ]
    assert Project.objects.count() == 3
    assert Label.objects.count() == 12
