import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotate import gazetteer_forms
from annotate.models import Gazetteer
from annotate.signals import suggestions_wanted
from tests.make import join, make_document, make_user, suggest

pytestmark = pytest.mark.django_db


def put(client, project, content, shown="", **data):
    file = SimpleUploadedFile("names.tsv", content.encode())
    given = {"gazetteer-file": file, "gazetteer-shown": shown, **{f"gazetteer-{k}": v for k, v in data.items()}}
    return client.post(reverse("gazetteer_put", args=[project.slug]), given, follow=True).content.decode()


def settings_of(client, project):
    return client.get(reverse("project_settings", args=[project.slug])).content.decode()


def test_a_file_is_brought_counted_and_downloaded_again(client, project):
    page = put(client, project, "Ada Lovelace\tPER\nParis\tLOC\nRome\tLOC\nbad line\n")
    assert "The gazetteer has 3 entries." in page
    assert "<strong>3 entries</strong>" in page
    assert "names.tsv" in page
    assert "1 line of the file could not be used" in page
    assert "Line 4: It is not a mention, a tab and a label." in page
    response = client.get(reverse("gazetteer", args=[project.slug]))
    assert b"".join(response.streaming_content) == b"Ada Lovelace\tPER\nParis\tLOC\nRome\tLOC\n"
    assert "attachment" in response.headers["Content-Disposition"]


def test_labels_that_are_not_there_are_refused_or_made_by_choice(client, project):
    page = put(client, project, "The Times\tPAPER\n")
    assert "The project has no label “PAPER”" in page
    assert not Gazetteer.objects.exists()
    assert "<strong>1 entry</strong>" in put(client, project, "The Times\tPAPER\n", new_labels="make")
    assert "PAPER" in project.label_names()


def test_what_is_no_gazetteer_says_why_beside_the_file(client, project, monkeypatch):
    assert "No line of the file is a mention" in put(client, project, "Paris\n")
    monkeypatch.setattr(gazetteer_forms, "LARGEST", 3)
    assert "The file is larger than" in put(client, project, "Paris\tLOC\n")
    assert not Gazetteer.objects.exists()


def test_it_is_replaced_and_removed_by_who_sees_the_one_there_is(client, project, django_capture_on_commit_callbacks):
    put(client, project, "Ada\tPER\n")
    row = Gazetteer.objects.get()
    for shown in ("", str(row.pk + 1)):
        assert "Somebody has changed the gazetteer meanwhile" in put(client, project, "Bob\tPER\n", shown=shown)
    assert Gazetteer.objects.get() == row
    put(client, project, "Bob\tPER\n", shown=str(row.pk))
    again = Gazetteer.objects.get()
    assert list(again.entries()) == [("Bob", "PER")]
    remove = reverse("gazetteer_remove", args=[project.slug])
    client.post(remove, {"shown": row.pk})
    assert Gazetteer.objects.exists()
    heard = []
    suggestions_wanted.connect(hear := lambda **kwargs: heard.append(kwargs["project"]))
    with django_capture_on_commit_callbacks(execute=True):
        client.post(remove, {"shown": again.pk})
    suggestions_wanted.disconnect(hear)
    assert not Gazetteer.objects.exists()
    assert heard == [project]
    assert client.get(reverse("gazetteer", args=[project.slug])).status_code == 404


def test_the_settings_say_where_it_suggests_nothing(client, project):
    assert "the gazetteer suggests nothing" not in settings_of(client, project)
    project.dictionary = False
    project.save()
    assert "the gazetteer suggests nothing" in settings_of(client, project)


def test_the_settings_say_who_suggests_in_its_stead(client, project):
    assert "the gazetteer rests" not in settings_of(client, project)
    suggest(make_document("Ada left.", project), (0, 1, "PER", 0.9))
    assert "Model 1 suggests now, and the gazetteer rests." in settings_of(client, project)


def test_managers_alone_bring_and_remove_it(client, project):
    client.force_login(join(project, make_user(), "annotator"))
    for name in ("gazetteer_put", "gazetteer_remove"):
        assert client.post(reverse(name, args=[project.slug])).status_code == 403
        assert client.get(reverse(name, args=[project.slug])).status_code == 405
    client.force_login(make_user())
    assert client.get(reverse("gazetteer", args=[project.slug])).status_code == 404
