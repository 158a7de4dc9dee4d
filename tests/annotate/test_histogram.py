import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.histogram import Bin, spread


def test_of_nothing_there_is_nothing() -> None:
    assert spread([]) == (0, 0, 0, 0, 0, [])
    assert spread([(3, 0)]).total == 0


def test_the_figures_are_those_of_the_numbers() -> None:
    found = spread([(10, 2), (40, 1), (20, 1)])
    assert found[:5] == (4, 10, 15, 20, 40)
    assert spread([(5, 1)])[:5] == (1, 5, 5, 5, 5)


@pytest.mark.parametrize(
    ("numbers", "finest", "edges"),
    [
        ([0], 1, [0, 1]),
        ([0, 3], 1, [0, 1, 2, 3, 4]),
        ([0, 1.5], 0.1, [0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6]),
        ([30, 1190], 1, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200]),
    ],
)
def test_bins_are_round_and_as_many_as_a_plot_can_name(numbers: list[float], finest: float, edges: list[float]) -> None:
    bins = spread([(number, 1) for number in numbers], finest).bins
    assert [one.start for one in bins] == edges[:-1]
    assert bins[-1].end == edges[-1]


def test_the_few_that_are_far_larger_share_an_open_bin() -> None:
    bins = spread([(50, 500), (149, 499), (90_000, 1)]).bins
    assert bins[-1] == Bin(160, None, 1)
    assert len(bins) == 9


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 5)), min_size=1), st.sampled_from([0.1, 1]))
def test_each_number_is_in_one_bin(counted: list[tuple[int, int]], finest: float) -> None:
    bins = spread(counted, finest).bins
    assert 1 <= len(bins) <= 13
    assert sum(one.size for one in bins) == sum(count for _, count in counted)
    for one in bins:
        inside = [n for n, _ in counted if one.start <= n and (one.end is None or n < one.end)]
        assert bool(inside) == bool(one.size)
