from training.engine.order import usefulness


def test_of_two_that_are_as_unsure_a_word_the_longer_teaches_more_though_not_in_proportion() -> None:
    assert usefulness(0.5, 100) < usefulness(0.5, 400) < 4 * usefulness(0.5, 100)


def test_of_two_as_long_the_less_sure_teaches_more() -> None:
    assert usefulness(0.2, 100) < usefulness(0.3, 100)


def test_an_article_that_is_sure_teaches_nothing() -> None:
    assert usefulness(0.0, 1000) == 0
