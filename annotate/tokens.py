"""Tokens: half-open ranges of code points, fine enough that the edge of an entity is the edge of a token.

"New York-based" is New|York|-|based, "Obama's" is Obama|'s, "$3.5bn" is $|3.5|bn, "U.S." is one token wherever it
stands. Scripts written without blanks (Chinese, Japanese, Thai ...) and Korean, whose particles cling to names, are
cut by character. A combining mark, a variation selector, a skin tone or a joined emoji stays with its base.
The text itself is never changed, so it is recoverable whatever the tokens are.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence, Set

Offsets = list[tuple[int, int]]


class TokenError(ValueError):
    """Tokens that cannot be stored; the message says which and why."""


# Never inside a token: what str.isspace() knows, and what only looks like nothing (zero-width and braille blank,
# word joiner, byte order mark, Hangul fillers).
_BLANK = r"\s\u180e\u200b\u2060-\u2064\ufeff\u2800\u115f\u1160\u3164\uffa0"
# Shows nothing either: control characters and bidi marks. The tokenizer leaves them between tokens; an imported
# token may carry them, as Hebrew and Arabic corpora do.
_SILENT = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb"
# Soft hyphen and the (non-)joiners belong to the character before them and begin no token.
_JOINER = r"\u00ad\u200c\u200d"
_HANGUL = r"\uac00-\ud7ff\u1100-\u115e\u1161-\u11ff\u3130-\u3163\u3165-\u318f\ua960-\ua97f"
_UNSPACED = (
    r"\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f"  # Thai to Balinese
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua980-\ua9df\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f"
    r"\U00020000-\U0003ffff"
)
# Where a word is no run of letters between blanks; the inside of a character class, for PostgreSQL too.
WRITTEN_WITHOUT_BLANKS = _UNSPACED + _HANGUL
# Emoji, arrows, currencies and the like, as far as they are no ASCII: signs that mean something alone. Also for both.
SYMBOLS = (
    r"\u00a2-\u00a9\u00ac\u00ae-\u00b1\u00b6\u00d7\u00f7\u20a0-\u20cf\u2116\u2122\u2190-\u2bff\U0001f000-\U0001faff"
)
JOINED_TO_SYMBOLS = r"\u200d\ufe0e\ufe0f\U000e0020-\U000e007f"
_UNSPACED_PUNCTUATION = r"\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\uff01-\uff20\uff3b-\uff40\uff5b-\uff65"


def _mark_ranges() -> str:
    """The combining marks of this Python's Unicode, as the inside of a character class."""
    ranges: list[tuple[int, int]] = []
    for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(code)) in {"Mn", "Mc", "Me"}:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1] = (ranges[-1][0], code)
            else:
                ranges.append((code, code))
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


# What clings to the character before it: marks, joiners, half-width voicing, skin tones, the tags of regional flags.
_MARK = _mark_ranges() + _JOINER + r"\uff9e\uff9f"
_CLING = _MARK + r"\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_LETTER = rf"[^\W\d_{_UNSPACED}{_HANGUL}]"

_TOKEN = re.compile(
    rf"""
    (?=\S)(?:                                                          # blanks and plain ASCII first, for speed alone
      [A-Za-z]{{2,}}+(?![\d\u0080-\U0010ffff])
    | [.,](?![\u0080-\U0010ffff])
    | (?:{_LETTER}\.){{2,}}[{_CLING}]*                                 # U.S., J.K., a.m.: with the last dot, always
    | {_LETTER}+(?:[{_MARK}\d]+{_LETTER}*)*                            # a word, G20
    | \d+(?:[.,]\d+)*[{_CLING}]*                                       # 3.5 of $3.5bn; a keycap emoji
    | (?<=[\w.])['’](?:[sStTdDmM]|re|RE|ve|VE|ll|LL)(?![\w{_CLING}])   # 's, n|'t, 're
    | ([-_=*~\#])\1{{2,}}[{_CLING}]*                                   # a drawn rule
    | [\U0001f1e6-\U0001f1ff]{{2}}[{_CLING}]*                          # a flag
    | [\u1100-\u115e]+[\u1161-\u11a7]*[\u11a8-\u11ff]*[{_CLING}]*      # a Korean syllable, decomposed
    | [^{_BLANK}{_SILENT}{_JOINER}][{_CLING}]*                         # any other character, joined emoji as one
      (?:(?<=\u200d)[^\w{_BLANK}{_SILENT}{_JOINER}][{_CLING}]*)*
    )
    """,
    re.VERBOSE,
)
# Characters as people see them, after UAX #29: never cut inside. Where it is more careful than that (whatever follows a
# joiner, a Korean syllable of any make, a conjunct of Indic letters), it is on the side of leaving them whole.
_FOLLOWS = rf"[{_CLING}\u0e33\u0eb3]"
_BASE = rf"""(?:
      [\U0001f1e6-\U0001f1ff]{{2}}
    | [\u1100-\u115f\ua960-\ua97c]*[\uac00-\ud7a3]?[\u1160-\u11ff\ud7b0-\ud7fb]+
    | [\u1100-\u115f\ua960-\ua97c]+[\uac00-\ud7a3]?
    | (?!{_FOLLOWS}).
    | (?={_FOLLOWS})
    )"""
