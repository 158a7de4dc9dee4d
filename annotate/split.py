"""Near-duplicates and splits, the same on every machine and in every year: no `hash()`, no seed taken from the clock.

MinHash over shingles of three words (Broder 1997) estimates how much two texts share; bands of its values are keys
under which near-duplicates meet in an index (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4). With
120 values in 24 bands of 5, a pair that shares 0.8 of its shingles misses every band once in ten thousand times; one
that shares 0.3 meets about once in twenty and is then told apart by `similarity`.

numpy does it alone: datasketch computes the same but takes 2 s and 60 MB to import, where numpy takes 0.2 s.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SPLITS = ("train", "validation", "test", "aside")
THRESHOLD = 0.8
SHINGLE_WORDS = 3
PERMUTATIONS = 120
BANDS = 24

_PRIME = (1 << 31) - 1  # Mersenne: products of two values below it fit 64 bits


def signature(words: Sequence[str]) -> bytes:
    """The MinHash signature of a text: 120 little-endian 32-bit values, 480 bytes.

    Case does not count. A text shorter than a shingle is one shingle; one without words has a signature of its own.
    """
    import numpy as np  # only imports and pastes need it: keep it out of a page's start

    hashes = np.array([_hash32(shingle) % _PRIME for shingle in _shingles(words)], dtype=np.uint64)  # (S,)
    factors, addends = _permutations()
    lowest = np.full(PERMUTATIONS, _PRIME, dtype=np.uint64)
    for part in np.array_split(hashes, len(hashes) // 1024 + 1):  # a book must not take gigabytes
        lowest = np.minimum(lowest, ((part[:, None] * factors + addends) % _PRIME).min(axis=0))  # (120,)
    return lowest.astype("<u4").tobytes()


def keys(signature: bytes) -> list[int]:
    """The 24 band keys of a signature, each a non-negative number of 63 bits that any database can index."""
    width = len(signature) // BANDS
    bands = [signature[band * width : (band + 1) * width] for band in range(BANDS)]
    return [_hash64(bytes([band]) + values) >> 1 for band, values in enumerate(bands)]


def similarity(a: bytes, b: bytes) -> float:
    """The estimated share (Jaccard) of shingles that two signatures' texts have in common, 0.0 to 1.0."""
    import numpy as np

    return float((np.frombuffer(a, dtype="<u4") == np.frombuffer(b, dtype="<u4")).mean())


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


def _shingles(words: Sequence[str]) -> set[str]:
    folded = [word.casefold() for word in words]
    last = max(len(folded) - SHINGLE_WORDS, 0)
    return {"\x1f".join(folded[start : start + SHINGLE_WORDS]) for start in range(last + 1)}


def _hash32(shingle: str) -> int:
    return int.from_bytes(hashlib.blake2b(shingle.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "little")


def _hash64(value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


@cache
def _permutations() -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Factors (120,) and addends (120,) of the hash functions; drawn by hash, since a library's random stream may
    change from version to version.
    """
    import numpy as np

    drawn = [_hash64(f"tagdesk minhash {index}".encode()) for index in range(2 * PERMUTATIONS)]
    factors = np.array([1 + value % (_PRIME - 1) for value in drawn[::2]], dtype=np.uint64)
    addends = np.array([value % _PRIME for value in drawn[1::2]], dtype=np.uint64)
    return factors, addends
