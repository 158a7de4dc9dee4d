from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.iob2 import Span
from training.engine.pairing import Pair, pair_up


def span(text: str) -> Span:
    """`0-2 PER`."""
    place, label = text.split()
    start, end = map(int, place.split("-"))
    return Span(start, end, label)


def paired(gold: str, predicted: str) -> list[tuple[str, Pair]]:
    sides = [[span(each) for each in side.split(", ") if each] for side in (gold, predicted)]
    return [(pair.kind, pair) for pair in pair_up(*sides)]


@pytest.mark.parametrize(
    ("gold", "predicted", "kinds"),
    [
        ("0-2 PER", "0-2 PER", ["right"]),
        ("0-2 PER", "0-2 LOC", ["label"]),
        ("0-2 PER", "1-3 PER", ["extent"]),
        ("0-2 PER", "1-3 LOC", ["both"]),
        ("0-2 PER", "2-3 PER", ["missed", "spurious"]),
        ("0-2 PER", "", ["missed"]),
        ("", "0-2 PER", ["spurious"]),
        ("", "", []),
        ("0-4 PER", "0-1 PER, 2-4 PER", ["extent", "spurious"]),
        ("0-1 PER, 1-4 PER", "0-4 PER", ["missed", "extent"]),
        ("5-6 LOC", "0-2 PER", ["spurious", "missed"]),
    ],
)
def test_each_entity_finds_the_one_that_stands_for_it(gold: str, predicted: str, kinds: list[str]) -> None:
    assert sorted(kind for kind, _ in paired(gold, predicted)) == sorted(kinds)


def test_the_one_that_shares_most_is_the_partner() -> None:
    found = paired("0-6 PER", "0-2 PER, 2-6 LOC")
    assert sorted(found) == [
        ("both", Pair(span("0-6 PER"), span("2-6 LOC"))),
        ("spurious", Pair(None, span("0-2 PER"))),
    ]


def test_of_two_that_share_as_much_the_one_of_its_label_is_the_partner() -> None:
    assert dict(paired("0-4 PER", "0-2 LOC, 2-4 PER"))["extent"].predicted == span("2-4 PER")


def test_pairs_come_in_the_order_of_the_text() -> None:
    kinds = [kind for kind, _ in paired("0-1 PER, 6-7 PER", "3-4 LOC, 6-7 PER, 8-9 PER")]
    assert kinds == ["missed", "spurious", "right", "spurious"]


spans = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.sampled_from(["PER", "LOC"])), max_size=6)


def laid_out(pieces: list[tuple[int, int, str]]) -> list[Span]:
    found, at = [], 0
    for gap, length, label in pieces:
        found.append(Span(at + gap, at + gap + length, label))
        at += gap + length
    return found


@given(spans, spans)
def test_every_entity_is_in_one_pair_and_pairs_overlap(
    gold: list[tuple[int, int, str]], predicted: list[tuple[int, int, str]]
) -> None:
    true, found = laid_out(gold), laid_out(predicted)
    pairs = pair_up(true, found)
    assert [pair.gold for pair in pairs if pair.gold] == true
    assert sorted(pair.predicted for pair in pairs if pair.predicted) == found
    assert all(
        p.gold.start < p.predicted.end and p.predicted.start < p.gold.end for p in pairs if p.gold and p.predicted
    )
    # Nobody goes alone who shares a token with another who does.
    alone = [pair.gold or pair.predicted for pair in pairs if not (pair.gold and pair.predicted)]
    taken = Counter(token for each in alone if each for token in range(each.start, each.end))
    assert all(count == 1 for count in taken.values())
