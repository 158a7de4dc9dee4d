from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from annotate import iob2
from annotate.resplitting import Resplit
from annotate.tokens import check_offsets, places_to_split, tokenize, word_fault

LETTERS = (
    "aB-.'3\u0301\u200d\ufe0f\u20e3\U0001f468\U0001f469\U0001f3fd\U0001f1e9\U0001f1ea\u05e9\u05b8\u05c1\u05dc\u0628\u200f"
    "\u0600\u0915\u094d\u0937\u0e01\u0e33\u1112\u1161\u11ab\ud55c\u4e2d"
)


@pytest.mark.parametrize(
    ("word", "halves"),
    [
        ("NATO-led", ["N|ATO-led", "NA|TO-led", "NAT|O-led", "NATO|-led", "NATO-|led", "NATO-l|ed", "NATO-le|d"]),
        ("👨‍👩‍👧‍👦x", ["👨‍👩‍👧‍👦|x"]),
        ("🇩🇪🇫🇷", ["🇩🇪|🇫🇷"]),
        ("👍🏽!", ["👍🏽|!"]),
        ("e\u0301a\u0308", ["e\u0301|a\u0308"]),
        ("שָׁלוֹם", ["שָׁ|לוֹם", "שָׁל|וֹם", "שָׁלוֹ|ם"]),
        ("क्षत्रिय", ["क्ष|त्रिय", "क्षत्रि|य"]),
        ("a", []),
        ("👨‍👩‍👧‍👦", []),
        ("\u200fא", []),
    ],
)
def test_a_token_is_split_between_characters_as_people_see_them(word, halves):
    assert [f"{word[:at]}|{word[at:]}" for at in places_to_split(word)] == halves


@given(st.text(alphabet=LETTERS, min_size=1, max_size=8))
def test_no_place_cuts_a_grapheme_cluster_of_the_unicode_standard(word):
    edges = {match.start() for match in regex.finditer(r"\X", word)}
    places = places_to_split(word)
    assert set(places) <= edges
    assert not any(word_fault(half) for at in places for half in (word[:at], word[at:]))


@st.composite
def tagged(draw, count):
    edges = sorted(draw(st.sets(st.integers(0, count))))
    pairs = pairwise(edges)
    spans = [(s, e, draw(st.sampled_from(["PER", "ORG"]))) for s, e in pairs if draw(st.booleans())]
    return iob2.tags_of(spans, count)


@st.composite
def articles(draw):
    """A text with its tokens, tags, and a token that can be split with the place."""
    text = draw(st.lists(st.text(alphabet=LETTERS, min_size=1, max_size=5), min_size=1, max_size=6).map(" ".join))
    offsets = [(match.start(), match.end()) for match in regex.finditer(r"\S+", text) if not word_fault(match.group())]
    choices = [(i, at) for i, (start, end) in enumerate(offsets) for at in places_to_split(text[start:end])]
    if not choices:
        text, offsets, choices = "ab c", [(0, 2), (3, 4)], [(0, 1)]
    tags = draw(tagged(len(offsets)))
    return text, offsets, tags, *draw(st.sampled_from(choices))


@given(articles())
def test_joining_what_was_split_gives_back_tokens_and_tags_and_all_ranges(article):
    text, offsets, tags, index, at = article
    place = offsets[index][0] + at
    split, join = Resplit(index, 1), Resplit(index, -1)
    after = split.offsets(offsets, place)
    check_offsets(text, after)
    assert len(split.tags(tags)) == len(after)
    assert join.offsets(after, place) == offsets
    assert join.tags(split.tags(tags)) == tags
    ranges = [(s, e) for s in range(len(offsets)) for e in range(s + 1, len(offsets) + 1)]
    assert join.ranges(split.ranges(ranges)) == ranges
    assert join.starts(split.starts(range(len(offsets)))) == list(range(len(offsets)))


@given(articles())
def test_a_split_changes_the_text_of_no_entity(article):
    text, offsets, tags, index, at = article
    change = Resplit(index, 1)
    after = change.offsets(offsets, offsets[index][0] + at)

    def texts(tokens, tagged):
        return [(s.label, text[tokens[s.start][0] : tokens[s.end - 1][1]]) for s in iob2.spans_of(tagged)]

    assert texts(after, change.tags(tags)) == texts(offsets, tags)
    spans = [(s.start, s.end) for s in iob2.spans_of(tags)]
    assert change.ranges(spans) == [(s.start, s.end) for s in iob2.spans_of(change.tags(tags))]


@pytest.mark.parametrize("tags", [["B-PER", "O"], ["O", "B-PER"], ["B-PER", "B-PER"], ["I-PER", "B-ORG"]])
def test_tokens_of_different_entities_are_not_joined(tags):
    with pytest.raises(ValueError, match="between token 0 and 1"):
        Resplit(0, -1).tags(tags)


def test_the_tokenizer_never_cuts_where_a_token_may_not_be_split():
    text = "👨‍👩‍👧‍👦 שָׁלוֹם 🇩🇪🇫🇷"
    edges = {match.start() for match in regex.finditer(r"\X", text)}
    assert {start for start, _ in tokenize(text)} <= edges
