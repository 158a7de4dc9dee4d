"""The same mention again: where the words of one span stand elsewhere in an article, untagged.

Pure: plain values in, token ranges out. What counts as the same is a rule of our own, not a stemmer's: it knows no
language, so that it serves all, and whatever it finds is only offered to a person, never taken by itself.

- Words are compared token by token in Unicode's NFC, without soft hyphens; with `fold_case` by full case folding
  (Unicode 3.13, D144: "STRASSE" is "Straße"), which does not know Turkish dotless i.
- With `inflect` two words of letters may differ in what follows a stem that they share, if the stem has four letters
  or more and neither ending more than three: Merkel and Merkels, Warszawa and Warszawie, Москва and Москвой. Shorter
  words, numbers and signs must be the same. A possessive 's is a token of its own and no part of the mention.
"""

import unicodedata
from collections.abc import Iterable, Sequence

STEM = 4  # letters that two forms of a word share at least
ENDING = 3  # letters that either may have after these at most


def like(
    words: Sequence[str],
    mention: Sequence[str],
    taken: Iterable[tuple[int, int]] = (),
    fold_case: bool = False,
    inflect: bool = False,
) -> list[tuple[int, int]]:
    """The half-open token ranges of `words` that read like `mention`, ascending and apart; none touches a range of
    `taken`. Of two that overlap each other it is the first.
    """
    size = len(mention)
    if not size:
        return []
    keys = {word: _key(word, fold_case) for word in {*words, *mention}}
    fits = [{word for word, key in keys.items() if _is_same(key, keys[wanted], inflect)} for wanted in mention]
    free = bytearray(b"\1" * len(words))
    for start, end in taken:
        free[start:end] = bytes(len(free[start:end]))
    found: list[tuple[int, int]] = []
    edge = 0
    for start, word in enumerate(words[: max(0, len(words) - size + 1)]):
        end = start + size
        if word not in fits[0] or start < edge or not all(free[start:end]):
            continue
        if all(words[start + place] in fits[place] for place in range(1, size)):
            found.append((start, end))
            edge = end
    return found


def stem(word: str, inflect: bool) -> str:
    """What every form of the word begins with: all of it, or with `inflect` what `like` needs to be the same."""
    return word[: max(STEM, len(word) - ENDING)] if inflect and _has_forms(word) else word


def _key(word: str, fold_case: bool) -> str:
    plain = unicodedata.normalize("NFC", word.replace("\u00ad", ""))
    return unicodedata.normalize("NFC", plain.casefold()) if fold_case else plain


def _is_same(one: str, other: str, inflect: bool) -> bool:
    if one == other:
        return True
    if not inflect or one[:STEM] != other[:STEM] or abs(len(one) - len(other)) > ENDING:
        return False
    shared = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return max(len(one), len(other)) - shared <= ENDING and _has_forms(one) and _has_forms(other)


def _has_forms(word: str) -> bool:
    """Whether a word is long enough, and nothing but letters and their marks."""
    return len(word) >= STEM and all(unicodedata.category(sign)[0] in "LM" for sign in word)
