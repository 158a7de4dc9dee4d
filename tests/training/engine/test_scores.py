import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.iob2 import tags_of
from training.engine.scores import AT_ONCE, RESAMPLES, compare, resampled, score

LABELS = ["LOC", "PER"]


def tags(*spans: tuple[int, int, str], length: int = 6) -> list[str]:
    return tags_of(spans, length)


@st.composite
def well_formed(draw: st.DrawFn) -> list[str]:
    found: list[str] = []
    for tag in draw(st.lists(st.sampled_from(["O", "B-PER", "B-LOC", "I"]), max_size=12)):
        inside = bool(found) and found[-1] != "O"
        found.append((f"I-{found[-1][2:]}" if inside else "O") if tag == "I" else tag)
    return found


def padded(tags: list[str]) -> list[str]:
    return (tags + ["O"] * 12)[:12]


def test_an_entity_counts_only_with_its_exact_words_and_label() -> None:
    gold = [tags((0, 2, "PER"), (3, 4, "LOC")), tags((1, 2, "PER"))]
    predicted = [tags((0, 2, "PER"), (3, 4, "PER")), tags((1, 3, "PER"))]
    scores = score(gold, predicted)
    assert scores["precision"] == pytest.approx(1 / 3)
    assert scores["recall"] == pytest.approx(1 / 3)
    assert scores["f1"] == pytest.approx(1 / 3)
    assert scores["support"] == 3
    assert scores["accuracy"] == pytest.approx(10 / 12)
    assert scores["per_label"] == {
        "LOC": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        "PER": {"precision": pytest.approx(1 / 3), "recall": 0.5, "f1": pytest.approx(0.4), "support": 2},
    }


