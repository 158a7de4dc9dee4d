import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from tests.make import make_project, make_user

pytestmark = pytest.mark.django_db
HOSTILE = "**Names.** <script>alert(1)</script> [x](javascript:alert(1))"


@pytest.fixture
def project(client):
    ada = make_user("ada")
    client.force_login(ada)
    return make_project(manager=ada)


def test_settings_show_how_a_saved_guideline_looks(client, project):
    address = reverse("project_settings", args=[project.slug])
    assert "How it looks" not in client.get(address).content.decode()
    settings = {"name": "News", "threshold": 80, "validation_share": 20, "test_share": 0, "guideline": HOSTILE}
    page = client.post(address, settings, follow=True).content.decode()
    assert "<strong>Names.</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


def test_the_page_of_a_label_shows_how_its_guideline_looks(client, project):
    label = project.labels.get(name="PER")
    project.labels.filter(pk=label.pk).update(guideline=HOSTILE)
    page = client.get(reverse("label", args=[project.slug, label.pk])).content.decode()
    assert page.count("How it looks") == 1
    assert "<strong>Names.</strong>" in page
    assert "<script>alert" not in page


def test_the_guidelines_show_each_label_with_its_colour_and_key(project):
    project.guideline = "# Be *exact*"
    project.labels.filter(name="PER").update(guideline=HOSTILE, color=7, key="p")
    rows = [{"label": label} for label in project.labels.all()]
    html = render_to_string("annotate/_guidelines.html", {"project": project, "labels": rows})
    assert "<h3>Be <em>exact</em></h3>" in html
    assert '<span class="tint c7">PER</span>' in html
    assert '<kbd title="Key">P</kbd>' in html
    assert html.count("No guideline yet.") == 3
    assert "<strong>Names.</strong> &lt;script&gt;" in html
