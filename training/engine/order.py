"""In which order articles are worth tagging: by how much is likely to be wrong in them, but for the very worst.

`bench/simulate.py` has the figures.
"""

LAST = 0.15  # the share of articles, those with most to mend, that come last


def to_mend(uncertainty: float, words: int) -> float:
    """Say how much is likely to be wrong in an article: how unsure the model is of all its words together.

    uncertainty: the mean over its words (see `decode`). By the mean alone short articles go first, which teach little.
    """
    return uncertainty * words


def ceiling_at(count: int) -> int:
    """Among so many articles, most to mend first, the place of the first that is handed out in its turn, from 0.

    Those before it come last: long lists and tables, or what is like nothing else. Each takes as long as many others
    and teaches about itself.
    """
    return int(count * LAST)
