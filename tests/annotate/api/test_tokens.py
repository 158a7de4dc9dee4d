from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.models import AccessToken, Membership
from tests.asking import Program, is_problem
from tests.make import join, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = make_user("ada")
    client.force_login(user)
    return user


def make(client, **fields):
    return client.post(reverse("access_tokens"), {"name": "Nightly", "scope": "read", **fields})


def test_a_token_is_shown_once_and_stored_as_its_hash_alone(client, ada):
    response = make(client)
    token = response.content.decode().partition('<code class="token">')[2].partition("<")[0]
    assert token.startswith("tagdesk_")
    assert "no-store" in response.headers["Cache-Control"]
    row = AccessToken.objects.get()
    assert token not in {str(value) for value in vars(row).values()}
    assert AccessToken.objects.find(token) == row
    assert token not in client.get(reverse("access_tokens")).content.decode()


def test_the_page_lists_my_own_with_what_they_may(client, ada):
    project = make_project("Mine", manager=ada)
    make(client, scope="write", project=project.pk, days="7")
    AccessToken.objects.issue(make_user(), name="Foreign")
    page = client.get(reverse("access_tokens")).content.decode()
    row = AccessToken.objects.get(user=ada)
    assert (row.project, row.scope) == (project, "write")
    assert row.expires_at is not None
    assert timedelta(days=6) < row.expires_at - timezone.now() < timedelta(days=7)
    assert row.shown in page
    assert "Foreign" not in page


def test_no_token_is_made_for_a_foreign_project(client, ada):
    assert "Select a valid choice" in make(client, project=make_project("Foreign").pk).content.decode()
    assert not AccessToken.objects.exists()


def test_a_revoked_token_is_refused_and_only_its_owner_revokes_it(client, ada):
    mine, foreign = Program(ada), Program(make_user())
    assert client.post(reverse("access_token_revoke", args=[foreign.row.pk])).status_code == 404
    client.post(reverse("access_token_revoke", args=[mine.row.pk]))
    is_problem(mine.get("/projects"), 401)
    assert foreign.get("/projects").status_code == 200
    assert mine.row.shown not in client.get(reverse("access_tokens")).content.decode()


def test_a_token_that_has_expired_or_whose_person_has_left_is_refused(ada):
    old = Program(ada, expires_at=timezone.now() - timedelta(seconds=1))
    assert "expired" in is_problem(old.get("/projects"), 401)["detail"]
    gone = Program(make_user(is_active=False))
    is_problem(gone.get("/projects"), 401)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer tagdesk_", f"Bearer tagdesk_{'é' * 43}", "Basic {token}"])
def test_what_is_no_token_is_refused_and_told_how_to_make_one(ada, header):
    program = Program(ada)
    answer = program.get("/projects", Authorization=header.format(token=program.token))
    assert "Access tokens" in is_problem(answer, 401)["detail"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_with_one_letter_changed_is_another(ada):
    program = Program(ada)
    program.token = program.token[:-1] + ("A" if program.token[-1] != "A" else "B")
    is_problem(program.get("/projects"), 401)


def test_a_session_is_no_way_in(client, ada):
    is_problem(client.get("/api/v1/projects"), 401)
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(ada)
    is_problem(forged.post("/api/v1/projects", "{}", content_type="application/json"), 401)


def test_a_narrow_scope_binds_a_manager(ada):
    project = make_project(manager=ada)
    told = is_problem(Program(ada, "read").patch(f"/projects/{project.slug}", {"name": "Other"}), 403)
    assert told["detail"] == "This needs a token of scope “manage”; this one's is “read”."
    assert Program(ada, "manage").patch(f"/projects/{project.slug}", {"name": "Other"}).status_code == 200


def test_a_wide_scope_gives_no_more_than_the_role_which_is_looked_up_at_each_request(ada):
    project = make_project()
    join(project, ada, "viewer")
    program = Program(ada, "manage")
    told = is_problem(program.patch(f"/projects/{project.slug}", {"name": "Other"}), 403)
    assert "needs the role manager" in told["detail"]
    Membership.objects.update(role="manager")
    assert program.patch(f"/projects/{project.slug}", {"name": "Other"}).status_code == 200
    Membership.objects.all().delete()
    is_problem(program.get(f"/projects/{project.slug}"), 404)


def test_a_token_for_one_project_sees_no_other(ada):
    one, other = make_project("One", manager=ada), make_project("Other", manager=ada)
    program = Program(ada, project=one)
    assert [item["slug"] for item in program.get("/projects").json()["items"]] == ["one"]
    is_problem(program.get(f"/projects/{other.slug}"), 404)
    is_problem(program.post("/projects", {"name": "Third", "labels": ["PER"]}), 403)


def test_when_it_was_last_used_is_written_once_a_minute_at_most(ada, django_assert_num_queries):
    program = Program(ada)
    program.get("/projects")
    first = AccessToken.objects.get().last_used_at
    assert first is not None
    program.get("/projects")
    assert AccessToken.objects.get().last_used_at == first
    AccessToken.objects.update(last_used_at=first - timedelta(minutes=2))
    program.get("/projects")
    assert AccessToken.objects.filter(last_used_at__gt=first).exists()
