import pytest
from django.core.cache import cache

from annotate import statistics
from tests.asking import is_problem
from tests.make import make_document

pytestmark = pytest.mark.django_db


def test_the_figures_are_told_of_all_and_of_what_a_filter_finds(program, project):
    cache.clear()
    make_document("Ada met Bob in Paris.", finished=True, PER="Ada Bob", LOC="Paris")
    make_document("Paris beat Lyon.", finished=True, split="validation", ORG="Paris Lyon")
    told = program.get("/projects/news/statistics").json()
    assert told["articles"][0] == {"split": "train", "articles": 1, "tokens": 6, "finished": 1, "finished_tokens": 6}
    assert told["lengths"]["median"] == 5
    assert told["blind"][1] == {"split": "validation", "blind": 1, "helped": 0, "unknown": 0}
    assert told["mentions"]["contested"] == [{"mention": "Paris", "labels": {"LOC": 1, "ORG": 1}}]
    narrowed = program.get("/projects/news/statistics?split=validation").json()
    assert [row["label"] for row in narrowed["entities"]] == ["ORG"]
    is_problem(program.get("/projects/news/statistics?split=trial"), 422)
    cache.clear()
    with statistics._reading:
        is_problem(program.get("/projects/news/statistics"), 503)
