import base64
import hashlib
import hmac
import json
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import transaction
from django.utils import timezone

from annotate import jobs, outbound, queue, uploads, webhooks
from annotate.desk import do, open_desk
from annotate.models import Ask, Delivery, Import, Webhook
from annotate.models.webhook import PAUSES, DeliveryQuerySet
from annotate.queue import QueueDown
from tests.annotate.exchange.handing_in import checked, imported, row, upload
from tests.make import make_document, make_project
from tests.web import Site, serving

pytestmark = pytest.mark.django_db
EVENTS = ["article.finished", "run.ended", "version.promoted", "import.ended"]


@pytest.fixture
def site(settings):
    settings.TAGDESK_INTERNAL = [ip_network("127.0.0.1")]
    with serving() as site:
        site.says("/", "thank you", 202)
        yield site


@pytest.fixture
def rung(monkeypatch):
    """The webhooks that were rung for."""
    heard = []
    monkeypatch.setattr(queue, "length", lambda name: 0)
    monkeypatch.setattr(queue, "enqueue", lambda name, function, *args, job_id: heard.append((name, function, *args)))
    return heard


def make_webhook(site=None, project=None, **fields):
    address = site.address() if site else "https://example.org/"
    project = project or make_project()
    return Webhook.objects.create(project=project, address=address, **{"events": EVENTS, **fields})


def answering(monkeypatch, *fates):
    """Each try meets the next of these: a status, or words of why there was no answer."""
    left = list(fates)

    def post(address, body, headers):
        fate = left.pop(0)
        if isinstance(fate, str):
            raise outbound.NoAnswer(fate)
        return outbound.Answer(fate, "said")

    monkeypatch.setattr(outbound, "post", post)
    return left


def later(**ago):
    """Let so much time have passed for what waits."""
    Delivery.objects.exclude(next_try_at=None).update(next_try_at=timezone.now() - timedelta(seconds=1))
    Webhook.objects.exclude(rests_until=None).update(rests_until=timezone.now() - timedelta(seconds=1))
    if ago:
        Webhook.objects.update(failing_since=timezone.now() - timedelta(**ago))


def finish(document):
    with open_desk(document.pk, Ask.anew(None, document.gold())) as desk:
        do(desk, "finish")