_VIRAMA = r"[\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d\u1039\u17d2\u1a60\ua9c0]"
_LINK = rf"(?:{_FOLLOWS}*{_VIRAMA}{_FOLLOWS}*(?=\w)|{_FOLLOWS}*\u200d)"
_NUMBER_SIGN = r"[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2]"  # Arabic ones stand before their number
_CHARACTER = re.compile(rf"{_NUMBER_SIGN}*{_BASE}(?:{_LINK}{_NUMBER_SIGN}*{_BASE})*{_FOLLOWS}*", re.VERBOSE | re.DOTALL)
_HAS_BLANK = re.compile(rf"[{_BLANK}]")
_ODD = re.compile(rf"[{_BLANK}{_SILENT}{_JOINER}]")
_UNBLANK = re.compile(rf"[^{_BLANK}]+")
_HAS_VISIBLE = re.compile(rf"[^{_BLANK}{_SILENT}{_JOINER}]")
_HIDDEN = re.compile(rf"(?=[{_BLANK}{_SILENT}{_JOINER}])([{_JOINER}]*)[{_BLANK}{_SILENT}{_JOINER}]*")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}{_UNSPACED_PUNCTUATION}]")
_LINE_BREAK = re.compile(r"[\n\r\v\f\x85\u2028\u2029]")
_SENTENCE_END = re.compile(r"[.?!。！？]")
_CLOSING = frozenset("\"'”’»)]」』")
_OPENING = frozenset("\"'“‘«([「『")
_ABBREVIATIONS = frozenset(
    ["Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Gen", "Sen", "Rep", "Gov", "Lt", "Col", "Sgt", "Capt", "Rev", "Hon", "vs"]
)


def tokenize(text: str) -> Offsets:
    """Cut a text into tokens, ascending.

    Every code point belongs to exactly one token, but for blanks, control characters and bidi marks, which belong to
    none (nor does a joiner with nothing to cling to).
    """
    return [match.span() for match in _TOKEN.finditer(text)]


def word_fault(word: str) -> str | None:
    """Why a word cannot be a token ("is empty", "has a blank inside"), or None where it can."""
    if not _HAS_VISIBLE.search(word):
        return "is empty"
    if _HAS_BLANK.search(word):
        return "has a blank inside"
    if "\x00" in word:
        return "has a NUL character"
    return None


def word_faults(words: Sequence[str]) -> list[tuple[int, str]]:
    """The place and fault of each word that cannot be a token."""
    if "" not in words and not _ODD.search("".join(words)):
        return []  # by far the most articles
    return [(index, fault) for index, word in enumerate(words) if (fault := word_fault(word))]


def visible_ranges(word: str) -> Offsets:
    """The ranges of a word between the blanks inside it; none where nothing of it shows."""
    return [match.span() for match in _UNBLANK.finditer(word) if _HAS_VISIBLE.search(match[0])]


class Shown:
    """Where a text shows something, found once for any number of ranges of it."""

    def __init__(self, text: str) -> None:
        found = [(run.start(), run.end(1), run.end()) for run in _HIDDEN.finditer(text)]
        self._starts, self._joined, self._ends = ([run[place] for run in found] for place in range(3))

    def within(self, start: int, end: int) -> tuple[int, int] | None:
        """The range from its first token's start to its last token's end, if it were cut into tokens by itself; None
        where nothing of it shows.
        """
        before = bisect_right(self._starts, start) - 1
        first = max(start, self._ends[before]) if before >= 0 else start
        if first >= end:
            return None
        after = bisect_left(self._starts, end) - 1
        # A joiner after the last sign that shows belongs to it.
        last = min(end, self._joined[after]) if after >= 0 and self._ends[after] >= end else end
        return first, last


