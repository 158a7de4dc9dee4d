import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from config.urls import urlpatterns as real_urls


def break_down(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("words of an article")


urlpatterns = [*real_urls, path("break-down", break_down)]


def test_a_page_that_is_not_there_says_so_in_words(signed_in: Client) -> None:
    response = signed_in.get("/no/such/page")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_a_page_that_breaks_says_where_to_look_and_nothing_more(signed_in: Client) -> None:
    signed_in.raise_request_exception = False
    response = signed_in.get("/break-down")
    assert response.status_code == 500
    assert "Something broke" in response.content.decode()
    assert "words of an article" not in response.content.decode()


def test_a_form_without_its_token_says_what_to_do(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    response = client.post("/sign-out/")
    assert response.status_code == 403
    assert "reload it and send it again" in response.content.decode()


def test_the_policy_allows_nothing_but_this_site(client: Client, db: None) -> None:
    policy = client.get("/sign-in/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_pages_hold_no_inline_script_or_style(client: Client, db: None) -> None:
    page = client.get("/sign-in/").content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:8000", "[::1]:8000"])
def test_it_answers_to_the_names_of_this_machine(client: Client, db: None, host: str) -> None:
    assert client.get("/sign-in/", headers={"Host": host}).status_code == 200


@override_settings(ALLOWED_HOSTS=["localhost"])
def test_it_does_not_answer_to_a_stranger(client: Client, db: None) -> None:
    assert client.get("/sign-in/", headers={"Host": "tagdesk.example"}).status_code == 400
