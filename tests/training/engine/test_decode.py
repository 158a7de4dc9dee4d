import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotate.iob2 import check, spans_of
from training.engine.articles import label_names, tag_names
from training.engine.decode import allowed, decode, log_softmax, viterbi

NAMES = tag_names(["PER", "LOC"])
SCORES = st.integers(1, 5).flatmap(
    lambda tokens: arrays(np.float64, (tokens, len(NAMES)), elements=st.floats(-8, 8, allow_subnormal=False))
)


def chains(tokens: int) -> list[tuple[int, ...]]:
    """All well-formed sequences, by brute force."""

    def follows(before: str, tag: str) -> bool:
        return not tag.startswith("I-") or before in (tag, f"B-{tag[2:]}")

    everything = itertools.product(range(len(NAMES)), repeat=tokens)
    return [
        chain
        for chain in everything
        if all(follows(a, b) for a, b in itertools.pairwise(["O", *(NAMES[tag] for tag in chain)]))
    ]


def weigh(scores: np.ndarray, chain: Sequence[int]) -> float:
    return float(sum(scores[i, tag] for i, tag in enumerate(chain)))


def scores_for(*tags: str, sure: float = 5.0) -> np.ndarray:
    return np.array([[sure if name == tag else 0.0 for name in NAMES] for tag in tags])


@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_viterbi_finds_the_best_well_formed_sequence(scores: np.ndarray) -> None:
    found = viterbi(log_softmax(scores), NAMES)
    check([NAMES[tag] for tag in found])
    assert weigh(scores, found) == pytest.approx(max(weigh(scores, chain) for chain in chains(len(scores))))


@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_a_spans_probability_is_its_share_of_all_well_formed_sequences(scores: np.ndarray) -> None:
    decoded = decode(scores, NAMES)
    weights = {chain: np.exp(weigh(scores, chain)) for chain in chains(len(scores))}
    for *span, probability in decoded.spans:
        holding = [
            weight
            for chain, weight in weights.items()
            if tuple(span) in {tuple(found) for found in spans_of([NAMES[tag] for tag in chain])}
        ]
        assert probability == pytest.approx(sum(holding) / sum(weights.values()), rel=1e-6)
        assert 0 <= probability <= 1
    assert 0 <= decoded.uncertainty <= 1


def test_an_entity_never_starts_inside_even_if_each_word_alone_says_so() -> None:
    decoded = decode(scores_for("O", "I-PER", "I-PER", "O"), NAMES)
    check(decoded.tags)
    assert decoded.tags == ["O", "B-PER", "I-PER", "O"]


def test_two_neighbours_of_one_label_stay_two() -> None:
    decoded = decode(scores_for("B-PER", "B-PER", "I-PER"), NAMES)
    assert [span[:3] for span in decoded.spans] == [(0, 1, "PER"), (1, 3, "PER")]


def test_two_people_with_a_word_between_stay_two() -> None:
    assert [span[:3] for span in decode(scores_for("B-PER", "O", "B-PER"), NAMES).spans] == [
        (0, 1, "PER"),
        (2, 3, "PER"),
    ]


def test_surer_scores_give_higher_probabilities_and_less_uncertainty() -> None:
    vague, sure = (decode(scores_for("B-PER", "I-PER", "O", sure=s), NAMES) for s in (2.0, 9.0))
    assert vague.spans[0][3] < sure.spans[0][3] < 1
    assert sure.uncertainty < vague.uncertainty


def test_uncertainty_does_not_grow_with_length() -> None:
    one = decode(scores_for("O", "O"), NAMES).uncertainty
    assert decode(scores_for(*["O"] * 200), NAMES).uncertainty == pytest.approx(one, rel=0.05)


def test_a_model_that_knows_nothing_is_about_as_unsure_as_can_be() -> None:
    assert decode(np.zeros((30, len(NAMES))), NAMES).uncertainty > 0.9


def test_an_article_without_words_decodes_to_nothing() -> None:
    assert decode(np.zeros((0, len(NAMES))), NAMES) == ([], [], 0.0)


def test_a_model_with_no_labels_says_outside() -> None:
    assert decode(np.zeros((2, 1)), ["O"]) == (["O", "O"], [], 0.0)


def test_extreme_scores_do_not_overflow() -> None:
    decoded = decode(scores_for("B-LOC", "I-LOC", "O", sure=1e6).astype(np.float32), NAMES)
    ((*span, probability),) = decoded.spans
    assert span == [0, 2, "LOC"]
    assert probability == pytest.approx(1.0)
    assert decoded.uncertainty == pytest.approx(0.0)


def test_values_are_plain_python() -> None:
    ((start, end, _, probability),) = decode(scores_for("B-LOC"), NAMES).spans
    assert (type(start), type(end), type(probability)) == (int, int, float)


def test_only_the_same_label_goes_on_inside() -> None:
    table = {(NAMES[row], NAMES[column]): value for (row, column), value in np.ndenumerate(allowed(NAMES))}
    forbidden = {pair for pair, value in table.items() if value == -np.inf}
    expected = {(a, b) for a in NAMES for b in ("I-PER", "I-LOC") if a[2:] != b[2:]}
    assert forbidden == expected


def test_tag_names_keep_the_projects_order_of_labels() -> None:
    assert NAMES == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    assert label_names(NAMES) == ["PER", "LOC"]
