from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate import queue, webhook_forms, webhooks
from annotate.models import Delivery, Webhook
from annotate.models.webhook import MOST_WEBHOOKS
from tests.make import join, make_project, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "https://example.org/tagdesk"


@pytest.fixture(autouse=True)
def seen(monkeypatch):
    """A worker listens."""
    monkeypatch.setattr(queue, "workers_seen", lambda name: queue.Workers(1, None))


@pytest.fixture
def webhook(project):
    return Webhook.objects.create(project=project, address=ADDRESS, events=["run.ended"])


def add(client, project, **fields):
    data = {"address": ADDRESS, "events": ["article.finished", "run.ended"], **fields}
    return client.post(reverse("webhooks", args=[project.slug]), data)


def page_of(client, webhook, **headers):
    return client.get(reverse("webhook", args=[webhook.pk]), headers=headers).content.decode()


def test_a_new_webhook_shows_its_secret_once(client, project):
    response = add(client, project)
    row = Webhook.objects.get()
    assert (row.address, row.events) == (ADDRESS, ["article.finished", "run.ended"])
    assert (row.project, row.created_by.username) == (project, "ada")
    assert row.secret in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert row.secret not in client.get(reverse("webhooks", args=[project.slug])).content.decode()
    assert row.secret not in page_of(client, row)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"address": "http://192.168.1.7/"}, "leads into an internal network"),
        ({"address": "http://[::1]/"}, "leads into an internal network"),
        ({"address": "https://ada:secret@example.org/"}, "a name or password in it"),
        ({"address": "example.org"}, "begins with https://"),
        ({"events": []}, "Choose at least one event."),
        ({"events": ["test"]}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_a_webhook_is_told_on_the_form(client, project, fields, words):
    assert words in add(client, project, **fields).content.decode()
    assert not Webhook.objects.exists()


def test_there_is_an_end_to_them(client, project):
    for _ in range(MOST_WEBHOOKS):
        add(client, project)
    assert f"{MOST_WEBHOOKS} webhooks at most" in add(client, project).content.decode()
    assert Webhook.objects.count() == MOST_WEBHOOKS


def test_a_new_secret_takes_the_place_of_the_old_one_and_is_shown_once(client, webhook):
    page = client.post(reverse("webhook_secret", args=[webhook.pk])).content.decode()
    before = webhook.secret
    webhook.refresh_from_db()
    assert webhook.secret != before
    assert webhook.secret in page
    assert webhook.secret not in page_of(client, webhook)


def test_address_and_events_are_changed(client, webhook):
    data = {"address": "https://example.org/other", "events": ["import.ended"]}
    assert client.post(reverse("webhook", args=[webhook.pk]), data).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.address, webhook.events) == ("https://example.org/other", ["import.ended"])
    bad = client.post(reverse("webhook", args=[webhook.pk]), {**data, "address": "http://10.0.0.1/"}).content.decode()
    assert "internal network" in bad
    assert "<h1>https://example.org/other</h1>" in bad


def test_a_change_of_the_address_leaves_alone_what_the_sender_writes_meanwhile(client, webhook, monkeypatch):
    def check(address):
        Webhook.objects.update(is_on=False, off_because="Nobody there.", secret="whsec_other")
        return address

    monkeypatch.setattr(webhook_forms, "checked_address", check)
    client.post(reverse("webhook", args=[webhook.pk]), {"address": "https://example.org/b", "events": ["run.ended"]})
    webhook.refresh_from_db()
    assert webhook.address == "https://example.org/b"
    assert (webhook.is_on, webhook.off_because, webhook.secret) == (False, "Nobody there.", "whsec_other")


def test_the_log_tells_what_was_sent_and_what_came_back(client, webhook):
    sent = webhooks.test(webhook)
    told = {"status": "delivered", "code": 204, "took_ms": 1234, "tries": 3, "response": "<b>thanks</b>"}
    Delivery.objects.update(next_try_at=None, **told)
    failed = webhooks.test(webhook)
    failing = {"status": "failed", "next_try_at": None, "error": "Nobody there.", "tries": 8}
    Delivery.objects.filter(pk=failed.pk).update(**failing)
    page = page_of(client, webhook)
    for words in (
        "Delivered",
        "204",
        "1,234 ms",
        "&lt;b&gt;thanks&lt;/b&gt;",
        str(sent.key),
        "Failed",
        "Nobody there.",
    ):
        assert words in page
    assert "hx-trigger" not in page


