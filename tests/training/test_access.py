from typing import Any

import pytest
from django.test import Client

from annotate.models import Project
from tests.make import join, make_document, make_user
from tests.training.runs import PROGRESS, make_mistake, make_run, make_version, running
from tests.training.test_views import CALIBRATED
from training.models import Run

pytestmark = pytest.mark.usefixtures("bell")
HTMX = {"HX-Request": "true"}


def panel_of(project: Project) -> str:
    return f"/projects/{project.slug}/training"


def as_role(client: Client, project: Project, role: str) -> Client:
    client.force_login(join(project, make_user(), role))
    return client


def addresses(project: Project) -> dict[str, tuple[str, str]]:
    run, version = make_run(project, "queued"), make_version(project)
    calibrated = make_run(project, scores={"calibration": CALIBRATED})
    wrong = make_mistake(version.run, make_document("Ada.", project))
    return {
        "run_mistakes": ("get", f"/runs/{run.pk}/mistakes"),
        "mistake": ("get", f"/mistakes/{wrong.pk}"),
        "run_loss": ("get", f"/runs/{run.pk}/loss.svg"),
        "run_reliability": ("get", f"/runs/{calibrated.pk}/reliability.svg"),
        "models_f1": ("get", f"/projects/{project.slug}/models/f1.svg"),
        "training_panel": ("get", panel_of(project)),
        "run_start": ("post", f"/projects/{project.slug}/retrain"),
        "run": ("get", f"/runs/{run.pk}/"),
        "run_stop": ("post", f"/runs/{run.pk}/stop"),
        "models": ("get", f"/projects/{project.slug}/models"),
        "version_promote": ("post", f"/versions/{version.pk}/promote"),
        "version_path": ("post", f"/versions/{version.pk}/path"),
        "versions_compare": ("get", f"/projects/{project.slug}/models/compare"),
        "curve": ("get", f"/projects/{project.slug}/curve"),
        "curve_draw": ("post", f"/projects/{project.slug}/curve/draw"),
        "version_download": ("get", f"/versions/{version.pk}/download"),
        "version_delete": ("post", f"/versions/{version.pk}/delete"),
        "version_onnx": ("post", f"/versions/{version.pk}/onnx"),
        "version_onnx_download": ("get", f"/versions/{version.pk}/onnx/download"),
    }


PLOTS = {"run_loss", "run_reliability", "models_f1"}
PAGES = {
    "training_panel",
    "run",
    "models",
    "versions_compare",
    "curve",
    "run_mistakes",
    "mistake",
    *PLOTS,
}  # a viewer, too
AT_WORK = PAGES | {"run_start", "run_stop", "version_download", "curve_draw", "version_onnx", "version_onnx_download"}
NAMES = (*sorted(AT_WORK), "version_promote", "version_path", "version_delete")


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_project_does_not_exist(project: Project, client: Client, name: str) -> None:
    method, address = addresses(project)[name]
    client.force_login(make_user())
    assert getattr(client, method)(address).status_code == 404
    assert Run.objects.filter(status="queued").count() == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_is_sent_to_sign_in(project: Project, client: Client, name: str) -> None:
    method, address = addresses(project)[name]
    response = client.generic(method.upper(), address)
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("name", sorted({*NAMES} - {"version_delete", "version_onnx"}))  # these ask before they do
def test_the_wrong_method_is_refused(project: Project, signed_in: Client, name: str) -> None:
    method, address = addresses(project)[name]
    assert signed_in.generic("GET" if method == "post" else "POST", address).status_code == 405


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", PAGES),
        ("annotator", AT_WORK),
        ("manager", set(NAMES)),
    ],
)
def test_roles_may_look_retrain_and_promote(project: Project, client: Client, role: str, allowed: set[str]) -> None:
    as_role(client, project, role)
    for name, (method, address) in addresses(project).items():
        status = getattr(client, method)(address).status_code
        assert (name, status == 403) == (name, name not in allowed)


def test_a_viewer_sees_nothing_to_send(project: Project, client: Client) -> None:
    as_role(client, project, "viewer")
    make_version(project)
    run = running(project, progress=PROGRESS)
    for address in (panel_of(project), f"/runs/{run.pk}/", f"/projects/{project.slug}/models"):
        html = client.get(address).content.decode().partition("<main")[2] or client.get(address).content.decode()
        assert 'method="post"' not in html


def test_the_pages_ask_the_database_a_fixed_number_of_times(
    project: Project, signed_in: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        make_version(project, current=True)
    run = running(project, progress=PROGRESS)
    with django_assert_max_num_queries(15):
        signed_in.get(panel_of(project))
    with django_assert_max_num_queries(11):
        signed_in.get(f"/runs/{run.pk}/", headers=HTMX)
    with django_assert_max_num_queries(11):
        signed_in.get(f"/projects/{project.slug}/models")
