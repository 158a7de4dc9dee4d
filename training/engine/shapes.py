"""What a word looks like, for a reader that is told no capitals: its shape and those of the words around it."""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.engine.articles import Article

# The first that holds is a word's shape.
SHAPES: list[Callable[[str], bool]] = [
    str.islower,
    lambda word: len(word) == 1 and word.isupper(),
    lambda word: word.isalpha() and word.isupper(),
    lambda word: word.isalpha() and word[0].isupper() and word[1:].islower(),
    str.isalpha,
    lambda word: len(word) == 4 and word.isdigit(),
    str.isdigit,
    lambda word: not any(map(str.isalnum, word)),
    lambda word: word[0].isupper() and any(map(str.isdigit, word)),
    lambda word: any(map(str.isdigit, word)),
    lambda word: word[0].isupper(),
    lambda word: True,
]
NONE = len(SHAPES)  # beyond the ends of the article
AROUND = 2  # words on either side
ELSEWHERE = 4  # columns
OFTEN = 5  # times in an article, beyond which a word is no more frequent


def shapes_of(article: Article) -> NDArray[np.float32]:
    """Tell the looks of each word: (words, columns), each column in [0, 1].

    Its shape and those of the words around it; its shape again where it begins a sentence, since a capital says less
    there; and how often the same word stands elsewhere in the article inside a sentence, with a capital or without.
    """
    words = article.words
    shapes = np.array([next(i for i, holds in enumerate(SHAPES) if holds(word)) for word in words], dtype=np.intp)
    padded = np.pad(shapes, AROUND, constant_values=NONE)
    one_hot = np.eye(NONE + 1, dtype=np.float32)
    around = [one_hot[padded[shift : shift + len(words)]] for shift in range(2 * AROUND + 1)]
    begins = np.zeros((len(words), 1), dtype=np.float32)
    begins[[start for start in article.sentence_starts if start < len(words)]] = 1
    return np.concatenate([*around, around[AROUND] * begins, _elsewhere(words, begins[:, 0] > 0)], axis=1)


def _elsewhere(words: list[str], begins: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Never inside a sentence, the share with a capital there, the share without, and how often."""
    inside = [word for word, is_first in zip(words, begins, strict=True) if not is_first]
    times = Counter(word.lower() for word in inside)
    capital = Counter(word.lower() for word in inside if word[:1].isupper())
    result = np.zeros((len(words), ELSEWHERE), dtype=np.float32)
    for place, word in enumerate(map(str.lower, words)):
        if count := times[word]:
            share = capital[word] / count
            result[place] = (0, share, 1 - share, min(count, OFTEN) / OFTEN)
        else:
            result[place, 0] = 1
    return result
