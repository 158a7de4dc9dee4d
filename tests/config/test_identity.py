"""A session is good for as long as its row and its person are; then the next page is the sign-in."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.timezone import now


def expire(user: User) -> None:
    Session.objects.update(expire_date=now() - timedelta(seconds=1))


def delete_session(user: User) -> None:
    Session.objects.all().delete()


def shut_out(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    user.set_password("another, and long enough")
    user.save()


def delete_person(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


@pytest.fixture
def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    assert client.get("/").status_code == 200
    return client


@pytest.mark.parametrize("ends", [expire, delete_session, shut_out, change_password, delete_person])
def test_a_session_ends(signed_in: Client, user: User, ends: Callable[[User], None]) -> None:
    ends(user)
    response = signed_in.get("/")
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


def test_a_session_of_nobody_is_no_error(client: Client, db: None) -> None:
    for key in ("", "short", "x" * 32, "' OR 1=1 --"):
        client.cookies["tagdesk_session"] = key
        assert client.get("/").status_code == 302
