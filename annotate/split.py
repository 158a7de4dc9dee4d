"""Near-duplicates and splits, the same on every machine and in every year: no `hash()`, no seed taken from the clock.

MinHash over shingles of three words (Broder 1997) estimates how much two texts share; bands of its values are keys
under which near-duplicates meet in an index (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4). With 18
bands of 4 values, a pair that shares 0.8 of its shingles misses every band once in ten thousand times; one that shares
0.3 meets about once in seven and is then told apart by `similarity`, which looks at all 120 values.

A word is hashed once and then known by its number. Shingles, their 120 hashes (multiply-add-shift, Dietzfelbinger 1996)
and the keys are computed on whole arrays. numpy does it alone: datasketch takes 2 s and 60 MB to import, numpy 0.2 s.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

SPLITS = ("train", "validation", "test", "aside")
THRESHOLD = 0.8
SHINGLE_WORDS = 3
PERMUTATIONS = 120
BANDS, IN_A_BAND = 18, 4

ROWS_AT_ONCE = 512  # shingles whose 120 hashes are held together: a book must not take gigabytes
WORDS_KNOWN = 50_000
LONGEST_KNOWN = 40  # characters of a word that is kept


def signature(words: Sequence[str]) -> bytes:
    """The MinHash signature of a text: 120 little-endian 32-bit values, 480 bytes.

    Case does not count. A text shorter than a shingle is one shingle; one without words has a signature of its own.
    """
    import numpy as np  # only imports and pastes need it: keep it out of a page's start

    shingles = _shingles(words)[:, None]  # (S, 1), 32 bits each
    drawn = _drawn()
    lowest = None
    for start in range(0, len(shingles), ROWS_AT_ONCE):
        hashes = shingles[start : start + ROWS_AT_ONCE] * drawn.factors  # (rows, 120), modulo 2**64
        hashes += drawn.addends
        found = hashes.min(axis=0)  # (120,)
        lowest = found if lowest is None else np.minimum(lowest, found)
    assert lowest is not None
    return bytes((lowest >> np.uint64(32)).astype("<u4"))


def keys(signature: bytes) -> list[int]:
    """The 18 band keys of a signature, each a non-negative number of 63 bits that any database can index."""
    import numpy as np

    drawn = _drawn()
    values = np.frombuffer(signature, dtype="<u4", count=BANDS * IN_A_BAND).reshape(BANDS, IN_A_BAND)
    bands = (values * drawn.places).sum(axis=1)  # (18,); each band has factors of its own, so that none is like another
    found: list[int] = (_stirred(bands) >> np.uint64(1)).tolist()
    return found


def similarity(a: bytes, b: bytes) -> float:
    """The estimated share (Jaccard) of shingles that two signatures' texts have in common, 0.0 to 1.0."""
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(a, dtype="<u4") == np.frombuffer(b, dtype="<u4"))) / PERMUTATIONS


def split_of(group: str, validation_share: int, test_share: int = 0) -> str:
    """The split of a near-duplicate group, by stable hash; shares in per cent, the rest is training.

    Raises ValueError where the shares are negative or leave nothing to train on.
    """
    if validation_share < 0 or test_share < 0 or validation_share + test_share >= 100:
        raise ValueError(f"shares of {validation_share} and {test_share} per cent leave nothing to train on")
    place = _hash64(group.encode()) % 10_000
    if place < validation_share * 100:
        return "validation"
    return "test" if place >= 10_000 - test_share * 100 else "train"


def _shingles(words: Sequence[str]) -> "np.ndarray[Any, Any]":
    """The hashes (S,) of each three words that follow each other: 32 bits in numbers of 64."""
    import numpy as np

    hashed = np.zeros(max(len(words), SHINGLE_WORDS), dtype=np.uint64)
    hashed[: len(words)] = np.fromiter(map(_KNOWN.__getitem__, words), dtype=np.uint64, count=len(words))
    first, second, third = _drawn().words
    return _stirred(hashed[:-2] * first + hashed[1:-1] * second + hashed[2:] * third) >> np.uint64(32)


def _stirred(values: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Numbers of 64 bits, each bit of which hangs on all bits of a sum; in place."""
    import numpy as np

    values ^= values >> np.uint64(32)
    values *= _drawn().stir
    values ^= values >> np.uint64(29)
    return values


class _Known(dict[str, int]):
    """The hash of each word by its spelling. A text says most of its words again, so those seen lately are kept."""

    def __missing__(self, word: str) -> int:
        value = _hash64(word.casefold().encode("utf-8", "surrogatepass"))
        if len(word) <= LONGEST_KNOWN:
            if len(self) >= WORDS_KNOWN:
                self.clear()
            self[word] = value
        return value


_KNOWN = _Known()


def _hash64(value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


class _Drawn(NamedTuple):
    """The constants of the hash functions, all odd or at random: numbers of 64 bits."""

    words: "tuple[np.uint64, np.uint64, np.uint64]"  # of the places in a shingle
    factors: "np.ndarray[Any, Any]"  # (120,)
    addends: "np.ndarray[Any, Any]"  # (120,)
    places: "np.ndarray[Any, Any]"  # (18, 4)
    stir: "np.uint64"


@cache
def _drawn() -> _Drawn:
    """Drawn by hash, since a library's random stream may change from version to version."""
    import numpy as np

    def draw(name: str, count: int) -> "np.ndarray[Any, Any]":
        return np.array([_hash64(f"tagdesk {name} {index}".encode()) | 1 for index in range(count)], dtype=np.uint64)

    first, second, third = draw("shingle", SHINGLE_WORDS)
    places = draw("band", BANDS * IN_A_BAND).reshape(BANDS, IN_A_BAND)
    factors, addends = draw("factor", PERMUTATIONS), draw("addend", PERMUTATIONS)
    return _Drawn((first, second, third), factors, addends, places, np.uint64(0x9E3779B97F4A7C15))
