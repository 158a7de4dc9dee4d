from training.engine.order import ceiling_at, to_mend


def test_twice_the_words_of_which_a_model_is_as_unsure_are_twice_as_much_to_mend() -> None:
    assert to_mend(0.5, 400) == 2 * to_mend(0.5, 200)
    assert to_mend(0.2, 100) < to_mend(0.3, 100)
    assert to_mend(0.0, 1000) == 0


def test_few_articles_come_last_and_of_a_handful_none() -> None:
    assert [ceiling_at(count) for count in (0, 1, 6, 7, 100)] == [0, 0, 0, 1, 15]
