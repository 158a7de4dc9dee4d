"""Bulk actions as a manager meets them: asked with a count, done, undone."""

import json
import re

import pytest
from django.urls import reverse

from annotate import bulk, queue
from annotate.models import BulkAction, Document
from tests.make import join, make_document, make_project, make_user, suggest, tag_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(client):
    user = make_user("ada")
    client.force_login(user)
    project = make_project(manager=user)
    for number in range(3):
        make_document(f"Ada sang {number}.", project, PER="Ada")
    make_document("Nobody.", project)
    return project


def asked(client, project, verb, to="", **filters):
    """The page that asks, and what its form would send."""
    page = client.get(reverse("bulk_new", args=[project.slug]), {**filters, "verb": verb, "to": to}).content.decode()
    return page, dict(re.findall(r'name="(verb|to|which|newest)" value="([^"]*)"', page))


def confirm(client, project, given, **filters):
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return client.post(f"{reverse('bulk_new', args=[project.slug])}?{query}", given, follow=True).content.decode()


def test_deleting_asks_with_the_count_and_is_undone_as_one(client, project):
    page, given = asked(client, project, "delete", label="PER")
    assert "Delete 3 articles?" in page
    assert Document.objects.present().count() == 4
    page = confirm(client, project, given, label="PER")
    assert "3 articles deleted." in page
    assert "so already" not in page
    assert Document.objects.present().count() == 1
    undo = reverse("bulk_undo", args=[BulkAction.objects.get().pk])
    assert undo in page
    listed = client.get(reverse("documents", args=[project.slug])).content.decode()
    assert reverse("bulk", args=[BulkAction.objects.get().pk]) in listed  # the way back to the undo
    client.post(undo)
    assert Document.objects.present().count() == 4
    assert "This was undone" in client.post(undo, follow=True).content.decode()
    assert BulkAction.objects.count() == 2


@pytest.mark.parametrize(
    ("verb", "to", "question", "did", "undid"),
    [
        ("delete", "", "Delete 4 articles", "4 articles deleted", "4 articles brought back"),
        (
            "move",
            "test",
            "Move 4 articles to the test split",
            "4 articles moved to the test split, their near-duplicates included",
            "4 articles moved back from the test split",
        ),
        (
            "clear",
            "",
            "Clear the suggestions of 4 articles",
            "Suggestions of 1 article cleared",
            "Suggestions of 1 article shown again",
        ),
        ("reopen", "", "Reopen 4 articles", "1 article reopened", "1 article finished again"),
        (
            "flag",
            "",
            "Flag 4 articles for discussion",
            "3 articles flagged for discussion",
            "Flag taken from 3 articles",
        ),
        ("unflag", "", "Take the flag from 4 articles", "Flag taken from 1 article", "1 article flagged again"),
    ],
)
def test_question_outcome_and_undo_say_what_is_done(client, project, verb, to, question, did, undid):
    first, second, *_ = Document.objects.order_by("pk")
    tag_words(first, True, {})
    first.flag(None)
    second.project = project
    suggest(second, (0, 1, "PER", 0.9))
    page, given = asked(client, project, verb, to)
    assert f"<h1>{question}?</h1>" in page
    page = confirm(client, project, given)
    assert f"<h1>{question}</h1>" in page
    assert f"{did}." in page
    page = client.post(reverse("bulk_undo", args=[BulkAction.objects.get().pk]), follow=True).content.decode()
    assert f"<h1>Undo: {question}</h1>" in page
    assert f"{undid}." in page
    assert f"Undo: {question}" in client.get(reverse("documents", args=[project.slug])).content.decode()


def test_what_arrives_after_the_question_is_not_touched(client, project):
    _, given = asked(client, project, "delete", label="PER")
    new = make_document("Ada came.", project, PER="Ada")
    confirm(client, project, given, label="PER")
    assert Document.objects.present().filter(pk=new.pk).exists()
    assert Document.objects.present().count() == 2


def test_a_choice_that_has_changed_is_asked_about_again(client, project):
    _, given = asked(client, project, "delete", label="PER")
    Document.objects.earliest("pk").delete_softly(None)
    page = confirm(client, project, given, label="PER")
    assert "The list has changed since you were asked" in page
    assert "Delete 2 articles?" in page
    assert not BulkAction.objects.exists()


def test_moving_says_what_moves_with_them_and_wants_a_split(client, project):
    Document.objects.filter(pk=Document.objects.latest("pk").pk).update(split="validation")
    page, given = asked(client, project, "move", "validation")
    assert "Move 4 articles to the validation split?" in page
    assert "near-duplicates" in page
    done = confirm(client, project, given)
    assert "3 articles moved" in done
    assert "The others were so already." in done
    assert set(Document.objects.values_list("split", flat=True)) == {"validation"}
    response = client.get(reverse("bulk_new", args=[project.slug]), {"verb": "move"}, follow=True)
    assert "Choose the split to move to." in response.content.decode()


