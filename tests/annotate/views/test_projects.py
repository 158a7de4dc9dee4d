import pytest
from django.urls import reverse

from annotate.models import Project
from tests.make import join, make_document, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = make_user("ada")
    client.force_login(user)
    return user


def test_the_list_shows_my_projects_with_their_counts(client, ada, django_assert_max_num_queries):
    project = make_project("Mine", manager=ada)
    make_project("Foreign")
    make_document(project=project, finished=True)
    make_document(project=project, PER="Ada Bob")
    with django_assert_max_num_queries(4):
        page = client.get(reverse("projects")).content.decode()
    assert "1 of 2 articles finished" in page
    assert "Foreign" not in page


def test_a_new_project_has_its_labels_with_keys_and_leads_to_the_import(client, ada):
    response = client.post(reverse("project_new"), {"name": "Court reports", "labels": "LAW, JUDGE"})
    assert response.url == reverse("import_new", args=["court-reports"])
    assert list(Project.objects.get().labels.values_list("name", "key", "color")) == [
        ("LAW", "1", 1),
        ("JUDGE", "2", 2),
    ]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ("", "This field is required"),
        (",,", "at least one label"),
        ("PER, PER", "named twice"),
        ("PER, ORG, per", "“PER” and “per” differ by their case alone."),
        ("A B", "holds no blank"),
        ("-X", "does not begin with a hyphen"),
        ("X" * 51, "at most 50 characters"),
        (", ".join(f"L{number}" for number in range(500)), "too many labels to begin with"),
    ],
)
def test_labels_that_cannot_be_are_refused_in_words(client, ada, labels, says):
    response = client.post(reverse("project_new"), {"name": "News", "labels": labels})
    assert says in response.content.decode()
    assert not Project.objects.exists()


def test_the_project_page_says_where_it_stands(client, ada, django_assert_max_num_queries):
    project = make_project(manager=ada)
    make_document("Ada met Bob.", project=project, finished=True, PER="Ada Bob")
    make_document(project=project, finished=True, split="validation")
    make_document(project=project)
    with django_assert_max_num_queries(14):
        page = client.get(reverse("project", args=[project.slug])).content.decode()
    assert '<span class="figure">2</span> of 3 finished' in page
    assert "1 held out for validation</a>, 1 of these finished" in page
    assert "1 finished without entities" in page
    assert '<progress max="300" value="2" aria-label="PER">' in page


def test_an_empty_project_leads_to_the_import(client, ada):
    project = make_project(manager=ada)
    assert "No article yet" in client.get(reverse("project", args=[project.slug])).content.decode()


def test_settings_are_saved_and_bad_ones_refused(client, ada):
    project = make_project(manager=ada)
    address = reverse("project_settings", args=[project.slug])
    good = {"name": "News", "threshold": 65, "validation_share": 30, "test_share": 10, "guideline": "Be exact."}
    assert client.post(address, good).status_code == 302
    project.refresh_from_db()
    assert (project.threshold, project.validation_share, project.guideline) == (0.65, 30, "Be exact.")
    page = client.post(address, {**good, "validation_share": 60, "test_share": 40}).content.decode()
    assert "Leave at least 5 per cent" in page


def test_a_label_is_added_and_changed_and_a_taken_key_refused(client, ada):
    project = make_project(manager=ada)
    new = {"label-name": "LAW", "label-key": "l", "label-color": 5, "label-guideline": ""}
    client.post(reverse("label_new", args=[project.slug]), new)
    law = project.labels.get(name="LAW")
    change = reverse("label", args=[project.slug, law.pk])
    for key, status in (("1", 200), ("a", 200), ("w", 302)):
        assert client.post(change, {"key": key, "color": 6}).status_code == status
    law.refresh_from_db()
    assert (law.key, law.color) == ("w", 6)


def test_only_a_manager_changes_settings(client, ada):
    project = make_project()
    join(project, ada, "annotator")
    assert client.get(reverse("project_settings", args=[project.slug])).status_code == 403
    assert client.post(reverse("label_new", args=[project.slug]), {}).status_code == 403


@pytest.mark.parametrize("name", ["project", "project_settings", "documents", "import_new", "export"])
def test_a_foreign_project_does_not_exist(client, ada, name):
    assert client.get(reverse(name, args=[make_project().slug])).status_code == 404