def test_a_message_is_signed_as_standard_webhooks_has_it(site: Site):
    webhook = make_webhook(site)
    sent = webhooks.test(webhook)
    webhooks.send(webhook.pk)
    [asked] = site.asked
    told = asked.headers
    assert (asked.method, told["content-type"], told["webhook-id"]) == ("POST", "application/json", str(sent.key))
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    signed = f"{told['webhook-id']}.{told['webhook-timestamp']}.".encode() + asked.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert told["webhook-signature"] == f"v1,{expected}"
    assert len(key) == 32
    assert abs(int(told["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    sent.refresh_from_db()
    assert (sent.status, sent.code, sent.tries, sent.response) == ("delivered", 202, 1, "thank you")
    assert sent.took_ms is not None


def test_a_finished_article_is_told_by_its_ids_and_never_by_its_text():
    webhook = make_webhook()
    document = make_document("Ada met Bob in Paris.", webhook.project, title="Meetings", PER="Ada")
    document.external_id = "news-1"
    document.save()
    finish(document)
    sent = Delivery.objects.get()
    said = json.loads(sent.body)
    assert (sent.event, said["type"]) == ("article.finished", "article.finished")
    address = f"/api/v1/documents/{document.pk}"
    article = {"id": document.pk, "external_id": "news-1", "address": address}
    assert said["data"] == {"project": "news", "article": article}
    assert not {"Ada", "Bob", "Meetings"} & set(sent.body.replace('"', " ").split())


def test_what_is_not_committed_is_not_told():
    webhook = make_webhook()
    document = make_document("Ada left.", webhook.project)
    with transaction.atomic():
        finish(document)
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_the_queue_is_rung_after_the_commit_alone(rung, django_capture_on_commit_callbacks):
    webhook = make_webhook()
    document = make_document("Ada left.", webhook.project)
    with django_capture_on_commit_callbacks(execute=True):
        finish(document)
        assert rung == []
    assert rung == [("io", "annotate.jobs.send_webhook", webhook.pk)]


def test_an_article_is_finished_where_the_queue_is_down_and_the_message_waits(
    monkeypatch, django_capture_on_commit_callbacks
):
    def down(*args, **kwargs):
        raise QueueDown("The job queue does not answer.")

    monkeypatch.setattr(queue, "enqueue", down)
    webhook = make_webhook()
    document = make_document("Ada left.", webhook.project)
    with django_capture_on_commit_callbacks(execute=True):
        finish(document)
    assert Delivery.objects.get().status == "waiting"


def test_only_those_are_told_who_listen_to_it_and_are_on():
    project = make_project()
    heard = make_webhook(project=project, events=["article.finished"])
    make_webhook(project=project, events=["run.ended"])
    make_webhook(project=project, is_on=False)
    make_webhook(project=make_project("Other"))
    finish(make_document("Ada left.", project))
    assert Delivery.objects.get().webhook == heard


def told_of_import():
    return [json.loads(one.body)["data"]["import"] for one in Delivery.objects.order_by("pk")]


def test_an_import_that_ended_is_told_with_what_became_of_it():
    project = make_webhook().project
    done = imported(upload(project, [row(1), row(2)]))
    assert told_of_import() == [{"id": done.pk, "status": "done", "articles": 2}]


def test_an_import_that_failed_or_was_called_off_has_ended_too():
    project = make_webhook().project
    failed = checked(upload(project, b"\x00\x01\x02"))
    waiting = checked(upload(project, [row(1)]))
    assert uploads.call_off(waiting)
    assert not uploads.call_off(waiting)
    assert [(one["id"], one["status"]) for one in told_of_import()] == [
        (failed.pk, "failed"),
        (waiting.pk, "cancelled"),
    ]
    assert Import.objects.filter(status="failed").exists()


def test_what_fails_is_tried_again_later_and_later_and_then_no_more(monkeypatch):
    webhook = make_webhook()
    sent = webhooks.test(webhook)
    answering(monkeypatch, *[500] * (len(PAUSES) + 1))
    for tries, pause in enumerate(PAUSES, 1):
        webhooks.send(webhook.pk)
        sent.refresh_from_db()
        assert (sent.status, sent.tries, sent.error) == ("waiting", tries, "It answered 500 Internal Server Error.")
        assert sent.next_try_at
        assert timezone.now() + pause - timedelta(minutes=1) < sent.next_try_at <= timezone.now() + pause
        webhooks.send(webhook.pk)  # too early
        later()
    webhooks.send(webhook.pk)
    sent.refresh_from_db()
    assert (sent.status, sent.tries, sent.next_try_at) == ("failed", len(PAUSES) + 1, None)


@pytest.mark.parametrize("status", [300, 302, 404, 410, 503])
def test_only_a_2xx_is_a_delivery(monkeypatch, status):
    webhook = make_webhook()
    sent = webhooks.test(webhook)
    answering(monkeypatch, status)
    webhooks.send(webhook.pk)
    sent.refresh_from_db()
    assert (sent.status, sent.code) == ("waiting", status)


def test_where_nobody_answers_the_others_wait_too_and_follow_in_their_order(monkeypatch):
    webhook = make_webhook()
    first, second, third = (webhooks.test(webhook) for _ in range(3))
    left = answering(monkeypatch, "Nobody there.", 200, 200, 200)
    webhooks.send(webhook.pk)
    assert len(left) == 3
    first.refresh_from_db()
    assert (first.status, first.error, first.code) == ("waiting", "Nobody there.", None)
    webhook.refresh_from_db()
    assert webhook.rests_until is not None
    later()
    webhooks.send(webhook.pk)
    tried = Delivery.objects.order_by("tried_at").values_list("pk", "status")
    assert list(tried) == [(one.pk, "delivered") for one in (first, second, third)]
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.failing_since, webhook.rests_until) == (0, None, None)


def test_one_that_fails_for_a_day_is_switched_off_with_the_reason(monkeypatch):
    webhook = make_webhook()
    answering(monkeypatch, *["Nobody there."] * 7)
    webhooks.test(webhook)
    for _ in range(6):
        webhooks.send(webhook.pk)
        later()
    webhook.refresh_from_db()
    assert webhook.is_on  # often, but not for long
    later(hours=25)
    webhooks.send(webhook.pk)
    webhook.refresh_from_db()
    assert not webhook.is_on
    assert webhook.off_because.endswith("in 7 tries. The last one: Nobody there.")


def test_one_that_fails_seldom_stays_on_however_long_ago_that_began(monkeypatch):
    webhook = make_webhook()
    answering(monkeypatch, 500, 500)
    webhooks.test(webhook)
    webhooks.send(webhook.pk)
    later(days=3)
    webhooks.send(webhook.pk)
    webhook.refresh_from_db()
    assert webhook.is_on


def test_what_waits_is_sent_when_it_is_switched_on_again(monkeypatch):
    webhook = make_webhook()
    sent = webhooks.test(webhook)
    webhook.switch(False)
    answering(monkeypatch, 200)
    webhooks.send(webhook.pk)
    sent.refresh_from_db()
    assert (sent.status, sent.tries) == ("waiting", 0)
    webhook.switch(True)
    webhooks.send(webhook.pk)
    sent.refresh_from_db()
    assert sent.status == "delivered"


def test_what_was_delivered_or_failed_is_sent_again_as_the_same_message(site: Site):
    webhook = make_webhook(site)
    sent = webhooks.test(webhook)
    webhooks.send(webhook.pk)
    sent.refresh_from_db()
    assert sent.send_again()
    webhooks.send(webhook.pk)
    assert len({asked.headers["webhook-id"] for asked in site.asked}) == 1
    assert len({asked.body for asked in site.asked}) == 1
    sent.refresh_from_db()
    assert (sent.status, sent.tries) == ("delivered", 2)


def test_a_delivery_goes_to_one_process_alone(monkeypatch):
    webhook = make_webhook()
    webhooks.test(webhook)
    assert Delivery.objects.claim_next(webhook.pk)
    monkeypatch.setattr(DeliveryQuerySet, "due", lambda self: self.all())  # as one sees it who has looked before
    assert Delivery.objects.claim_next(webhook.pk) is None
    assert not Delivery.objects.get().send_again()


def test_a_lost_queue_loses_no_message(rung):
    webhook = make_webhook()
    webhooks.test(webhook)
    jobs.reconcile()
    assert rung == [("io", "annotate.jobs.send_webhook", webhook.pk)]


@pytest.mark.parametrize("fields", [{"is_on": False}, {"rests_until": timezone.now() + timedelta(hours=1)}])
def test_nobody_is_rung_for_one_that_is_off_or_rests(rung, fields):
    webhooks.test(make_webhook(**fields))
    jobs.reconcile()
    assert rung == []


def test_a_message_whose_sender_died_is_sent_again_by_another_and_the_first_writes_nothing(rung):
    webhook = make_webhook()
    webhooks.test(webhook)
    lost = Delivery.objects.claim_next(webhook.pk)
    assert lost
    jobs.reconcile()
    assert Delivery.objects.get().status == "sending"  # it may be at it
    Delivery.objects.update(tried_at=timezone.now() - timedelta(seconds=61))
    jobs.reconcile()
    assert rung == [("io", "annotate.jobs.send_webhook", webhook.pk)]
    again = Delivery.objects.claim_next(webhook.pk)
    assert (again.pk, again.tries) == (lost.pk, 2)
    webhooks._settle(lost, None, "too late", 1)
    assert Delivery.objects.get().claim == again.claim


def test_the_log_forgets_what_is_old(rung):
    webhook = make_webhook()
    old, new = webhooks.test(webhook), webhooks.test(webhook)
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    jobs.reconcile()
    assert Delivery.objects.get() == new


def test_a_long_list_is_sent_in_turns(monkeypatch, rung):
    webhook = make_webhook()
    for _ in range(3):
        webhooks.test(webhook)
    monkeypatch.setattr(webhooks, "TURN", 0.0)
    left = answering(monkeypatch, 200, 200, 200)
    jobs.send_webhook(webhook.pk)
    assert len(left) == 2
    assert rung == [("io", "annotate.jobs.send_webhook", webhook.pk)]


def test_an_address_that_leads_inside_by_now_is_told_in_the_log():
    webhook = make_webhook()
    Webhook.objects.update(address="http://127.0.0.1:9999/")
    sent = webhooks.test(webhook)
    webhooks.send(webhook.pk)
    sent.refresh_from_db()
    assert sent.error == "127.0.0.1 leads into an internal network, which Tagdesk does not ask."