def test_the_log_asks_for_itself_while_something_is_on_its_way(client, webhook):
    assert client.post(reverse("webhook_test", args=[webhook.pk])).status_code == 302
    assert 'hx-trigger="every 2s"' in page_of(client, webhook)
    fragment = page_of(client, webhook, HX_Request="true")
    assert fragment.lstrip().startswith('<div id="log"')
    Delivery.objects.update(next_try_at=timezone.now() + timedelta(minutes=5), tries=1)
    assert "hx-trigger" not in page_of(client, webhook)


def test_without_a_worker_the_page_says_why_nothing_moves(client, webhook, monkeypatch):
    monkeypatch.setattr(queue, "workers_seen", lambda name: queue.Workers(0, None))
    client.post(reverse("webhook_test", args=[webhook.pk]))
    assert "python manage.py worker io" in page_of(client, webhook)


def test_a_test_and_send_again_do_not_wait_for_the_pause(client, webhook):
    later = timezone.now() + timedelta(hours=1)
    Webhook.objects.update(rests_until=later)
    client.post(reverse("webhook_test", args=[webhook.pk]))
    assert Delivery.objects.due().exists()
    Webhook.objects.update(rests_until=later)
    Delivery.objects.update(next_try_at=later)
    sent = Delivery.objects.get()
    client.post(reverse("delivery_again", args=[webhook.pk, sent.pk]))
    assert Delivery.objects.due().get() == sent


def test_what_is_being_sent_is_not_sent_twice(client, webhook):
    webhooks.test(webhook)
    sent = Delivery.objects.claim_next(webhook.pk)
    response = client.post(reverse("delivery_again", args=[webhook.pk, sent.pk]), follow=True)
    assert "It is being sent just now." in response.content.decode()


def test_it_is_switched_off_and_on(client, webhook):
    switch = reverse("webhook_switch", args=[webhook.pk])
    client.post(switch)
    page = page_of(client, webhook)
    assert "This webhook is off" in page
    assert "Send a test" not in page
    client.post(switch, {"on": ""})
    assert "Send a test" in page_of(client, webhook)


def test_one_that_was_switched_off_for_its_failures_is_told_where_managers_look(client, project, webhook):
    Webhook.objects.update(is_on=False, off_because="Nobody there.", failures=9)
    address = reverse("project", args=[project.slug])
    for page in (client.get(address).content.decode(), page_of(client, webhook)):
        assert "was switched off" in page
        assert "Nobody there." in page
    client.force_login(join(project, make_user(), "annotator"))
    assert "was switched off" not in client.get(address).content.decode()
    webhook.switch(True)
    webhook.refresh_from_db()
    assert (webhook.is_on, webhook.off_because, webhook.failures) == (True, "", 0)


def test_it_is_deleted_with_its_log(client, project, webhook):
    webhooks.test(webhook)
    client.post(reverse("webhook_delete", args=[webhook.pk]))
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


ACTIONS = ("webhook_secret", "webhook_switch", "webhook_test", "webhook_delete")


def test_only_managers_come_here(client, project, webhook):
    sent = webhooks.test(webhook)
    again = reverse("delivery_again", args=[webhook.pk, sent.pk])
    for user, status in ((join(project, make_user(), "annotator"), 403), (make_user(), 404)):
        client.force_login(user)
        assert add(client, project).status_code == status
        assert client.get(reverse("webhook", args=[webhook.pk])).status_code == status
        for name in ACTIONS:
            assert client.post(reverse(name, args=[webhook.pk])).status_code == status
        assert client.post(again).status_code == status
    assert Webhook.objects.get() == webhook


def test_what_changes_something_is_never_done_by_a_look(client, webhook):
    for name in ACTIONS:
        assert client.get(reverse(name, args=[webhook.pk])).status_code == 405


def test_a_delivery_of_another_webhook_is_none_of_this_one(client, project, webhook):
    other = Webhook.objects.create(project=make_project("Other"), address=ADDRESS, events=["run.ended"])
    sent = webhooks.test(other)
    assert client.post(reverse("delivery_again", args=[webhook.pk, sent.pk])).status_code == 404