@pytest.mark.parametrize("query", [{"verb": "explode"}, {}, {"verb": "undo"}])
def test_what_is_no_verb_leads_back_to_the_list(client, project, query):
    response = client.get(reverse("bulk_new", args=[project.slug]), query)
    assert response.url.startswith(reverse("documents", args=[project.slug]))


def test_a_number_that_no_article_can_have_is_refused(client, project):
    answer = client.post(
        reverse("bulk_new", args=[project.slug]), {"verb": "delete", "which": "4", "newest": 10**30}, follow=True
    )
    assert "less than or equal to" in answer.content.decode()
    assert Document.objects.present().count() == 4


@pytest.mark.parametrize("query", ["state=done", "label=DRUG", "since=soon", "stat=finished"])
def test_a_filter_that_nobody_knows_never_means_all_articles(client, project, query):
    address = f"{reverse('bulk_new', args=[project.slug])}?{query}"
    answers = [
        client.post(address, {"verb": "delete", "which": "4", "newest": 99}, follow=True),
        client.get(f"{reverse('export_found', args=[project.slug, 'jsonl'])}?{query}", follow=True),
    ]
    for answer in answers:
        assert "A filter of this address is not understood, so nothing was done" in answer.content.decode()
        assert answer.content.decode().count('class="notice error" role="alert"') == 1  # which one it is
    assert Document.objects.present().count() == 4


def test_a_large_one_shows_how_far_it_is_and_can_be_stopped(client, project, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    monkeypatch.setattr(queue, "enqueue", lambda *args, **kwargs: None)
    monkeypatch.setattr(queue, "length", lambda name: 1)
    monkeypatch.setattr(queue, "workers_seen", lambda name: queue.Workers(0, None))
    page = confirm(client, project, asked(client, project, "flag")[1])
    assert "0 of 4" in page
    assert "python manage.py worker io" in page
    row = BulkAction.objects.get()
    poll = f"{reverse('bulk', args=[row.pk])}?shown=working"
    assert "Stop</button>" not in client.get(poll, headers={"HX-Request": "true"}).content.decode()
    client.post(reverse("bulk_stop", args=[row.pk]))
    ended = client.get(poll, headers={"HX-Request": "true"})
    assert (ended["HX-Retarget"], "Stopped after 0 of 4" in ended.content.decode()) == ("#bulk", True)
    assert "over already" in client.post(reverse("bulk_stop", args=[row.pk]), follow=True).content.decode()
    assert "nothing to undo" in client.post(reverse("bulk_undo", args=[row.pk]), follow=True).content.decode()


def test_these_articles_are_exported_and_no_others(client, project):
    def download(kind, **query):
        response = client.get(reverse("export_found", args=[project.slug, kind]), query)
        assert "attachment" in response["Content-Disposition"]
        return b"".join(response.streaming_content).decode()

    texts = [json.loads(line)["text"] for line in download("jsonl", q="sang", sort="-title").splitlines()]
    assert texts == ["Ada sang 0.", "Ada sang 1.", "Ada sang 2."]
    assert len(download("jsonl").splitlines()) == 4
    assert download("conll2003").count("-DOCSTART-") == 3
    assert client.get(reverse("export_found", args=[project.slug, "docx"])).status_code == 404


def test_the_list_offers_them_to_managers_with_its_filters(client, project):
    page = client.get(reverse("documents", args=[project.slug]), {"label": "PER"}).content.decode()
    assert '<input type="hidden" name="label" value="PER">' in page
    assert 'name="verb" value="delete"' in page
    client.force_login(join(project, make_user(), "annotator"))
    page = client.get(reverse("documents", args=[project.slug])).content.decode()
    assert 'name="verb"' not in page
    assert "Export as JSON Lines" in page


def test_only_managers_act_and_foreign_actions_do_not_exist(client, project):
    row = bulk.begin(project, None, "flag", [1])
    addresses = [reverse(name, args=[row.pk]) for name in ("bulk_stop", "bulk_undo")]
    for address in addresses:
        assert client.get(address).status_code == 405
    for user, status in ((join(project, make_user(), "annotator"), 403), (make_user(), 404)):
        client.force_login(user)
        assert client.post(reverse("bulk_new", args=[project.slug]), {"verb": "delete"}).status_code == status
        assert client.get(reverse("bulk", args=[row.pk])).status_code == status
        assert [client.post(address).status_code for address in addresses] == [status, status]
    assert client.get(reverse("export_found", args=[project.slug, "jsonl"])).status_code == 404
    row.refresh_from_db()
    assert row.status == BulkAction.Status.WAITING
