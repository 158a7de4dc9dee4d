from typing import Any

import pytest

from training.engine.paths import agreement, pick
from training.engine.predict import Predicted


def path(words_per_s: float, agreement: float = 1.0, **more: float) -> dict[str, Any]:
    return {"words_per_s": words_per_s, "agreement": agreement, **more}


def said(*spans: tuple[int, int, str, float], key: str = "a") -> Predicted:
    return Predicted(key, [], list(spans), 0.0)


@pytest.mark.parametrize(
    ("tried", "entities", "picked"),
    [
        ({"torch": path(3000)}, 500, "torch"),
        ({"torch": path(3000), "onnx": path(4000)}, 0, "onnx"),
        ({"torch": path(3000), "onnx": path(2000)}, 0, "torch"),
        ({"torch": path(3000), "onnx": path(4000, 0.9989)}, 0, "torch"),
        ({"torch": path(3000), "onnx": path(4000, 0.999)}, 0, "onnx"),
        ({"torch": path(9000), "half": path(20000)}, 0, "half"),
        ({"torch": path(9000), "half": path(20000, 0.99)}, 0, "torch"),
        ({"torch": path(1, f1=0.8), "onnx": path(2, f1=0.8), "int8": path(3, 0.9, f1=0.7981)}, 500, "int8"),
        ({"torch": path(1, f1=0.8), "onnx": path(2, f1=0.8), "int8": path(3, 0.9, f1=0.7979)}, 500, "onnx"),
        ({"torch": path(1, f1=0.8), "onnx": path(2, f1=0.8), "int8": path(3, 0.9, f1=0.8)}, 99, "onnx"),
        ({"torch": path(1, f1=0.8), "onnx": path(2, f1=0.8), "int8": path(1.5, 0.9, f1=0.81)}, 500, "onnx"),
        ({"torch": path(1), "onnx": path(2), "int8": path(3)}, 0, "onnx"),
    ],
)
def test_the_fastest_path_is_taken_that_costs_nothing_anybody_would_notice(
    tried: dict[str, Any], entities: int, picked: str
) -> None:
    assert pick(tried, entities) == picked


def test_agreement_is_the_share_of_all_spans_that_both_have() -> None:
    one = [said((0, 1, "PER", 0.9), (3, 5, "LOC", 0.8))]
    assert agreement(one, [said((0, 1, "PER", 0.7), (3, 5, "LOC", 0.6))]) == 1
    assert agreement(one, [said((0, 1, "PER", 0.9), (3, 5, "ORG", 0.8))]) == pytest.approx(1 / 3)
    assert agreement(one, [said(*one[0].spans, key="b")]) == 0
    assert agreement([said()], [said()]) == 1
