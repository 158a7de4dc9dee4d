from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.engine.windows import Window, cut


@st.composite
def articles(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    lengths = draw(st.lists(st.one_of(st.integers(1, 6), st.integers(1, 600)), max_size=120))
    starts = draw(st.lists(st.integers(0, max(len(lengths) - 1, 0)), max_size=30))
    return lengths, sorted(starts), draw(st.integers(1, 60))


@given(articles())
def test_every_token_is_owned_exactly_once_and_in_order(article: tuple[list[int], list[int], int]) -> None:
    lengths, starts, room = article
    owned = [token for window in cut(lengths, starts, room) for token in range(window.first, window.last)]
    assert owned == list(range(len(lengths)))


@given(articles())
def test_no_window_is_larger_than_the_room_and_each_shows_what_it_owns(
    article: tuple[list[int], list[int], int],
) -> None:
    lengths, starts, room = article
    for window in cut(lengths, starts, room):
        assert window.start <= window.first < window.last <= window.end
        assert sum(min(length, room) for length in lengths[window.start : window.end]) <= room


@given(articles())
def test_a_token_is_owned_by_the_window_that_shows_most_on_its_poorer_side(
    article: tuple[list[int], list[int], int],
) -> None:
    lengths, starts, room = article
    windows = cut(lengths, starts, room)
    before = np.concatenate([[0], np.cumsum(np.minimum(lengths, room))])

    def context(window: Window, token: int) -> float:
        left = before[token] - before[window.start]
        right = before[window.end] - before[token + 1]
        whole_left, whole_right = window.start == 0, window.end == len(lengths)
        return float(min(np.inf if whole_left else left, np.inf if whole_right else right))

    for one, other in pairwise(windows):
        for token in range(other.start, one.end):
            if one.first <= token < one.last:
                assert context(one, token) >= context(other, token)
            elif other.first <= token < other.last:
                assert context(other, token) > context(one, token)


@given(articles())
def test_windows_go_forward(article: tuple[list[int], list[int], int]) -> None:
    windows = cut(*article)
    for one, other in pairwise(windows):
        assert one.start < other.start <= one.end < other.end


def test_an_article_that_fits_is_one_window() -> None:
    assert cut([2, 3, 5], [0, 2], room=10) == [Window(0, 3, 0, 3)]


def test_an_article_without_words_has_no_windows() -> None:
    assert cut([], [], room=10) == []


def test_windows_begin_and_end_where_sentences_do() -> None:
    sentences = list(range(0, 100, 7))
    windows = cut([1] * 100, sentences, room=30, overlap=7)
    edges = {window.start for window in windows} | {window.end for window in windows}
    assert edges <= {*sentences, 100}
    assert len(windows) > 3


def test_a_sentence_longer_than_the_window_is_cut_at_any_word() -> None:
    windows = cut([1] * 100, [0], room=30, overlap=7)
    assert [window.end for window in windows][:2] == [30, 53]
    assert windows[1] == Window(23, 53, 27, 50)  # it shares 7 tokens with each neighbour


def test_neighbours_share_context() -> None:
    windows = cut([1] * 1000, list(range(0, 1000, 10)), room=100)
    shared = [one.end - other.start for one, other in pairwise(windows)]
    assert min(shared) >= 6
    assert max(shared) <= 12


def test_a_monster_of_a_word_has_a_window() -> None:
    windows = cut([1, 600, 1], [0], room=30)
    assert any(window.first <= 1 < window.last for window in windows)


def test_a_very_long_article_is_cut_quickly_and_whole() -> None:
    windows = cut([1] * 50_000, list(range(0, 50_000, 20)), room=254)
    assert sum(window.last - window.first for window in windows) == 50_000
    assert len(windows) < 320


def test_a_window_needs_room() -> None:
    with pytest.raises(ValueError, match="room"):
        cut([1], [0], room=0)
