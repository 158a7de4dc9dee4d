import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotate.models import Annotation, Project
from tests.make import make_document, make_project
from training.engine import simulating
from training.engine.decode import Decoded
from training.management.commands import simulate


class Copyist:
    """Knows the words that it was taught, and is unsure of every article alike."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels

    def anew(self, seed: int) -> None:
        pass

    def learn(self, articles: Any, others: Any) -> list[Decoded]:
        known = {
            word for article in articles for word, tag in zip(article.words, article.tags, strict=True) if tag != "O"
        }
        tags = [["B-PER" if word in known else "O" for word in article.words] for article in others]
        return [Decoded(one, [], 0.5) for one in tags]

    def likeness(self, pool: Any) -> Any:
        return None


@pytest.fixture
def project(db: None, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(simulating, "Teacher", Copyist)
    project = make_project()
    for number in range(20):
        make_document(f"Ada{number} slept.", project, finished=True, PER=f"Ada{number}")
    return project


def hold_out(project: Project) -> None:
    for number in range(20):
        make_document(f"So Ada{number} woke.", project, finished=True, split="validation", PER=f"Ada{number}")


def test_each_order_says_how_many_articles_it_needs_and_nothing_is_written(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    hold_out(project)
    before = list(Annotation.objects.values_list("pk", "updated_at"))
    call_command("simulate", "news", "--seeds", "2", "--json")
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["articles"], outcome["held_out"], outcome["seeds"]) == (20, 20, 2)
    assert outcome["whole_pool_f1"] == 1.0
    assert set(outcome["needed"]) == {"random", "most unsure", "as the queue"}
    assert all(10 < needed["articles"] <= 20 for needed in outcome["needed"].values())
    assert list(Annotation.objects.values_list("pk", "updated_at")) == before
    call_command("simulate", "news", "--seeds", "1")
    assert "articles, " in capsys.readouterr().out


def test_of_many_articles_some_are_drawn_and_always_the_same(project: Project) -> None:
    drawn = [[article.key for article in simulate._finished(project, "train", 7)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 7


def test_it_says_what_is_missing(project: Project) -> None:
    with pytest.raises(CommandError, match=r"20 finished articles .* and 5 held out .* has 20 and 0"):
        call_command("simulate", "news")
    with pytest.raises(CommandError) as caught:
        call_command("simulate", "news", "--seeds", "0")
    assert caught.value.returncode == 2
    for _ in range(5):
        make_document("Nobody here.", project, finished=True, split="validation")
    with pytest.raises(CommandError, match="teach nothing that is right"):
        call_command("simulate", "news")
