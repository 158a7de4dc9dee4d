import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tests.training.engine.tiny import make_article
from training import telling
from training.engine import calibration
from training.engine.articles import Article
from training.engine.calibration import (
    FEWEST_SPANS,
    TEMPERATURES,
    Judged,
    Scale,
    Way,
    calibrate,
    cross_fitted,
    fitted_line,
    judge,
    just_tempered,
    log_loss,
    perfect_error,
    reliability,
    scale_of,
    tempered,
    tempered_and_lined,
)
from training.engine.decode import Decoded, decode
from training.engine.folder import MANIFEST
from training.engine.predict import Predictor
from training.engine.recipe import Settings
from training.engine.scores import FEWEST_ARTICLES
from training.engine.train import train

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


Made = tuple[list[str], list[list[str]], list[NDArray[np.float32]]]


def articles(count: int, boast: float, tokens: int = 40, seed: int = 1) -> Made:
    """Keys, gold and logits of a model that would be right to say what it says, were it not `boast` times too sure."""
    random = np.random.default_rng(seed)
    gold, logits = [], []
    for _ in range(count):
        chances = np.full((tokens, 2), 0.0)
        chances[:, 1] = random.normal(0, 2, tokens)  # for B-PER, against O
        told = np.full((tokens, len(NAMES)), -50.0)
        told[:, :2] = chances * boast
        is_one = random.random(tokens) < 1 / (1 + np.exp(-chances[:, 1]))
        gold.append(["B-PER" if one else "O" for one in is_one])
        logits.append(told.astype(np.float32))
    return [f"article {i}" for i in range(count)], gold, logits


def test_a_boastful_model_is_brought_down_and_its_error_falls() -> None:
    found = calibrate(*articles(60, boast=2.0), NAMES)
    assert found["applied"]
    assert found["temperature"] == pytest.approx(2.0, rel=0.15)
    before, after = found["before"], found["after"]
    assert before["interval"][0] > after["interval"][1]
    assert after["error"] < 2 * found["perfect"]
    assert before["interval"][0] < before["error"] < before["interval"][1]
    assert found["spans"] == sum(each["spans"] for each in after["bins"]) > FEWEST_SPANS
    assert json.loads(json.dumps(found)) == found


def test_a_timid_model_is_brought_up() -> None:
    assert calibrate(*articles(60, boast=0.6), NAMES)["temperature"] == pytest.approx(0.6, rel=0.15)


def test_a_model_that_nothing_makes_better_stays_as_it_is() -> None:
    keys, gold, logits = articles(20, boast=1.0, seed=12)
    found = calibrate(keys, gold, logits, NAMES)
    assert not found["applied"]
    assert scale_of(found) == Scale()


def test_a_model_that_is_as_wrong_where_it_is_sure_is_brought_down_by_a_line() -> None:
    """Half of what it would be right to find is none, however sure it seems: no factor says so."""
    keys, gold, logits = articles(60, boast=1.0)
    random = np.random.default_rng(5)
    gold = [[tag if random.random() < 0.5 else "O" for tag in tags] for tags in gold]
    found = calibrate(keys, gold, logits, NAMES)
    assert found["applied"]
    judged = judge(gold, logits, NAMES, TEMPERATURES.tolist())
    by_factor = reliability(cross_fitted(judged, keys, just_tempered), judged, 60)
    assert found["after"]["error"] < 0.4 * by_factor["error"]


def test_a_line_always_rises_and_never_makes_it_worse() -> None:
    said = np.linspace(0.1, 0.9, 100)
    rising, falling, alternating = said > 0.4, said < 0.5, np.arange(100) % 2 == 0
    for right in (rising, falling, alternating, np.ones(100, dtype=bool), np.zeros(100, dtype=bool)):
        slope, offset = fitted_line(said, right)
        assert calibration.FLATTEST <= slope < 100
        assert abs(offset) < 100
        lined = Scale(1.0, slope, offset).line(said)
        assert log_loss(lined, right) <= log_loss(said, right)
        share = np.clip(right.mean(), 0.05, 0.95)
        assert log_loss(lined, right) < log_loss(np.full(100, share), right) + 0.1
    assert fitted_line(said, falling)[0] == calibration.FLATTEST
    sure = np.full(300, 1 - 1e-9)  # and all wrong
    slope, offset = fitted_line(sure, np.zeros(300, dtype=bool))
    assert Scale(1.0, slope, offset).line(sure[:1])[0] < 0.05


