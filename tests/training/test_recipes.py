"""Choosing how a model is trained: recipe, estimated time, Advanced."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Project
from tests.training.fake_queue import FakeQueue
from tests.training.runs import make_version
from training import speeds
from training.engine.recipe import RECIPES, Settings, work
from training.engine.shelf import DEFAULT
from training.models import Run, Speed

pytestmark = pytest.mark.usefixtures("bell")
HTMX = {"HX-Request": "true"}


def retrain(client: Client, project: Project, **given: object) -> str:
    return client.post(f"/projects/{project.slug}/retrain", given, headers=HTMX).content.decode()


def panel(project: Project) -> str:
    return f"/projects/{project.slug}/training"


def measured(words_per_second: float) -> None:
    Speed.objects.create(
        encoder=DEFAULT, device="cpu, 2 threads", words_per_second=words_per_second, measured_at=timezone.now()
    )


def test_each_recipe_says_how_long_it_takes_here(
    project: Project, page: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speeds, "words_to_learn", lambda project: 30_000)
    assert "How long each takes is known when this encoder has been trained here once." in page(panel(project))
    measured(500)
    html = page(panel(project))
    for name, recipe in RECIPES.items():
        settings = Settings.for_data(30_000, name)
        minutes = round(work(30_000, settings) / 500 / 60)
        assert f"<strong>{recipe.title}</strong>, about {minutes} min" in html
    assert "is known when" not in html


def test_a_recipe_and_levers_go_with_the_run(project: Project, signed_in: Client, bell: FakeQueue) -> None:
    retrain(signed_in, project, recipe="quick", epochs="4", learning_rate="5e-5", all_subwords="all", start="encoder")
    run = Run.objects.get()
    assert run.settings == {"recipe": "quick", "epochs": 4, "learning_rate": 5e-5, "all_subwords": True}
    assert bell.rung == [("train", "training.jobs.train", run.pk)]


def test_what_is_frozen_by_the_end_cannot_be_less_than_at_the_start(project: Project, signed_in: Client) -> None:
    html = retrain(signed_in, project, frozen_share="0.5", frozen_at_last="0.3")
    assert "What is frozen from the start stays frozen: this cannot be less." in html
    assert not Run.objects.exists()
    retrain(signed_in, project, frozen_share="0.3", frozen_at_last="0.5")
    assert Run.objects.get().settings == {"recipe": "standard", "frozen_share": 0.3, "frozen_at_last": 0.5}


def test_without_a_choice_it_is_standard(project: Project, signed_in: Client) -> None:
    retrain(signed_in, project)
    assert Run.objects.get().settings == {"recipe": "standard"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epochs", "0", "greater than or equal to 1"),
        ("epochs", "many", "Enter a whole number"),
        ("learning_rate", "3", "less than or equal to 0.1"),
        ("learning_rate", "nan", "Enter a number"),
        ("recipe", "magic", "not one of the available choices"),
        ("seed", "-1", "greater than or equal to 0"),
    ],
)
def test_a_lever_out_of_reach_starts_nothing_and_says_which(
    project: Project, signed_in: Client, name: str, value: str, said: str
) -> None:
    html = retrain(signed_in, project, **{name: value, "weight_decay": "0.05"})
    assert "Nothing was started: " in html
    assert said in html
    assert 'class="advanced" open' in html
    assert 'value="0.05"' in html  # what else was typed is still there
    assert not Run.objects.exists()


def test_one_can_go_on_from_the_current_model_where_there_is_one(project: Project, signed_in: Client) -> None:
    html = retrain(signed_in, project, start="current")
    assert "Nothing was started" in html
    make_version(project).promote()
    retrain(signed_in, project, start="current")
    assert Run.objects.first().settings == {"recipe": "standard", "warm_start": True}


def test_the_speed_of_a_training_is_kept_by_encoder_and_device_as_if_nothing_were_frozen(db: None) -> None:
    half = Settings(epochs=5, frozen_share=0.5)
    speeds.note(half, "a", 10_000, 50.0)
    speeds.note(half, "b", 10_000, 10.0)
    speeds.note(half, "a", 10_000, 25.0)
    speeds.note(half, "a", 10, 1.0)  # too short to tell
    by_device = dict(Speed.objects.values_list("device", "words_per_second"))
    assert by_device == {"a": work(10_000, half) / 25, "b": work(10_000, half) / 10}
