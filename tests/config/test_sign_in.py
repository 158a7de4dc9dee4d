import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.timezone import now

from config.models import SignInLink


def signed_in_user(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_it_signs_in_once(client: Client, user: User) -> None:
    token = SignInLink.objects.issue(user)
    assert client.get(f"/sign-in/{token}").status_code == 302
    assert signed_in_user(client) == str(user.pk)


def test_it_says_that_a_link_was_used_and_how_to_get_another(client: Client, user: User) -> None:
    token = SignInLink.objects.issue(user)
    Client().get(f"/sign-in/{token}")
    response = client.get(f"/sign-in/{token}")
    assert response.status_code == 403
    assert "was used already" in response.content.decode()
    assert "manage.py sign_in_link" in response.content.decode()
    assert signed_in_user(client) is None


def test_a_used_link_still_opens_tagdesk_for_the_one_it_signed_in(client: Client, user: User) -> None:
    token = SignInLink.objects.issue(user)
    client.get(f"/sign-in/{token}")
    assert client.get(f"/sign-in/{token}").status_code == 302


def test_a_link_that_is_too_old_is_refused(client: Client, user: User) -> None:
    token = SignInLink.objects.issue(user)
    SignInLink.objects.update(expires_at=now() - timedelta(seconds=1))
    response = client.get(f"/sign-in/{token}")
    assert response.status_code == 403
    assert "older than 24 hours" in response.content.decode()


def test_an_unknown_link_is_refused(client: Client, db: None) -> None:
    assert client.get("/sign-in/guess").status_code == 403


def test_a_link_of_somebody_who_was_shut_out_is_refused(client: Client, user: User) -> None:
    token = SignInLink.objects.issue(user)
    User.objects.update(is_active=False)
    assert client.get(f"/sign-in/{token}").status_code == 403


def test_a_browser_that_prefetches_does_not_use_the_link_up(client: Client, user: User) -> None:
    token = SignInLink.objects.issue(user)
    guess = client.get(f"/sign-in/{token}", headers={"Sec-Purpose": "prefetch;prerender"})
    assert guess.status_code == 204
    assert "no-store" in guess["Cache-Control"]
    assert client.get(f"/sign-in/{token}").status_code == 302


@pytest.mark.parametrize("guess", [{}, {"Sec-Purpose": "prefetch"}])
def test_the_log_holds_no_token(
    client: Client, user: User, caplog: pytest.LogCaptureFixture, guess: dict[str, str]
) -> None:
    token = SignInLink.objects.issue(user)
    SignInLink.objects.filter(user=user).update(expires_at=now() - timedelta(seconds=1))
    client.get(f"/sign-in/{token}", headers=guess)
    client.get("/sign-in/nobodys-token")
    assert token not in caplog.text
    assert "Forbidden: /sign-in/***" in caplog.text
    assert "nobodys-token" not in caplog.text


@pytest.mark.parametrize("name", ["django.server", "gunicorn.access"])
def test_an_access_log_that_somebody_turns_on_holds_no_token(caplog: pytest.LogCaptureFixture, name: str) -> None:
    caplog.set_level("INFO", logger=name)
    logging.getLogger(name).addHandler(caplog.handler)  # django.server tells no logger above it
    try:
        logging.getLogger(name).info(
            '%(h)s "%(r)s" %(s)s', {"h": "::1", "r": "GET /sign-in/secret HTTP/1.1", "s": "302"}
        )
    finally:
        logging.getLogger(name).removeHandler(caplog.handler)
    assert '::1 "GET /sign-in/*** HTTP/1.1" 302' in caplog.text
    assert "secret" not in caplog.text


def test_the_database_holds_no_token(user: User) -> None:
    token = SignInLink.objects.issue(user)
    assert token not in str(list(SignInLink.objects.values()))


def test_signing_out_takes_a_post(signed_in: Client) -> None:
    assert signed_in.get("/sign-out/").status_code == 405
    signed_in.post("/sign-out/")
    assert signed_in_user(signed_in) is None


def test_the_sign_in_page_says_where_the_link_is(client: Client, db: None) -> None:
    assert "make run" in client.get("/sign-in/").content.decode()


def test_the_command_prints_a_link_that_works(client: Client, user: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sign_in_link", "ada", base="http://testserver/")
    link = capsys.readouterr().out.strip()
    assert link.startswith("http://testserver/sign-in/")
    client.get(link.removeprefix("http://testserver"))
    assert signed_in_user(client) == str(user.pk)


def test_the_command_says_that_there_is_no_such_user(db: None) -> None:
    with pytest.raises(CommandError, match="no user 'bob'"):
        call_command("sign_in_link", "bob")


def test_the_command_says_that_there_is_no_user_yet(db: None) -> None:
    with pytest.raises(CommandError, match="make run"):
        call_command("sign_in_link")
