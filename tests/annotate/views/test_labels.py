"""The pages on which a manager changes labels."""

import re
from uuid import uuid4

import pytest
from django.urls import reverse

from annotate import queue, relabelling
from annotate.models import LabelChange, Refused, Source
from annotate.queue import QueueDown
from tests.make import join, make_document, make_project, make_user, mentions_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = make_user("ada")
    client.force_login(user)
    return user


@pytest.fixture
def project(ada):
    return make_project(manager=ada)


def page(client, address, **query):
    response = client.get(address, query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def of(name, project, label="PER"):
    return reverse(name, args=[project.slug, project.labels.get(name=label).pk])


def confirm(client, address, **query):
    """Look at the preview and press its button."""
    batch = re.search(r'name="batch" value="([^"]+)"', page(client, address, **query))
    assert batch
    return client.post(address, {**query, "batch": batch[1]})


def test_a_label_is_added_changed_and_each_taken_back(client, project):
    new = {"label-name": "LAW", "label-key": "l", "label-color": 5, "label-guideline": ""}
    client.post(reverse("label_new", args=[project.slug]), new)
    law = project.labels.get(name="LAW")
    assert (law.key, law.color, law.position) == ("l", 5, 4)
    change = reverse("label", args=[project.slug, law.pk])
    response = client.post(change, {"key": "w", "color": 6, "guideline": "Acts of parliament"})
    assert response.url == f"{change}?guideline=changed"
    law.refresh_from_db()
    assert (law.key, law.color, law.guideline) == ("w", 6, "Acts of parliament")
    edited, added = LabelChange.objects.all()
    client.post(reverse("label_change_undo", args=[edited.pk]))
    law.refresh_from_db()
    assert (law.key, law.color, law.guideline) == ("l", 5, "")
    client.post(reverse("label_change_undo", args=[added.pk]))
    assert "LAW" not in project.label_names()


@pytest.mark.parametrize("name", ["per", "Per"])
def test_a_new_label_that_another_differs_from_by_case_alone_is_refused(client, project, name):
    new = {"label-name": name, "label-key": "", "label-color": 5, "label-guideline": ""}
    shown = client.post(reverse("label_new", args=[project.slug]), new).content.decode()
    assert "There is a label “PER”, which differs by its case alone." in shown
    assert name not in project.label_names()


def test_a_renaming_to_another_label_in_other_case_is_refused_with_the_offer_to_merge(client, project):
    make_document(project=project, PER="Ada")
    shown = page(client, of("label_change_new", project), kind="renamed", name="org")
    assert "There is a label “ORG”, which differs by its case alone." in shown
    assert "?kind=merged&amp;into=ORG" in shown
    project.add_label("LAW")
    with pytest.raises(Refused, match="differs by its case alone"):  # added while the other page was looked at
        relabelling.begin(project, None, "renamed", project.labels.get(name="PER"), "law", uuid4())
    assert not LabelChange.objects.exists()


def test_a_label_may_be_given_another_case(client, project):
    make_document(project=project, PER="Ada")
    confirm(client, of("label_change_new", project), kind="renamed", name="per")
    assert project.label_names()[0] == "per"
    client.post(reverse("label_change_undo", args=[LabelChange.objects.get().pk]))
    assert project.label_names()[0] == "PER"


@pytest.mark.parametrize("key", ["2", "a", "?"])
def test_a_key_that_is_taken_is_refused(client, project, key):
    response = client.post(of("label", project), {"key": key, "color": 6})
    assert "errorlist" in response.content.decode()
    assert project.labels.get(name="PER").key == "1"
    assert not LabelChange.objects.exists()


def test_a_new_guideline_leads_to_the_finished_articles_with_the_label(client, project):
    make_document(project=project, finished=True, PER="Ada Bob")
    make_document(project=project, PER="Ada")
    response = client.post(of("label", project), {"key": "1", "color": 1, "guideline": "Names of people only"})
    shown = " ".join(client.get(response.url).content.decode().split())
    assert "1 finished article was tagged before it" in shown
    assert "?state=finished&amp;label=PER" in shown


def test_labels_are_put_in_order(client, project):
    client.post(of("label_move", project, "ORG"), {"to": "up"})
    assert project.label_names() == ["ORG", "PER", "LOC", "MISC"]
    client.post(of("label_move", project, "ORG"), {"to": "up"})
    client.post(of("label_move", project, "PER"), {"to": "down"})
    assert project.label_names() == ["ORG", "LOC", "PER", "MISC"]
    shown = page(client, reverse("project_settings", args=[project.slug]))
    assert re.findall(r"<strong class=\"tint c\d\">(\w+)", shown) == ["ORG", "LOC", "PER", "MISC"]
    assert client.get(of("label_move", project)).status_code == 405
    assert client.post(reverse("label_move", args=[project.slug, 0]), {"to": "up"}).status_code == 404


def test_a_renaming_is_shown_with_its_numbers_done_and_undone(client, project):
    document = make_document(project=project, finished=True, PER="Ada Bob")
    make_document(project=project, PER="Ada")
    shown = page(client, of("label_change_new", project), kind="renamed", name="PERSON")
    assert "<strong>3 spans in 2 articles</strong>, 1 of these finished, become PERSON." in shown
    assert not LabelChange.objects.exists()
    done = confirm(client, of("label_change_new", project), kind="renamed", name="PERSON")
    assert mentions_of(document) == [("PERSON", "Ada"), ("PERSON", "Bob")]
    shown = page(client, done.url)
    assert "Done: 3 spans in 2 articles changed." in shown
    back = client.post(reverse("label_change_undo", args=[LabelChange.objects.get().pk]))
    assert mentions_of(document) == [("PER", "Ada"), ("PER", "Bob")]
    assert "Undo</button>" not in page(client, back.url)


def test_a_second_click_does_nothing_more(client, project):
    make_document(project=project, PER="Ada")
    address = of("label_change_new", project)
    first = confirm(client, address, kind="deleted", into="")
    again = {"kind": "deleted", "into": "", "batch": str(LabelChange.objects.get().batch)}
    assert client.post(address, again).url == first.url
    undo = reverse("label_change_undo", args=[LabelChange.objects.get().pk])
    assert client.post(undo).status_code == client.post(undo).status_code == 302
    assert LabelChange.objects.count() == 2


def test_a_name_that_is_taken_is_refused_with_the_offer_to_merge(client, project):
    make_document(project=project, PER="Ada")
    shown = page(client, of("label_change_new", project), kind="renamed", name="ORG")
    assert "There is a label “ORG” already." in shown
    assert "?kind=merged&amp;into=ORG" in shown


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"kind": "renamed", "name": ""}, "another name"),
        ({"kind": "renamed", "name": "A B"}, "holds no blank"),
        ({"kind": "renamed", "name": "PER"}, "another name"),
        ({"kind": "merged", "into": "NOPE"}, "Choose the label"),
        ({"kind": "deleted", "into": "PER"}, "no other label"),
        ({"kind": "painted"}, "not one of the available choices"),
        ({}, "required"),
    ],
)
def test_what_cannot_be_is_refused_in_words(client, project, query, says):
    make_document(project=project, PER="Ada")
    for answer in (client.get, client.post):
        assert says in answer(of("label_change_new", project), query).content.decode()
    assert not LabelChange.objects.exists()


