"""Which language some articles are in, as far as their signs and commonest words tell, and whether an encoder reads it.

A cheap look that is sure of scripts and nearly sure of the languages it has words for; of others it says nothing. Pure.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

ANY = {"multilingual", "mul"}
FEWEST_LETTERS = 100
FEWEST_HITS, CLEARLY = 8, 1.5  # common words found, and how many times those of the next language
LATIN = "LATIN"
MARKS = re.compile(r"[^\W\d_]+")


class Language(NamedTuple):
    """`name` is for people; `codes` are those of ISO 639-1 that an encoder's card may have for it."""

    name: str
    codes: frozenset[str]


def _of(name: str, *codes: str) -> Language:
    return Language(name, frozenset(codes))


ENGLISH = _of("English", "en")
# By the first word of a letter's Unicode name.
SCRIPTS = {
    "ARABIC": _of("a language in Arabic script", "ar", "fa", "ur", "ps", "ckb"),
    "ARMENIAN": _of("Armenian", "hy"),
    "BENGALI": _of("Bengali", "bn", "as"),
    "CJK": _of("Chinese", "zh"),
    "CYRILLIC": _of("a language in Cyrillic script", "ru", "uk", "bg", "sr", "mk", "be", "kk", "mn"),
    "DEVANAGARI": _of("a language in Devanagari script", "hi", "mr", "ne"),
    "ETHIOPIC": _of("a language in Ethiopic script", "am", "ti"),
    "GEORGIAN": _of("Georgian", "ka"),
    "GREEK": _of("Greek", "el"),
    "GUJARATI": _of("Gujarati", "gu"),
    "HANGUL": _of("Korean", "ko"),
    "HEBREW": _of("Hebrew", "he", "iw", "yi"),
    "HIRAGANA": _of("Japanese", "ja"),
    "KATAKANA": _of("Japanese", "ja"),
    "TAMIL": _of("Tamil", "ta"),
    "TELUGU": _of("Telugu", "te"),
    "THAI": _of("Thai", "th"),
}
# A few of the commonest words, those first that the neighbours do not have.
WORDS = {
    ENGLISH: "the of and to in that is was for on with as by at from are his her this which have been not",
    _of("Czech", "cs"): "že se na je do pro jako ale podle které také bylo jeho není jsou který však po by od",
    # Too close to each other for a look like this one.
    _of("Danish or Norwegian", "da", "no", "nb", "nn"): "det af til er på med ikke den har som og at var blev ble av å",
    _of("Dutch", "nl"): "het van een zijn dat met voor niet op aan ook wordt door bij werd naar heeft uit maar de",
    _of("Finnish", "fi"): "ja on ei että oli myös mutta kun hän ovat se kuin sen mukaan joka jälkeen ole",
    _of("French", "fr"): "le les des est une dans qui pour sur pas du au par avec ont cette été sont plus et la",
    _of("German", "de"): "der die und das ist nicht mit den von dem ein eine auf für sich auch wird als bei im zu",
    _of("Hungarian", "hu"): "az hogy és nem egy is volt meg csak mint már szerint ezt lesz azt után pedig el",
    _of("Indonesian", "id", "ms"): "yang dan di ini itu dengan untuk dari tidak pada dalam akan telah oleh juga ke",
    _of("Italian", "it"): "il di che è per una non sono della con gli alla nel dei anche del ha più dal le si",
    _of("Polish", "pl"): "się nie na jest że przez do dla oraz jak jego po był także są od przed który roku w z",
    _of("Portuguese", "pt"): "não uma os dos com para da do em ao mais foi são pelo pela das à também seu que as",
    _of("Romanian", "ro"): "și este nu din pe cu care pentru mai fost sunt lui după ca prin până dar în al sau",
    _of("Spanish", "es"): "el los las una del por con para es se su más fue como al pero según este ha sus y en",
    _of("Swedish", "sv"): "och att det är som på inte för med av har till den ett från efter också var men om",
    _of("Turkish", "tr"): "bir ve bu için ile da de olarak çok daha olan gibi sonra kadar en ne olduğu ancak",
    _of("Vietnamese", "vi"): "và của là không được có cho trong người đã với một những các khi này từ để",
}
COMMON = {language: frozenset(words.split()) for language, words in WORDS.items()}
NAMED = {code: language for language in (*WORDS, *SCRIPTS.values()) for code in language.codes}


def told(codes: Iterable[str]) -> Language | None:
    """The language that most of these say, as documents bring it along (`en`, `de-AT`, ...). None where few do."""
    given = list(codes)
    known = Counter(code.replace("_", "-").partition("-")[0].lower() for code in given if code)
    code, count = next(iter(known.most_common(1)), ("", 0))
    return NAMED.get(code) if 2 * count > len(given) else None


def guess(texts: Iterable[str]) -> Language | None:
    """Look at letters, and where they are Latin at the commonest words. None where that does not tell."""
    text = " ".join(texts)
    scripts = Counter(script for script in map(_script, text) if script)
    if scripts.total() < FEWEST_LETTERS:
        return None
    # Japanese is mostly written in signs that it shares with Chinese: the kana tell it.
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana and 10 * kana > scripts["CJK"]:
        scripts["HIRAGANA"] += scripts["CJK"]
    script, _ = scripts.most_common(1)[0]
    return _by_words(text) if script == LATIN else SCRIPTS.get(script)


def _script(sign: str) -> str:
    return unicodedata.name(sign, "").partition(" ")[0] if sign.isalpha() else ""


def _by_words(text: str) -> Language | None:
    words = Counter(word.lower() for word in MARKS.findall(text))
    hits = Counter({language: sum(words[word] for word in common) for language, common in COMMON.items()})
    (best, most), (_, next_most) = hits.most_common(2)
    return best if most >= FEWEST_HITS and most >= CLEARLY * next_most else None


def reads(languages: Sequence[str], language: Language) -> bool:
    """Whether an encoder whose card has these languages reads this one. Where the card has none nobody can say no."""
    known = {code.replace("_", "-").partition("-")[0].lower() for code in languages}
    return not known or bool(known & (ANY | language.codes))
