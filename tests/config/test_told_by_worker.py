"""A webhook from the finish of an article to the program that listens, through a real queue and a real worker."""

import json
from ipaddress import ip_network
from typing import Any

import pytest

from annotate import jobs
from annotate.models import Delivery, Webhook
from config import workers
from tests.make import make_document, make_project
from tests.web import serving


@pytest.mark.django_db(transaction=True)
def test_what_happens_is_sent_by_a_worker_and_what_the_queue_has_lost_too(queue: Any, settings: Any) -> None:
    settings.TAGDESK_INTERNAL = [ip_network("127.0.0.1")]
    with serving() as site:
        address = site.says("/", "thank you")
        webhook = Webhook.objects.create(project=make_project(), address=address, events=["article.finished"])
        first = make_document("Ada left.", webhook.project, finished=True)
        workers.build("io").work(burst=True, logging_level="CRITICAL")
        second = make_document("Bob came.", webhook.project, finished=True)
        queue.flushdb()
        jobs.reconcile()
        workers.build("io").work(burst=True, logging_level="CRITICAL")
    told = [json.loads(asked.body)["data"]["article"]["id"] for asked in site.asked]
    assert told == [first.pk, second.pk]
    assert set(Delivery.objects.values_list("status", "response")) == {("delivered", "thank you")}