def places_to_split(word: str) -> list[int]:
    """Where a token may be split in two: the code points into it at which the second would begin. Both are tokens, and
    no character as people see it (an emoji family, a flag, a letter with its marks) is cut.
    """
    edges = [match.start() for match in _CHARACTER.finditer(word) if match[0]][1:]
    return [edge for edge in edges if not word_fault(word[:edge]) and not word_fault(word[edge:])]


def check_offsets(text: str, offsets: Sequence[tuple[int, int]]) -> None:
    """Raise TokenError unless every range is a token: in the text, ascending, apart, not empty, without a blank."""
    before = 0
    for index, (start, end) in enumerate(offsets):
        if start >= end:
            raise TokenError(f"token {index} is empty: {start} to {end}")
        if start < before:
            raise TokenError(f"token {index} starts at {start}, before the end {before} of the token before it")
        if end > len(text):
            raise TokenError(f"token {index} ends at {end}, past the end {len(text)} of the text")
        if fault := word_fault(text[start:end]):
            raise TokenError(f"token {index} {fault}: {text[start:end]!r}")
        before = end


def text_from_words(words: Sequence[str], sentence_starts: Sequence[int] = ()) -> tuple[str, Offsets]:
    """Write words as a text: a blank between two, a line break before a sentence, nothing between two of Chinese,
    Japanese, Thai and other scripts without blanks. Raises TokenError for a word that is empty or has a blank.
    """
    if faults := word_faults(words):
        index, fault = faults[0]
        raise TokenError(f"token {index} {fault}: {words[index]!r}")
    starts = frozenset(sentence_starts)
    pieces: list[str] = []
    offsets: Offsets = []
    position = 0
    for index, word in enumerate(words):
        if index:
            gap = _gap(words[index - 1], word, starts_sentence=index in starts)
            pieces.append(gap)
            position += len(gap)
        pieces.append(word)
        offsets.append((position, position + len(word)))
        position += len(word)
    return "".join(pieces), offsets


def _gap(left: str, right: str, *, starts_sentence: bool) -> str:
    if starts_sentence:
        return "\n"
    # Compare the first characters: the last of the left one may be a mark on its base.
    return "" if _IS_UNSPACED.match(left) and _IS_UNSPACED.match(right) else " "


def sentence_starts(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Say at which tokens a sentence or paragraph starts: the first one, after a line break, and after . ? or !
    where a capital follows. Good enough to cut windows at; it claims no more. No tokens, no starts.
    """
    if not offsets:
        return []
    # Few places of a text can be a start: only these are looked at.
    after_break = {bisect_left(offsets, (found.start(), 0)) for found in _LINE_BREAK.finditer(text)}
    starts = {0, *(index for index in after_break if index < len(offsets))}
    for found in _SENTENCE_END.finditer(text):
        index = bisect_left(offsets, found.span())
        if index < len(offsets) and offsets[index] == found.span() and _ends_sentence(text, offsets, index):
            starts |= _start_after(text, offsets, index, starts)
    return sorted(starts)


def _start_after(text: str, offsets: Sequence[tuple[int, int]], end: int, breaks: Set[int]) -> set[int]:
    """Where the sentence after the one that token `end` ends starts: behind quotes and brackets that close it."""
    for index in range(end + 1, len(offsets)):
        if index in breaks:
            return set()
        if _begins_sentence(text, offsets, index):
            return {index}
        if _word(text, offsets, index) not in _CLOSING:
            return set()
    return set()


def _ends_sentence(text: str, offsets: Sequence[tuple[int, int]], index: int) -> bool:
    if _word(text, offsets, index) != ".":
        return True
    before = _word(text, offsets, index - 1) if index else ""
    return before not in _ABBREVIATIONS and not (len(before) == 1 and before.isupper())


def _begins_sentence(text: str, offsets: Sequence[tuple[int, int]], index: int) -> bool:
    word, before = _word(text, offsets, index), offsets[index - 1][1]
    if _IS_UNSPACED.match(text, offsets[index - 1][0]) and word not in _CLOSING:
        return True
    if before == offsets[index][0]:
        return False
    if word in _OPENING and index + 1 < len(offsets):
        word = _word(text, offsets, index + 1)
    return word[0].isupper() or word[0].isdigit()


def _word(text: str, offsets: Sequence[tuple[int, int]], index: int) -> str:
    start, end = offsets[index]
    return text[start:end]
