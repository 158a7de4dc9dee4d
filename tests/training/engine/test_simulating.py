import numpy as np
import pytest

from training.engine.simulating import Round, View, edits, reached, shipped

GOLD = ["B-PER", "I-PER", "O", "B-LOC", "O"]


@pytest.mark.parametrize(
    ("suggested", "count"),
    [
        ([], 2),
        ([(0, 2, "PER", 0.9), (3, 4, "LOC", 0.9)], 0),
        ([(0, 1, "PER", 0.9), (3, 4, "LOC", 0.9)], 1),
        ([(0, 2, "ORG", 0.9), (3, 4, "LOC", 0.9)], 1),
        ([(0, 2, "PER", 0.9), (3, 4, "LOC", 0.9), (4, 5, "LOC", 0.3)], 1),
        ([(0, 1, "PER", 0.9), (1, 2, "PER", 0.9)], 3),
    ],
)
def test_an_edit_is_a_span_added_mended_or_removed(suggested: list[tuple[int, int, str, float]], count: int) -> None:
    assert edits(GOLD, suggested) == count


def test_the_goal_is_reached_between_two_rounds_in_proportion() -> None:
    rounds = [Round(10, 1000, 50, 0.4), Round(20, 2500, 70, 0.6)]
    assert reached(rounds, 0.5, "articles") == pytest.approx(15)
    assert reached(rounds, 0.5, "edits") == pytest.approx(60)
    assert reached(rounds, 0.9, "words") == 2500


def test_the_shipped_order_is_that_of_the_queue() -> None:
    unsure = np.array([0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    worth = shipped(View(unsure, np.full(9, 100.0), np.eye(9), done=[8]))
    assert [index for index in np.argsort(-worth) if index != 8] == [7, 6, 5, 4, 3, 2, 1, 0]
