"""How fast this machine trains an encoder, and so how long a run will take."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Sum
from django.utils import timezone

from annotate.models import Project, Split
from training.engine.recipe import RECIPES, Settings, work
from training.models import Speed
from training.snapshot import finished_gold

TOO_FEW = 1_000  # words read in training: a shorter run says nothing of speed


class Offer(NamedTuple):
    """A recipe as one can choose it. `seconds` is None where nobody has measured this encoder here."""

    name: str
    title: str
    meaning: str
    settings: Settings
    seconds: float | None


def note(settings: dict[str, Any], device: str, words: int, seconds: float) -> None:
    """Remember a training's speed, as if no layer had been frozen."""
    done = work(words, settings["epochs"], settings["frozen_share"])
    if done < TOO_FEW or seconds <= 0:
        return
    Speed.objects.update_or_create(
        encoder=settings["encoder"],
        device=device,
        defaults={"words_per_second": done / seconds, "measured_at": timezone.now()},
    )


def by_encoder() -> dict[str, list[tuple[str, int]]]:
    """How many words a second trainings read here: {encoder: [(device, words), ...]}, the latest first."""
    found: dict[str, list[tuple[str, int]]] = {}
    for speed in Speed.objects.order_by("-measured_at"):
        found.setdefault(speed.encoder, []).append((speed.device, round(speed.words_per_second)))
    return found


def words_to_learn(project: Project) -> int:
    """The words of the finished articles that a training would read."""
    gold = finished_gold(project).filter(document__split=Split.TRAIN)
    return gold.order_by().aggregate(words=Sum("token_count"))["words"] or 0


def offers(encoder: str, words: int) -> list[Offer]:
    """The recipes, with what they would take on the device that trained this encoder last."""
    speed = Speed.objects.filter(encoder=encoder).order_by("-measured_at").first()
    return [_offer(name, encoder, words, speed) for name in RECIPES]


def _offer(name: str, encoder: str, words: int, speed: Speed | None) -> Offer:
    settings = Settings.for_data(words, name, encoder=encoder)
    done = work(words, settings.epochs, settings.frozen_share)
    recipe = RECIPES[name]
    return Offer(name, recipe.title, recipe.meaning, settings, done / speed.words_per_second if speed else None)
