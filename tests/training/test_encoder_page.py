import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from huggingface_hub import constants

from annotate.models import Document, Prediction, Project
from tests.make import join, make_document, make_project, make_user
from tests.training.fake_queue import FakeQueue
from tests.training.runs import ask, make_run, make_version
from training import encoders, jobs, predictions, speeds
from training.engine.recipe import Settings
from training.engine.shelf import DEFAULT
from training.models import Run, Version

pytestmark = pytest.mark.usefixtures("bell", "empty_cache")
at_work = pytest.mark.django_db(transaction=True)  # the heartbeat's thread must see the row
HTMX = {"HX-Request": "true"}
FACTS = {"family": "bert", "layers": 2, "size": 1, "lower_case": False, "licence": "", "languages": [], "tags": []}


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture(scope="session")
def ready(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that tags PERSON and GPE, by chance alone: it has learnt nothing."""
    from transformers import AutoModelForTokenClassification

    folder = tmp_path_factory.mktemp("ready") / "ner"
    tags = ["O", "B-PERSON", "I-PERSON", "B-GPE", "I-GPE"]
    names: dict[str, Any] = {"id2label": dict(enumerate(tags)), "label2id": {tag: i for i, tag in enumerate(tags)}}
    AutoModelForTokenClassification.from_pretrained(encoder, **names).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(encoder / name, folder / name)
    return folder


def address(project: Project, what: str = "") -> str:
    return f"/projects/{project.slug}/encoder{what}"


def check(client: Client, project: Project, name: object) -> Run:
    """Ask for a check on the page, and do it as the worker would."""
    client.post(address(project, "/check"), {"encoder": str(name)})
    run = project.runs.filter(kind="check").get(status="queued")
    jobs.check_encoder(run.pk)
    run.refresh_from_db()
    return run


def take(client: Client, project: Project, name: object, **fields: str) -> Run:
    given = {"encoder": str(name), "label-0": "PER", "label-1": "LOC", **fields}
    client.post(address(project, "/ready"), given)
    run = project.runs.get(kind="ready", status="queued")
    jobs.take_over(run.pk)
    run.refresh_from_db()
    return run


def test_the_page_tells_the_encoder_and_lists_what_is_here(project: Project, page: Callable[..., str]) -> None:
    html = page(address(project))
    assert f'start from <strong class="name">{DEFAULT}</strong>' in html
    for words in ("BERT, 6 layers, without capitals", "apache-2.0", "86.7 MB", "In use", "comes with Tagdesk"):
        assert words in html


def test_the_models_page_leads_to_it(project: Project, page: Callable[..., str]) -> None:
    assert f'href="{address(project)}"' in page(f"/projects/{project.slug}/models")


@at_work
def test_a_folder_is_checked_chosen_and_then_trained_from(
    project: Project, signed_in: Client, encoder: Path, page: Callable[..., str]
) -> None:
    run = check(signed_in, project, encoder)
    assert (run.status, run.scores["window"], run.scores["facts"]["family"]) == ("succeeded", 64, "bert")
    html = page(address(project))
    assert f'<span class="name">{encoder}</span> can be used' in html
    assert encoders.encoder_of(project) == DEFAULT
    told = signed_in.post(address(project, "/use"), {"encoder": str(encoder)}, follow=True).content.decode()
    assert f"The next training starts from {encoder}." in told
    assert encoders.encoder_of(project) == str(encoder)
    signed_in.post(f"/projects/{project.slug}/retrain")
    assert project.runs.get(kind="train").settings == {"encoder": str(encoder), "recipe": "standard"}
    signed_in.post(address(project, "/use"), {"encoder": DEFAULT})
    assert encoders.encoder_of(project) == DEFAULT


def test_another_encoder_of_a_single_run_goes_before_the_projects(project: Project, encoder: Path) -> None:
    project_has(project, "/chosen")
    assert ask(project, encoder).settings["encoder"] == str(encoder)


def project_has(project: Project, name: str, **facts: Any) -> None:
    make_run(project, kind="check", settings={"encoder": name}, scores={"facts": {**FACTS, **facts}, "window": 64})
    encoders.choose(project, name)


def test_nothing_is_chosen_that_was_not_checked_here(project: Project, signed_in: Client, encoder: Path) -> None:
    make_run(make_project("Other"), kind="check", settings={"encoder": str(encoder)}, scores={"facts": {}})
    make_run(project, "failed", kind="check", settings={"encoder": str(encoder)})
    told = signed_in.post(address(project, "/use"), {"encoder": str(encoder)}, follow=True).content.decode()
    assert "has to be checked before it is chosen" in told
    assert encoders.encoder_of(project) == DEFAULT


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "This field is required"),
        ("~/bert", "begins with ~"),
        ("./bert", "part of a path only"),
        ("/nowhere/bert", "/nowhere/bert is not there"),
        ("ada bert", "neither a Hugging Face id"),
    ],
)
def test_what_can_be_told_at_once_is_told_at_once(
    project: Project, signed_in: Client, bell: FakeQueue, typed: str, message: str
) -> None:
    response = signed_in.post(address(project, "/check"), {"encoder": typed})
    assert (response.status_code, message in response.content.decode()) == (200, True)
    assert (bell.rung, project.runs.count()) == ([], 0)


@at_work
def test_a_check_that_fails_says_why_and_changes_nothing(
    project: Project, signed_in: Client, encoder: Path, tmp_path: Path, page: Callable[..., str]
) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "bert"))
    (folder / "model.safetensors").write_bytes(b"")
    run = check(signed_in, project, folder)
    assert run.status == "failed"
    assert "cannot be loaded" in page(address(project))
    assert "Train from it" not in page(address(project))


@at_work
def test_the_check_is_polled_while_it_waits_and_the_last_answer_is_the_whole(
    project: Project, signed_in: Client, encoder: Path, bell: FakeQueue
) -> None:
    signed_in.post(address(project, "/check"), {"encoder": str(encoder)})
    run = project.runs.get(kind="check")
    assert bell.rung == [("io", "training.jobs.check_encoder", run.pk)]
    waiting = signed_in.get(address(project), headers=HTMX)
    assert 'hx-trigger="every 1s"' in waiting.content.decode()
    assert "<form" not in waiting.content.decode()
    jobs.check_encoder(run.pk)
    last = signed_in.get(address(project), headers=HTMX)
    assert "hx-trigger" not in last.content.decode()
    assert "Train from it" in last.content.decode()
    assert last["HX-Retarget"] == "#outcome"


def test_it_says_that_no_worker_takes_the_check(
    project: Project, signed_in: Client, encoder: Path, bell: FakeQueue, page: Callable[..., str]
) -> None:
    bell.workers = 0
    signed_in.post(address(project, "/check"), {"encoder": str(encoder)})
    assert "python manage.py worker io" in page(address(project))
    bell.is_down = True
    assert "The job queue does not answer" in page(address(project))


def test_a_second_check_ends_the_one_before_and_stop_ends_it_too(
    project: Project, signed_in: Client, encoder: Path
) -> None:
    signed_in.post(address(project, "/check"), {"encoder": "ada/bert"})
    signed_in.post(address(project, "/check"), {"encoder": str(encoder)})
    assert [run.status for run in project.runs.filter(kind="check")] == ["queued", "stopped"]
    signed_in.post(address(project, "/stop"))
    assert [run.status for run in project.runs.filter(kind="check")] == ["stopped", "stopped"]


@at_work
def test_a_check_that_was_cut_off_says_what_to_do(project: Project) -> None:
    run = Run.objects.check_encoder(project, None, "ada/bert")
    Run.objects.claim(run.pk)
    jobs.job_died(run.job_id, "It was killed.")
    run.refresh_from_db()
    assert run.reason == "The check of the encoder was cut off. It was killed. Nothing it did was kept; check it again."


def test_checks_are_no_trainings_on_the_models_page(project: Project, page: Callable[..., str]) -> None:
    run = make_run(project, "failed", kind="check", settings={"encoder": "ada/bert"})
    assert f"/runs/{run.pk}/" not in page(f"/projects/{project.slug}/models")


def test_the_address_of_a_check_leads_to_the_page_that_shows_it(project: Project, signed_in: Client) -> None:
    run = make_run(project, "failed", kind="check", settings={"encoder": "ada/bert"})
    assert signed_in.get(f"/runs/{run.pk}/")["Location"] == address(project)


def test_folders_that_others_checked_are_listed_where_one_sees_their_project(
    project: Project, signed_in: Client, encoder: Path, page: Callable[..., str]
) -> None:
    other = make_project("Other")
    make_run(other, kind="check", settings={"encoder": str(encoder)})
    assert str(encoder) not in page(address(project))
    join(other, project.memberships.get().user, "viewer")
    html = page(address(project))
    assert str(encoder) in html
    assert f'action="{address(project, "/check")}"' in html.partition("On this machine")[2]


def test_speed_is_that_of_the_latest_training_on_each_device(project: Project, page: Callable[..., str]) -> None:
    for words, device in ((900, "cpu, 2 threads"), (1200, "cpu, 2 threads"), (9000, "H200")):
        speeds.note(Settings(epochs=1, frozen_share=0.0, encoder=DEFAULT), device, words * 60, 60)
    assert speeds.by_encoder() == {DEFAULT: [("H200", 9000), ("cpu, 2 threads", 1200)]}
    html = page(address(project))
    assert "1,200" in html
    assert "900<" not in html.replace("9,000", "")


def test_a_chosen_folder_that_is_gone_is_told_and_retrain_waits(
    project: Project, signed_in: Client, page: Callable[..., str]
) -> None:
    project_has(project, "/gone/bert")
    assert "/gone/bert is not there" in page(address(project))
    assert "/gone/bert is not there" in page(f"/projects/{project.slug}/training")
    signed_in.post(f"/projects/{project.slug}/retrain")
    assert not project.runs.filter(kind="train").exists()


GERMAN = (
    "Der Bürgermeister sagte am Dienstag, dass der Rat über den neuen Haushalt abstimmen wird, der durch einen Streit"
    " mit den Gewerkschaften verzögert wurde. Es ist nicht klar, wann sie sich treffen, und das ist auch schlecht für"
    " die Stadt, die auf das Geld wartet und es nicht mit den Nachbarn teilen will."
)


def test_articles_in_another_language_are_told_beside_retrain_and_on_the_page(
    project: Project, page: Callable[..., str]
) -> None:
    panel = f"/projects/{project.slug}/training"
    assert "seem to be in" not in page(panel)
    Document.objects.filter(project=project).delete()
    make_document(GERMAN, project, finished=True)
    for html in (page(panel), page(address(project))):
        assert "These articles seem to be in German. The default encoder reads English" in html
        assert encoders.MULTILINGUAL in html
    project_has(project, "/chosen", languages=["multilingual", "de"])
    assert "seem to be in" not in page(panel)
    project_has(project, "/other", languages=["fr"])
    assert "The encoder reads others" in page(panel)
    project_has(project, "/unknown", languages=[])
    assert "seem to be in" not in page(panel)


def test_what_the_articles_say_of_their_language_goes_before_a_look(project: Project) -> None:
    Document.objects.filter(project=project).update(language="de-AT")
    told = encoders.misfit(encoders.chosen(project), encoders.language_of(project))
    assert told.startswith("These articles seem to be in German.")


def test_english_articles_get_one_quiet_line_on_capitals(project: Project, page: Callable[..., str]) -> None:
    assert page(address(project)).count(encoders.CASED_ENGLISH) == 2  # the line, and what may be typed
    project_has(project, "/cased", lower_case=False)
    assert page(address(project)).count(encoders.CASED_ENGLISH) == 1


@at_work
def test_a_ready_model_shows_its_labels_mapped_by_name(
    project: Project, signed_in: Client, ready: Path, page: Callable[..., str]
) -> None:
    check(signed_in, project, ready)
    html = page(address(project))
    assert "It tags already" in html
    assert '<option value="PER" selected>PER</option>' in html
    assert '<option value="LOC" selected>LOC</option>' in html
    assert '<option value="ORG" selected>' not in html


@at_work
def test_a_ready_model_becomes_a_version_that_suggests_at_once(
    project: Project, signed_in: Client, ready: Path, page: Callable[..., str], bell: FakeQueue
) -> None:
    waiting = make_document("Ada met Bob in Oslo .", project)
    check(signed_in, project, ready)
    run = take(signed_in, project, ready)
    assert run.status == "succeeded", run.error
    version = Version.objects.get(run=run)
    assert (version.number, version.labels, version.taken_from) == (1, ["PER", "LOC"], str(ready))
    assert version.is_current
    assert version.source.labels == ["PER", "LOC"]
    assert bell.rung[-1][:3] == ("predict", "training.jobs.predict_next", version.source_id)
    predictions.fill(version, "next")
    said = Prediction.objects.get(document=waiting, source=version.source_id)
    assert {label for _, _, label, _ in said.spans} <= {"PER", "LOC"}
    assert "ready model</small>" in page(f"/projects/{project.slug}/models")
    card = (settings.TAGDESK_DATA / version.folder / "README.md").read_text()
    assert "The ready model ner, licence not known, as it came: nothing was learnt with Tagdesk." in card
    assert "(PERSON for PER, GPE for LOC)" in card
    html = page(f"/runs/{run.pk}/")
    for words in ("Version 1", f'The ready model <span class="name">{ready}</span>', "PERSON for PER, GPE for LOC"):
        assert words in html
    assert f'the ready model <span class="name">{ready}</span>, taken over' in page(
        f"/projects/{project.slug}/training"
    )


@at_work
def test_it_is_scored_on_the_held_out_articles(project: Project, signed_in: Client, ready: Path) -> None:
    check(signed_in, project, ready)
    run = take(signed_in, project, ready)
    assert run.scores["candidate"]["support"] == 1
    assert run.scores["articles"] == {"training": 0, "validation": 1, "blind": 1, "unknown": 0}


@at_work
def test_without_held_out_articles_it_does_not_take_the_place_of_a_trained_model(
    project: Project, signed_in: Client, ready: Path
) -> None:
    Document.objects.filter(project=project, split="validation").delete()
    trained = make_version(project, current=True)
    check(signed_in, project, ready)
    run = take(signed_in, project, ready)
    project.refresh_from_db()
    assert project.current_source == trained.source
    assert run.scores["decision"]["reason"].startswith("Kept aside: no held-out article is finished")
    version = Version.objects.get(run=run)
    signed_in.post(f"/versions/{version.pk}/promote")
    project.refresh_from_db()
    assert project.current_source == version.source


@at_work
def test_labels_that_are_left_out_are_not_known_to_the_version(
    project: Project, signed_in: Client, ready: Path
) -> None:
    check(signed_in, project, ready)
    run = take(signed_in, project, ready, **{"label-1": ""})
    assert run.settings["labels"] == {"PERSON": "PER"}
    assert Version.objects.get(run=run).labels == ["PER"]


@at_work
def test_leaving_out_every_label_is_refused(project: Project, signed_in: Client, ready: Path) -> None:
    check(signed_in, project, ready)
    given = {"encoder": str(ready), "label-0": "", "label-1": ""}
    html = signed_in.post(address(project, "/ready"), given).content.decode()
    assert "Every label is left out" in html
    given["label-0"] = "NOTHING"
    assert "is not one of the available choices" in signed_in.post(address(project, "/ready"), given).content.decode()
    assert not project.runs.filter(kind="ready").exists()


@at_work
def test_an_encoder_that_tags_nothing_is_no_ready_model(project: Project, signed_in: Client, encoder: Path) -> None:
    check(signed_in, project, encoder)
    told = signed_in.post(address(project, "/ready"), {"encoder": str(encoder), "label-0": "PER"}, follow=True)
    assert "does not tag" in told.content.decode()
    assert not project.runs.filter(kind="ready").exists()


@at_work
def test_a_second_click_takes_nothing_over_twice(
    project: Project, signed_in: Client, ready: Path, bell: FakeQueue
) -> None:
    check(signed_in, project, ready)
    given = {"encoder": str(ready), "label-0": "PER"}
    signed_in.post(address(project, "/ready"), given)
    told = signed_in.post(address(project, "/ready"), given, follow=True).content.decode()
    assert "being taken over already" in told
    assert project.runs.filter(kind="ready").count() == 1
    assert [args[1] for args in bell.rung].count("training.jobs.take_over") == 1


@at_work
def test_taking_over_leaves_a_training_at_work_its_folder(project: Project, signed_in: Client, ready: Path) -> None:
    run = ask(project)
    claimed = Run.objects.claim(run.pk)
    assert claimed is not None
    aside = settings.TAGDESK_DATA / "models" / str(project.pk) / f".partial-{claimed.claim}"
    aside.mkdir(parents=True)
    check(signed_in, project, ready)
    take(signed_in, project, ready)
    assert aside.is_dir()


@at_work
def test_a_label_deleted_meanwhile_ends_it_in_words(project: Project, signed_in: Client, ready: Path) -> None:
    check(signed_in, project, ready)
    run, _ = Run.objects.take_over(project, None, str(ready), {"PERSON": "GONE"})
    jobs.take_over(run.pk)
    run.refresh_from_db()
    assert run.reason.startswith("The project has none of the labels any more")


@pytest.mark.parametrize("role", ["viewer", "annotator"])
def test_only_managers_may_change_anything(project: Project, client: Client, role: str, ready: Path) -> None:
    client.force_login(join(project, make_user(), role))
    project_has(project, str(ready), tags=["O", "B-PER"])
    html = client.get(address(project)).content.decode().partition("<main")[2]
    assert html
    assert "<form" not in html
    for what in ("/check", "/use", "/stop", "/ready"):
        assert client.post(address(project, what), {"encoder": DEFAULT}).status_code == 403


@pytest.mark.parametrize("what", ["", "/check", "/use", "/stop", "/ready"])
def test_a_foreign_project_has_no_such_page(project: Project, client: Client, what: str) -> None:
    client.force_login(make_user())
    call = client.post if what else client.get
    assert call(address(project, what)).status_code == 404
    client.logout()
    assert call(address(project, what))["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("what", ["/check", "/use", "/stop", "/ready"])
def test_the_wrong_method_is_refused(project: Project, signed_in: Client, what: str) -> None:
    assert signed_in.get(address(project, what)).status_code == 405
    assert signed_in.post(address(project)).status_code == 405


def test_the_page_asks_the_database_a_fixed_number_of_times(
    project: Project, signed_in: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_run(project, kind="check", settings={"encoder": f"/gone/{number}"}, scores={"facts": FACTS, "window": 1})
    with django_assert_max_num_queries(20):
        signed_in.get(address(project))
