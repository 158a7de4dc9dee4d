import pytest

from training.engine.articles import Article
from training.engine.shapes import AROUND, NONE, SHAPES, shapes_of


@pytest.mark.parametrize(
    ("words", "differ"),
    [
        (["paris", "Paris", "PARIS", "McRae", "P"], True),
        (["1984", "12", "B12", "12th", ",", "O'Brien"], True),
        (["Paris", "Oslo", "Łódź"], False),
        (["2024", "1999"], False),
        (["東京", "北京"], False),
    ],
)
def test_words_that_look_alike_have_one_shape(words: list[str], differ: bool) -> None:
    shapes = {next(i for i, holds in enumerate(SHAPES) if holds(word)) for word in words}
    assert len(shapes) == (len(words) if differ else 1)


def columns(article: Article, word: int, shift: int) -> list[int]:
    first = (shift + AROUND) * (NONE + 1)
    return shapes_of(article)[word, first : first + NONE + 1].nonzero()[0].tolist()  # type: ignore[no-any-return]


def test_the_words_around_are_told_and_that_there_is_none() -> None:
    article = Article("a", ["Ada", "met", "Bob"], [], [0])
    assert columns(article, 1, -1) == columns(article, 1, 1) == columns(article, 0, 0)
    assert columns(article, 0, -1) == columns(article, 2, 1) == [NONE]


def test_a_capital_inside_a_sentence_tells_of_the_same_word_elsewhere() -> None:
    article = Article("a", ["Rice", "grows", ".", "Then", "Rice", "spoke", "of", "rice"], [], [0, 3])
    never, capital, small, often = shapes_of(article)[0, -4:].tolist()
    assert (never, capital, small) == (0, 0.5, 0.5)
    assert 0 < often < 1
    assert shapes_of(article)[3, -4:].tolist() == [1, 0, 0, 0]


def test_every_value_lies_between_0_and_1() -> None:
    rows = shapes_of(Article("a", ["one", "word"] * 20, [], [0]))
    assert rows.min() >= 0
    assert rows.max() <= 1
