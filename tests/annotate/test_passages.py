import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.passages import PassageError, check, left, rest, sentences_left, touching


@st.composite
def articles(draw):
    """A count of tokens and passages of them."""
    count = draw(st.integers(1, 30))
    edges = sorted(draw(st.sets(st.integers(0, count), max_size=8)))
    passages = [pair for pair in zip(edges[::2], edges[1::2], strict=False) if draw(st.booleans())]
    return count, passages


@given(articles())
def test_what_is_left_and_what_is_left_out_make_up_the_article(article):
    count, passages = article
    check(passages, count)
    out = {index for start, end in passages for index in range(start, end)}
    assert left(range(count), passages) == [index for index in range(count) if index not in out]
    assert all(not touching(passages, start, end) for start, end in rest(count, passages))


@given(articles(), st.sets(st.integers(0, 29)))
def test_a_passage_that_is_left_out_is_a_sentence_border(article, starts):
    count, passages = article
    kept = left(range(count), passages)
    wanted = [
        place for place, index in enumerate(kept) if index in starts or place == 0 or kept[place - 1] != index - 1
    ]
    assert sentences_left(sorted(starts), count, passages) == wanted


@pytest.mark.parametrize("passages", [[(2, 2)], [(3, 1)], [(0, 3), (2, 4)], [(3, 4), (0, 1)], [(-1, 2)], [(4, 6)]])
def test_passages_that_are_empty_overlap_or_lie_outside_are_refused(passages):
    with pytest.raises(PassageError):
        check(passages, 5)
