"""In which order articles teach most."""

from math import sqrt


def usefulness(uncertainty: float, words: int) -> float:
    """Say how much there is to learn from an article: more where there are more words to be unsure of, by their root.

    uncertainty: the mean over its words (see `decode`). By the mean alone short articles go first, which teach less; by
    the sum the longest, however much work they are. `bench/simulate.py` has the figures.
    """
    return uncertainty * sqrt(words)