def test_the_confusion_table_shows_what_became_of_gold_entities() -> None:
    gold = [tags((0, 2, "PER"), (3, 4, "LOC")), tags((1, 2, "PER"))]
    predicted = [tags((0, 2, "PER"), (3, 4, "PER")), tags((1, 3, "PER"))]
    assert score(gold, predicted)["confusion"] == {
        "labels": ["LOC", "PER", "(none)"],
        "table": [[0, 1, 0], [0, 1, 1], [0, 1, 0]],
    }


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([tags()], [tags()]),
        ([tags()], [tags((0, 1, "PER"))]),
        ([tags((0, 1, "PER"))], [tags()]),
        ([[]], [[]]),
        ([[], tags((0, 1, "PER"))], [[], tags((0, 1, "PER"))]),
        ([], []),
    ],
)
def test_scores_without_entities_are_plain_zeros_without_a_warning(
    gold: list[list[str]], predicted: list[list[str]]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(gold, predicted)
    assert 0.0 <= scores["f1"] <= 1.0
    assert json.loads(json.dumps(scores)) == scores


def test_perfect_predictions_score_one() -> None:
    gold = [tags((0, 1, "PER"), (1, 3, "PER"))]
    scores = score(gold, gold)
    assert (scores["precision"], scores["recall"], scores["f1"], scores["accuracy"]) == (1.0, 1.0, 1.0, 1.0)


def test_neighbours_joined_into_one_are_wrong() -> None:
    assert score([tags((0, 1, "PER"), (1, 2, "PER"))], [tags((0, 2, "PER"))])["f1"] == 0.0


def test_what_is_nearly_right_gets_its_share_in_the_lenient_scores() -> None:
    gold = [tags((0, 2, "PER"), (3, 4, "LOC"), (5, 6, "PER"), length=8), tags((0, 2, "PER"), (4, 5, "LOC"))]
    predicted = [tags((0, 1, "PER"), (3, 4, "PER"), (5, 6, "PER"), length=8), tags((1, 3, "LOC"), (5, 6, "LOC"))]
    # One right, one with another label, one with another extent, one with both; one missed, one made up.
    of = {"precision": 1 / 5, "recall": 1 / 5, "f1": 1 / 5}
    assert score(gold, predicted)["lenient"] == {
        "exact": pytest.approx({name: 2 * share for name, share in of.items()}),
        "type": pytest.approx({name: 2 * share for name, share in of.items()}),
        "partial": pytest.approx({name: 3 * share for name, share in of.items()}),
    }


@settings(deadline=None)
@given(st.lists(st.tuples(well_formed(), well_formed()), max_size=5))
def test_no_lenient_score_is_below_the_strict_one(pairs: list[tuple[list[str], list[str]]]) -> None:
    scores = score([padded(one) for one, _ in pairs], [padded(other) for _, other in pairs])
    for lenient in scores["lenient"].values():
        for name in ("precision", "recall", "f1"):
            assert scores[name] - 1e-9 <= lenient[name] <= 1.0


def test_an_interval_holds_the_score_and_shrinks_with_more_articles() -> None:
    few = score([*GOLD[:12]], [*GOOD[:6], *POOR[:6]])
    many = score(GOLD * 5, (GOOD[:20] + POOR[:20]) * 5)
    widths = []
    for scores in (few, many):
        low, high = scores["f1_interval"]
        assert low < scores["f1"] < high
        widths.append(high - low)
    assert 0 < widths[1] < widths[0] / 2


def test_an_interval_leaves_out_a_fortieth_on_either_side() -> None:
    # Of 40 draws from articles of which half lack an entity, 14 to 26 are whole ones in 95 of 100 cases.
    low, high = score(GOLD, [*GOOD[:20], *POOR[:20]])["f1_interval"]
    assert low == pytest.approx(2 * (80 + 14) / (200 + 14))
    assert high == pytest.approx(2 * (80 + 26) / (200 + 26), abs=0.005)  # or 27, by chance


def test_too_few_articles_have_no_interval() -> None:
    assert score(GOLD[:9], POOR[:9])["f1_interval"] is None


def test_the_resamples_of_many_articles_are_drawn_in_parts() -> None:
    parts = list(resampled(np.ones((3, 2), dtype=np.int64)))
    assert {part.shape for part in parts} == {(AT_ONCE, 2)}
    assert sum(map(len, parts)) == RESAMPLES
    assert all((part == 3).all() for part in parts)


@settings(deadline=None)
@given(st.lists(st.tuples(well_formed(), well_formed()), max_size=5))
def test_scores_agree_with_the_confusion_table(pairs: list[tuple[list[str], list[str]]]) -> None:
    gold = [padded(one) for one, _ in pairs]
    predicted = [padded(other) for _, other in pairs]
    scores = score(gold, predicted)
    labels, table = scores["confusion"]["labels"], scores["confusion"]["table"]
    right = sum(table[i][i] for i in range(len(labels)))
    assert scores["support"] == sum(map(sum, table[:-1]))
    assert scores["recall"] == pytest.approx(right / max(scores["support"], 1))
    for i, label in enumerate(labels[:-1]):
        assert scores["per_label"][label]["support"] == sum(table[i])


def test_tags_of_other_articles_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths differ"):
        score([tags()], [tags(length=5)])
    with pytest.raises(ValueError, match="lengths differ"):
        compare([tags()], [tags()], [tags(length=5)], LABELS)


GOLD = [tags((0, 1, "PER"), (2, 3, "LOC"), (4, 5, "PER")) for _ in range(40)]
GOOD = GOLD
POOR = [tags((0, 1, "PER"), (2, 3, "LOC")) for _ in range(40)]


def test_the_first_model_is_promoted() -> None:
    decision = compare(GOLD, None, POOR, LABELS)
    assert decision.promote
    assert (decision.difference, decision.chance_worse) == (None, None)
    assert "first model" in decision.reason


def test_without_held_out_articles_it_is_promoted_and_the_reason_says_there_is_no_score() -> None:
    currents: list[list[list[str]] | None] = [None, []]
    for current in currents:
        decision = compare([], current, [], LABELS)
        assert decision.promote
        assert "no held-out article is finished" in decision.reason
        assert decision.difference is None


def test_a_better_model_is_promoted() -> None:
    decision = compare(GOLD, POOR, GOOD, LABELS)
    assert decision.promote
    assert (decision.chance_worse, decision.chance_better) == (0.0, 1.0)
    assert decision.difference == pytest.approx(0.2)
    assert decision.reason == (
        "Promoted: F1 +0.200 against the current model on 40 held-out articles; "
        "the chance that it is better is 100%, that it is worse by more than 0.01 is 0%."
    )


def test_a_worse_model_is_kept_aside_with_the_reason() -> None:
    decision = compare(GOLD, GOOD, POOR, LABELS)
    assert not decision.promote
    assert (decision.chance_worse, decision.chance_better) == (1.0, 0.0)
    assert decision.reason.startswith("Kept aside: F1 -0.200 against the current model")


def test_an_equal_model_is_promoted() -> None:
    decision = compare(GOLD, GOOD, GOOD, LABELS)
    assert decision.promote
    assert "the same F1 as the current model" in decision.reason


def test_a_model_that_may_be_worse_by_chance_is_promoted() -> None:
    # It wins 20 articles and loses 21: the point difference is a loss, but nobody can be 80 % sure of it.
    current = [*GOOD[:21], *POOR[:19], *POOR[:1]]
    candidate = [*POOR[:21], *GOOD[:19], *POOR[:1]]
    gold = [*GOLD, GOLD[0]]
    decision = compare(gold, current, candidate, LABELS)
    assert decision.difference is not None
    assert decision.difference < -0.005
    assert decision.chance_worse is not None
    assert decision.chance_better is not None
    assert 0.2 < decision.chance_worse < 0.8
    assert 0.2 < decision.chance_better < 0.8
    assert decision.promote


@pytest.mark.parametrize(
    ("articles", "entities"),
    [(9, 3), (40, 1)],
)
def test_few_articles_or_entities_are_too_few_to_judge_so_the_difference_decides(articles: int, entities: int) -> None:
    spans = [(0, 1, "PER"), (2, 3, "LOC"), (4, 5, "PER")][:entities]
    gold = [tags(*spans)] * articles
    nothing = [tags()] * articles
    better, worse = compare(gold, nothing, gold, LABELS), compare(gold, gold, nothing, LABELS)
    assert (better.promote, worse.promote) == (True, False)
    assert (better.chance_worse, better.chance_better) == (None, None)
    for decision in (better, worse):
        assert "too few to judge" in decision.reason


def test_a_new_label_set_is_compared_on_the_shared_labels() -> None:
    # The current model knows no LOC, so what the candidate gets wrong there is not held against it.
    current = [tags((0, 1, "PER"), (4, 5, "PER")) for _ in range(60)]
    candidate = [tags((0, 1, "PER"), (2, 4, "LOC"), (4, 5, "PER")) for _ in range(60)]
    decision = compare([*GOLD, *GOLD[:20]], current, candidate, ["PER"])
    assert decision.promote
    assert decision.difference == 0.0


def test_models_without_a_label_in_common_cannot_be_compared() -> None:
    decision = compare(GOLD, POOR, GOOD, [])
    assert decision.promote
    assert decision.difference is None
    assert "no label in common" in decision.reason


def test_the_same_articles_give_the_same_decision() -> None:
    current = [*GOOD[:21], *POOR[:19]]
    candidate = [*POOR[:20], *GOOD[:20]]
    assert compare(GOLD, current, candidate, LABELS) == compare(GOLD, current, candidate, LABELS)