@given(arrays(np.float64, st.integers(0, 9), elements=st.floats(0, 1)), st.floats(0.05, 20), st.floats(-9, 9))
def test_a_line_keeps_the_order_of_probabilities(said: NDArray[np.float64], slope: float, offset: float) -> None:
    moved = Scale(1.0, slope, offset).line(np.sort(said))
    assert ((moved >= 0) & (moved <= 1)).all()
    assert (np.diff(moved) >= 0).all()


@pytest.mark.parametrize(("count", "tokens"), [(FEWEST_ARTICLES - 1, 200), (12, 40)])
def test_too_few_articles_or_spans_are_not_calibrated(count: int, tokens: int) -> None:
    keys, gold, logits = articles(count, boast=2.0, tokens=tokens)
    found = calibrate(keys, gold, logits, NAMES)
    assert set(found) == {"temperature", "slope", "offset", "spans", "articles"}
    assert (scale_of(found), found["articles"]) == (Scale(), count)
    assert (found["spans"] < FEWEST_SPANS) == (tokens == 40)


def test_nothing_held_out_is_nothing_to_calibrate_on() -> None:
    assert calibrate([], [], [], NAMES) == {**Scale()._asdict(), "spans": 0, "articles": 0}


def test_of_many_spans_the_first_articles_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MOST_SPANS", 500)
    keys, gold, logits = articles(60, boast=2.0)
    found = calibrate(keys, gold, logits, NAMES)
    assert 480 < found["spans"] <= 500
    assert found["articles"] < 40
    assert found == calibrate(keys[: found["articles"]], gold, logits, NAMES)


logits = arrays(np.float32, st.tuples(st.integers(1, 12), st.just(5)), elements=st.floats(-20, 20, width=32))


@given(logits, st.sampled_from(TEMPERATURES.tolist()))
def test_no_temperature_changes_the_tags(rows: NDArray[np.floating], temperature: float) -> None:
    # Of two that are equally good either is right; no two sums of these roots are equal.
    rows = rows + np.sqrt(np.arange(2, rows.size + 2)).reshape(rows.shape) * 0.0137
    assert decode(tempered(rows, temperature), NAMES).tags == decode(rows, NAMES).tags


def test_a_span_is_right_only_with_its_words_and_its_label() -> None:
    rows = np.full((6, 5), -20.0)
    for token, tag in enumerate(["B-PER", "I-PER", "O", "B-LOC", "O", "B-PER"]):
        rows[token, NAMES.index(tag)] = 20.0
    gold = ["B-PER", "I-PER", "O", "B-PER", "O", "B-PER"]
    other = ["B-PER", "O", "O", "B-LOC", "O", "O"]
    judged = judge([gold, other], [rows, rows], NAMES, [1.0, 2.0])
    assert judged.article.tolist() == [0, 0, 0, 1, 1, 1]
    assert judged.right.tolist() == [True, False, True, False, True, False]
    assert judged.probabilities.shape == (2, 6)


def test_where_sequences_are_equally_good_and_rounding_chooses_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def fickle(rows: list[NDArray[np.float64]], names: list[str]) -> list[Decoded]:
        found = [Decoded([], [(0, 1, "PER", 0.5)], 0.0), Decoded([], [(1, 2, "PER", 0.4), (2, 3, "PER", 0.4)], 0.0)]
        return found[: len(rows)]

    monkeypatch.setattr(calibration, "decode_all", fickle)
    judged = judge([["B-PER", "O", "O"]], [np.zeros((3, 3))], NAMES, [1.0, 2.0])
    assert judged.probabilities.tolist() == [[0.5], [0.5]]


