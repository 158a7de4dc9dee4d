import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotate.tokens import TokenError, check_offsets, sentence_starts, text_from_words, tokenize, word_fault

TRICKY = (
    "aB.'’$3-&_ \n\t中の한ไ\x07\u00a0\u00ad\u2009\u200b\ufeff\u0301\u200d\ufe0f"
    "\U0001f468\U0001f469\U0001f3fd\U0001f1e9\U0001f1ea"
)
HOSTILE = st.text() | st.text(alphabet=TRICKY)


def words_of(text: str) -> list[str]:
    return [text[start:end] for start, end in tokenize(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("New York-based", "New York - based"),
        ("Obama's", "Obama 's"),
        ("Obama’s", "Obama ’s"),
        ("players' don't they'll", "players ' don 't they 'll"),
        ("in the U.S. Senate", "in the U.S. Senate"),
        ("He left the U.S.", "He left the U.S."),
        ("(U.S.)", "( U.S. )"),
        ("U.S.-backed U.S.'s", "U.S. - backed U.S. 's"),
        ("J.K. Rowling, 5 p.m.", "J.K. Rowling , 5 p.m."),
        ("Apple Inc.", "Apple Inc ."),
        ("$3.5bn", "$ 3.5 bn"),
        ("€1,200.50", "€ 1,200.50"),
        ("AT&T", "AT & T"),
        ("pro-EU", "pro - EU"),
        ("G20 A320neo 20th 3M", "G20 A320neo 20 th 3 M"),
        ("l'Élysée O’Brien", "l ' Élysée O ’ Brien"),
        ("#ClimateAction @BBC_News", "# ClimateAction @ BBC _ News"),
        ("Amazon.com Yahoo!", "Amazon . com Yahoo !"),
        ("-----", "-----"),
        ("中国，北京。", "中 国 ， 北 京 。"),
        ("東京タワー", "東 京 タ ワ ー"),
        ("서울에서", "서 울 에 서"),
        ("ไทย", "ไ ท ย"),
        ("กำลังน้ำ", "ก ำ ลั ง น้ ำ"),
        ("GoogleとAI", "Google と AI"),
        ("कानपुर में", "कानपुर में"),
    ],
)
def test_it_cuts_where_an_entity_may_begin_or_end(text: str, words: str) -> None:
    assert words_of(text) == words.split(" ")


@pytest.mark.parametrize(
    "cluster",
    [
        "👨‍👩‍👧‍👦",
        "👍🏽",
        "👩🏽‍🚀",
        "🏳️‍🌈",
        "❤️",
        "🇩🇪",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "1️⃣",
        "e\u0301",
        "ﾀﾞ",
        "\u1112\u1161\u11ab",
        "葛\U000e0100",
        "Kran\u00adken\u00adhaus",
        "می\u200cخواهم",
    ],
)
def test_what_reads_as_one_sign_is_one_token(cluster: str) -> None:
    assert words_of(cluster) == [cluster]
    assert words_of(f"x {cluster} y") == ["x", cluster, "y"]


def test_two_flags_or_two_emoji_are_two_tokens() -> None:
    assert words_of("🇩🇪🇫🇷😀😀") == ["🇩🇪", "🇫🇷", "😀", "😀"]


@pytest.mark.parametrize(
    "blank", [" ", "\t", "\r\n", "\u00a0", "\u2009", "\u202f", "\u3000", "\u200b", "\ufeff", "\u2060"]
)
def test_every_odd_blank_parts_two_words(blank: str) -> None:
    assert tokenize(f"Ada{blank}Bob") == [(0, 3), (3 + len(blank), 6 + len(blank))]


@pytest.mark.parametrize("silent", ["\x00", "\x07", "\x1b", "\x7f", "\u200e", "\u202b"])
def test_control_characters_and_bidi_marks_lie_between_tokens(silent: str) -> None:
    assert words_of(f"Ada{silent}Bob") == ["Ada", "Bob"]


def _is_left_out(text: str, index: int) -> bool:
    return word_fault(text[index]) is not None or unicodedata.category(text[index]) in {"Cc", "Cf"}


@given(HOSTILE)
@example("a\u200d \u200d")
@example("'s\u0301")
@example("---\u0301")
def test_tokens_cover_all_that_shows_ascending_without_a_blank(text: str) -> None:
    offsets = tokenize(text)
    check_offsets(text, offsets)
    covered = {index for start, end in offsets for index in range(start, end)}
    assert all(_is_left_out(text, index) for index in range(len(text)) if index not in covered)


@given(HOSTILE)
def test_a_combining_mark_never_starts_a_token_after_its_base(text: str) -> None:
    starts = {start for start, _ in tokenize(text)}
    covered = {index for start, end in tokenize(text) for index in range(start, end)}
    marks = [index for index, sign in enumerate(text) if unicodedata.category(sign) == "Mn"]
    assert not [index for index in marks if index in starts and index - 1 in covered]


@given(HOSTILE)
def test_a_token_cut_again_keeps_the_words(text: str) -> None:
    words = words_of(text)
    rebuilt, offsets = text_from_words(words)
    assert [rebuilt[start:end] for start, end in offsets] == words


@pytest.mark.parametrize(
    ("offsets", "reason"),
    [
        ([(0, 0)], "token 0 is empty"),
        ([(0, 3), (2, 5)], "before the end 3"),
        ([(4, 7), (0, 3)], "before the end 7"),
        ([(0, 7)], "blank inside"),
        ([(4, 8)], "past the end 7"),
        ([(-1, 2)], "starts at -1"),
    ],
)
def test_bad_offsets_are_refused_with_the_reason(offsets: list[tuple[int, int]], reason: str) -> None:
    with pytest.raises(TokenError, match=reason):
        check_offsets("Ada Bob", offsets)


@pytest.mark.parametrize("word", ["", " ", "New York", "a\u00a0b", "\u200b", "\u00ad", "a\x00b"])
def test_a_word_that_cannot_be_a_token_is_refused(word: str) -> None:
    with pytest.raises(TokenError, match="token 1"):
        text_from_words(["Ada", word])


def test_a_text_from_words_has_blanks_line_breaks_and_none_in_chinese() -> None:
    words = ["Ada", "met", "Bob", ".", "中", "国", "。", "北", "Google", "서울"]
    text, offsets = text_from_words(words, [0, 4])
    assert text == "Ada met Bob .\n中国。北 Google 서울"
    assert [text[start:end] for start, end in offsets] == words


def test_no_words_make_no_text() -> None:
    assert text_from_words([]) == ("", [])


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("", []),
        ("Ada", ["Ada"]),
        ("He left. She stayed.", ["He", "She"]),
        ("Mr. Smith and J. Doe left the U.S. President alone.", ["Mr"]),
        ("A headline\n\nThe article. “Yes!” she said. (He left.) End", ["A", "The", "“", "(", "End"]),
        ("He said 3.5 per cent. 12 came. but no more", ["He", "12"]),
        ("他来了。她走了！好", ["他", "她", "好"]),
    ],
)
def test_sentences_start_after_line_breaks_and_stops_before_capitals(text: str, starts: list[str]) -> None:
    offsets = tokenize(text)
    found = [text[slice(*offsets[index])] for index in sentence_starts(text, offsets)]
    assert found == starts
