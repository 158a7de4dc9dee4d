import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotate.iob2 import check, spans_of
from tests.training.engine import plain_chain
from training.engine import decode as decode_module
from training.engine.articles import label_names, tag_names
from training.engine.decode import decode, decode_all

NAMES = tag_names(["PER", "LOC"])
STRANGE = ["I-LOC", "B-LOC", "I-PER", "O"]  # as other people's models may have them: in no order, without a B-PER


def scores_of(names: Sequence[str], least: int, most: int) -> st.SearchStrategy[np.ndarray]:
    values = st.floats(-8, 8, allow_subnormal=False)
    return st.integers(least, most).flatmap(lambda tokens: arrays(np.float64, (tokens, len(names)), elements=values))


SCORES = scores_of(NAMES, 1, 5)


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
def test_the_tags_are_the_best_well_formed_sequence(scores: np.ndarray) -> None:
    tags = decode(scores, NAMES).tags
    check(tags)
    found = [NAMES.index(tag) for tag in tags]
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


def test_a_label_of_single_words_only_has_no_inside() -> None:
    decoded = decode(np.array([[0.0, 5.0], [0.0, 5.0]]), ["O", "B-DATE"])
    assert decoded.tags == ["B-DATE", "B-DATE"]
    assert decoded.spans[1][3] == pytest.approx(np.exp(5) / (1 + np.exp(5)))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([NAMES, STRANGE, ["O"], ["B-PER", "I-PER"]]), st.data())
def test_articles_in_one_batch_decode_as_step_by_step_alone(names: list[str], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(scores_of(names, 0, 12), max_size=6))
    articles = [scores + 1e-3 * np.sin(np.arange(scores.size)).reshape(scores.shape) for scores in drawn]  # no ties
    for together, scores in zip(decode_all(articles, names), articles, strict=True):
        alone = plain_chain.decode(scores, names)
        assert together.tags == alone.tags
        assert [span[:3] for span in together.spans] == [span[:3] for span in alone.spans]
        for one, other in zip(together.spans, alone.spans, strict=True):
            assert one[3] == pytest.approx(other[3], rel=1e-9, abs=1e-12)
        assert together.uncertainty == pytest.approx(alone.uncertainty, rel=1e-9, abs=1e-12)


def test_a_batch_holds_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    articles = [scores_for(*["B-PER", "O"][: length % 3], *["O"] * 5 * length) for length in range(9)]
    whole, sizes, stacked = decode_all(articles, NAMES), [], decode_module._stacked

    def measured(*args: Any) -> np.ndarray:
        sizes.append((stacked(*args).size, len(args[0])))
        return stacked(*args)

    monkeypatch.setattr(decode_module, "MOST_CELLS", 400)
    monkeypatch.setattr(decode_module, "_stacked", measured)
    assert [decoded.tags for decoded in decode_all(articles, NAMES)] == [decoded.tags for decoded in whole]
    assert len(sizes) > 1
    assert all(cells <= 400 or together == 1 for cells, together in sizes)


def test_tag_names_keep_the_projects_order_of_labels() -> None:
    assert NAMES == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    assert label_names(NAMES) == ["PER", "LOC"]