@pytest.mark.parametrize("way", [just_tempered, tempered_and_lined])
def test_no_article_is_measured_by_a_scale_that_was_fitted_on_it(way: Way) -> None:
    # Ten articles of one span each: as each comes true or not, its own probability must stay what it was.
    random = np.random.default_rng(3)
    keys = [str(i) for i in range(10)]
    probabilities = np.sort(random.random((len(TEMPERATURES), 10)), axis=0)
    right = random.random(10) < 0.6
    judged = Judged(np.arange(10), right, probabilities)
    told = cross_fitted(judged, keys, way)
    moved = 0
    for article in range(10):
        other = right.copy()
        other[article] = not other[article]
        changed = cross_fitted(judged._replace(right=other), keys, way)
        assert changed[article] == told[article]
        moved += int((changed != told).sum())
    assert moved


def test_the_error_is_the_mean_distance_of_what_is_said_from_what_came_true() -> None:
    # Ten spans at 0.95 of which 8 are right, ten at 0.35 of which 5 are.
    judged = Judged(
        np.repeat(np.arange(10), 2), np.array([True] * 8 + [False] * 2 + [True] * 5 + [False] * 5), np.zeros((1, 20))
    )
    found = reliability(np.array([0.95] * 10 + [0.35] * 10), judged, 10)
    assert found["error"] == pytest.approx((0.15 + 0.15) / 2)
    low, high = found["interval"]
    assert low < found["error"] < high
    assert [each["spans"] for each in found["bins"]] == [0, 0, 0, 10, 0, 0, 0, 0, 0, 10]
    assert found["bins"][9] == {"low": 0.9, "high": 1.0, "spans": 10, "probability": pytest.approx(0.95), "right": 0.8}
    assert found["bins"][0]["right"] is None
    assert reliability(np.array([1.0]), Judged(np.array([0]), np.array([True]), np.zeros((1, 1))), 1)["error"] == 0.0


@pytest.mark.parametrize(("spans", "about"), [(150, 0.06), (1100, 0.02)])
def test_chance_alone_gives_few_spans_an_error(spans: int, about: float) -> None:
    said = np.random.default_rng(2).beta(2.5, 0.6, spans)
    judged = Judged(np.zeros(spans, dtype=np.int64), np.ones(spans, dtype=bool), said[None])
    assert perfect_error(said, judged, 1) == pytest.approx(about, rel=0.2)


def test_the_page_names_the_same_limits() -> None:
    assert (telling.ENOUGH_SPANS, telling.ENOUGH_ARTICLES) == (FEWEST_SPANS, FEWEST_ARTICLES)


TEXTS = ("Ada met Bob in Oslo .", "Bob visited Rome .", "Nobody met Ada .", "In Oslo Rome is far .", "Bob Rome .")


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "FEWEST_SPANS", 20)


def held_out() -> list[Article]:
    return [make_article(text, str(i), PER=["Ada", "Bob"], LOC=["Oslo", "Rome"]) for i, text in enumerate(TEXTS * 4)]


@pytest.mark.usefixtures("few_are_enough")
def test_what_a_model_says_is_calibrated_from_its_training_on(encoder: Path, tmp_path: Path) -> None:
    settings = Settings(encoder=str(encoder), learning_rate=5e-3, epochs=20, token_budget=60, freeze_embeddings=False)
    result = train(settings, ["PER", "LOC"], held_out()[:3], held_out(), tmp_path / "v1", lambda _: None, lambda: False)
    assert scale_of(result.manifest["calibration"]) != Scale()
    loaded = Predictor.load(tmp_path / "v1")
    assert loaded.predict(held_out()) == result.predicted
    loaded.scale = Scale()
    plain = loaded.predict(held_out())
    assert [each.tags for each in plain] == [each.tags for each in result.predicted]
    assert [each.spans for each in plain] != [each.spans for each in result.predicted]
    manifest = json.loads((tmp_path / "v1" / MANIFEST).read_text())
    del manifest["calibration"]  # a version of before
    (tmp_path / "v1" / MANIFEST).write_text(json.dumps(manifest))
    assert Predictor.load(tmp_path / "v1").predict(held_out()) == plain