def test_a_large_change_is_a_workers_and_its_page_shows_how_far_it_is(client, project, monkeypatch):
    rung = []
    monkeypatch.setattr(queue, "enqueue", lambda *args, **kwargs: rung.append(args))
    monkeypatch.setattr(queue, "length", lambda name: 1)
    monkeypatch.setattr(queue, "workers_seen", lambda name: queue.Workers(0, None))
    monkeypatch.setattr(relabelling, "AT_ONCE", 1)
    document = make_document(project=project, PER="Ada")
    make_document(project=project, PER="Ada")
    address = confirm(client, of("label_change_new", project), kind="deleted", into="").url
    row = LabelChange.objects.get()
    assert rung == [("io", "annotate.jobs.run_label_change", row.pk)]
    assert mentions_of(document) == [("PER", "Ada")]
    shown = page(client, address)
    assert "0 of 2 articles" in shown
    assert "No worker for this has been seen" in shown
    live = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert live.strip().startswith('<div id="label-change" hx-get')
    second = confirm(client, of("label_change_new", project, "ORG"), kind="deleted", into="")
    assert "PER deleted" in second.content.decode()
    assert LabelChange.objects.count() == 1


def test_without_a_queue_a_large_change_waits_and_says_so(client, project, monkeypatch):
    def down(*args, **kwargs):
        raise QueueDown("The job queue does not answer.")

    for name in ("enqueue", "length", "workers_seen"):
        monkeypatch.setattr(queue, name, down)
    monkeypatch.setattr(relabelling, "AT_ONCE", 0)
    make_document(project=project, PER="Ada")
    address = confirm(client, of("label_change_new", project), kind="deleted", into="").url
    assert "The job queue does not answer. The change waits." in page(client, address)


def test_the_settings_and_the_project_say_which_labels_the_model_does_not_know(client, project):
    project.current_source = Source.next_of(project, "model", ["PER", "ORG", "LOC"])
    project.save()
    make_document(project=project)
    for name in ("project_settings", "project"):
        assert "Version 1 does not know MISC yet" in page(client, reverse(name, args=[project.slug]))


def test_the_settings_ask_the_database_as_often_for_many_labels(client, project, django_assert_max_num_queries):
    for number in range(30):
        project.add_label(f"L{number}")
    make_document(project=project, PER="Ada", L3="Bob")
    with django_assert_max_num_queries(12):
        shown = page(client, reverse("project_settings", args=[project.slug]))
    assert "1 in 1 article" in shown


PAGES = [("label", "get"), ("label", "post"), ("label_move", "post")]
PAGES += [("label_change_new", "get"), ("label_change_new", "post")]


@pytest.mark.parametrize(("name", "method"), PAGES)
@pytest.mark.parametrize(("role", "status"), [("annotator", 403), ("viewer", 403), (None, 404)])
def test_only_a_manager_changes_labels(client, ada, name, method, role, status):
    project = make_project("Theirs")
    if role:
        join(project, ada, role)
    assert getattr(client, method)(of(name, project)).status_code == status


@pytest.mark.parametrize(("role", "status"), [("annotator", 403), (None, 404)])
def test_only_a_manager_sees_or_undoes_a_change(client, ada, role, status):
    project = make_project("Theirs")
    if role:
        join(project, ada, role)
    row = relabelling.log_form(project, None, project.labels.get(name="PER"), None)
    assert client.get(reverse("label_change", args=[row.pk])).status_code == status
    for name in ("label_change_undo", "label_change_again"):
        assert client.get(reverse(name, args=[row.pk])).status_code == 405
        assert client.post(reverse(name, args=[row.pk])).status_code == status
    assert client.post(reverse("label_new", args=[project.slug]), {}).status_code == status


def test_a_label_of_another_project_does_not_exist_in_mine(client, project):
    foreign = make_project("Foreign").labels.first()
    for name in ("label", "label_change_new"):
        assert client.get(reverse(name, args=[project.slug, foreign.pk])).status_code == 404
