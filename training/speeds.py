"""How fast this machine trains an encoder, and so how long a run will take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Sum
from django.utils import timezone

from annotate.models import Document, Project, Split
from training.engine.recipe import RECIPES, Settings, work
from training.models import Speed
from training.snapshot import finished_gold

if TYPE_CHECKING:
    from training.engine.articles import Article

TOO_FEW = 1_000  # words read in training: a shorter run says nothing of speed
ENOUGH = 8_000  # words to measure by: some ten seconds on two cores
MOST_MEASURED = 100  # articles that these are looked for in


class Offer(NamedTuple):
    """A recipe as one can choose it. `seconds` is None where nobody has measured this encoder here."""

    name: str
    title: str
    meaning: str
    settings: Settings
    seconds: float | None


def note(settings: Settings, device: str, words: int, seconds: float) -> None:
    """Remember a training's speed, as if no layer had been frozen."""
    done = work(words, settings)
    if done < TOO_FEW or seconds <= 0:
        return
    Speed.objects.update_or_create(
        encoder=settings.encoder,
        device=device,
        defaults={"words_per_second": done / seconds, "measured_at": timezone.now()},
    )


def is_wanted(encoder: str) -> bool:
    """Whether nobody knows how fast the encoder is trained here, and there is text to find out by."""
    if Speed.objects.filter(encoder=encoder).exists():
        return False
    longest = Document.objects.present().order_by("-token_count")[:MOST_MEASURED]
    return sum(longest.values_list("token_count", flat=True)) >= TOO_FEW


def measure(encoder: str, should_stop: Callable[[], bool]) -> None:
    """Train for some seconds on texts that lie here, so that recipes can say how long they take before anybody has
    trained. What was learnt is thrown away. Raises Stopped, and what the engine raises.
    """
    from training.engine.train import train

    if not is_wanted(encoder):
        return
    articles = _any_articles()
    words = sum(len(article.words) for article in articles)
    settings = Settings(encoder=encoder, epochs=1)
    result = train(settings, ["X"], articles, [], None, lambda progress: None, should_stop)
    note(settings, result.manifest["device"], words, result.seconds)


def _any_articles() -> list[Article]:
    """The longest articles that lie here, without their tags."""
    from training.engine.articles import Article

    found: list[Article] = []
    words = 0
    for document in Document.objects.present().order_by("-token_count")[:MOST_MEASURED].iterator(chunk_size=10):
        if words >= ENOUGH:
            break
        taken = document.words()[: ENOUGH - words]
        starts = [start for start in document.sentence_starts if start < len(taken)]
        found.append(Article(str(document.pk), taken, ["O"] * len(taken), starts))
        words += len(taken)
    return found


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
    done = work(words, settings)
    recipe = RECIPES[name]
    return Offer(name, recipe.title, recipe.meaning, settings, done / speed.words_per_second if speed else None)
