import pytest

from annotate import webhooks
from annotate.api import webhooks as api_webhooks
from annotate.models import Delivery, Project, Webhook
from annotate.models.webhook import MOST_WEBHOOKS
from tests.asking import Program, is_problem

GIVEN = {"address": "https://example.org/hook", "events": ["run.ended", "run.ended", "import.ended"]}
LIST = "/projects/news/webhooks"


@pytest.fixture
def webhook(project: Project) -> Webhook:
    return Webhook.objects.create(project=project, address="https://example.org/", events=["run.ended"])


def test_one_is_made_and_its_secret_told_once(program: Program) -> None:
    response = program.post(LIST, GIVEN)
    made = response.json()
    row = Webhook.objects.get()
    assert response.status_code == 201
    assert (made["secret"], made["events"]) == (row.secret, ["run.ended", "import.ended"])
    assert row.created_by == program.row.user
    [listed] = program.get(LIST).json()["items"]
    assert listed == program.get(f"{LIST}/{row.pk}").json()
    assert "secret" not in listed


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**GIVEN, "address": "http://10.0.0.1/"}, "body.address"),
        ({**GIVEN, "address": "mailto:ada@example.org"}, "body.address"),
        ({**GIVEN, "events": []}, "body.events"),
        ({**GIVEN, "events": ["test"]}, "body.events.0"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(program: Program, body: dict[str, object], place: str) -> None:
    assert is_problem(program.post(LIST, body), 422)["errors"][0]["place"] == place
    assert not Webhook.objects.exists()


def test_there_is_an_end_to_them(program: Program) -> None:
    for _ in range(MOST_WEBHOOKS):
        program.post(LIST, GIVEN)
    is_problem(program.post(LIST, GIVEN), 409)


def test_one_is_changed_and_switched_off_and_on(program: Program, webhook: Webhook) -> None:
    address = f"{LIST}/{webhook.pk}"
    told = program.patch(address, {"events": ["import.ended"], "on": False}).json()
    assert (told["events"], told["on"], told["address"]) == (["import.ended"], False, "https://example.org/")
    is_problem(program.post(f"{address}/test"), 409)
    assert program.patch(address, {"on": True}).json()["on"] is True
    is_problem(program.patch(address, {"address": "http://127.0.0.1/"}), 422)


def test_what_is_not_named_is_not_written(program: Program, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(address: str) -> str:
        Webhook.objects.update(events=["import.ended"])  # somebody else, meanwhile
        return address

    monkeypatch.setattr(api_webhooks, "checked_address", check)
    program.patch(f"{LIST}/{webhook.pk}", {"address": "https://example.org/b"})
    webhook.refresh_from_db()
    assert (webhook.address, webhook.events) == ("https://example.org/b", ["import.ended"])


def test_a_test_stands_in_the_list_of_what_was_sent_and_is_sent_again(program: Program, webhook: Webhook) -> None:
    address = f"{LIST}/{webhook.pk}"
    response = program.post(f"{address}/test")
    assert response.status_code == 202
    Delivery.objects.update(status="failed", next_try_at=None, error="Nobody there.")
    [sent] = program.get(f"{address}/deliveries").json()["items"]
    assert (sent["id"], sent["event"], sent["error"]) == (response.json()["id"], "test", "Nobody there.")
    assert program.post(f"{address}/deliveries/{sent['id']}/again").json()["status"] == "waiting"
    Delivery.objects.update(status="sending")
    is_problem(program.post(f"{address}/deliveries/{sent['id']}/again"), 409)


def test_the_log_comes_in_pages(program: Program, webhook: Webhook) -> None:
    keys = [webhooks.test(webhook).pk for _ in range(3)]
    first = program.get(f"{LIST}/{webhook.pk}/deliveries?limit=2").json()
    rest = program.get(f"{LIST}/{webhook.pk}/deliveries?limit=2&cursor={first['next']}").json()
    assert [one["id"] for one in first["items"] + rest["items"]] == keys
    assert rest["next"] is None


def test_another_secret_is_drawn_and_told(program: Program, webhook: Webhook) -> None:
    told = program.post(f"{LIST}/{webhook.pk}/secret").json()
    before = webhook.secret
    webhook.refresh_from_db()
    assert told["secret"] == webhook.secret != before


def test_one_is_deleted(program: Program, webhook: Webhook) -> None:
    assert program.ask("DELETE", f"{LIST}/{webhook.pk}").status_code == 204
    assert not Webhook.objects.exists()
