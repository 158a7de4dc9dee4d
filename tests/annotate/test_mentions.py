import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.mentions import like
from annotate.tokens import tokenize


def words_of(text):
    return [text[start:end] for start, end in tokenize(text)]


def found(text, mention, **options):
    words = words_of(text)
    return [" ".join(words[start:end]) for start, end in like(words, words_of(mention), **options)]


@pytest.mark.parametrize(
    ("text", "mention", "wanted"),
    [
        ("Reuters said Reuters Inc and REUTERS and reuters", "Reuters", ["Reuters", "Reuters"]),
        ("New York, New Yorkers and New\nYork", "New York", ["New York", "New York"]),
        ("Apple's pie, an apple, Apple", "Apple", ["Apple", "Apple"]),
        ("U.S. and US and U.S.", "U.S.", ["U.S.", "U.S."]),
        ("Cafe\u0301 Mokka, Café Mokka", "Café Mokka", ["Cafe\u0301 Mokka", "Café Mokka"]),
        ("Reu\u00adters and Reuters", "Reuters", ["Reu\u00adters", "Reuters"]),
        ("👩‍👩‍👧 met 👩 and 👩‍👩‍👧", "👩‍👩‍👧", ["👩‍👩‍👧", "👩‍👩‍👧"]),
        ("🇩🇪 beat 🇫🇷, said 🇩🇪", "🇩🇪", ["🇩🇪", "🇩🇪"]),
        ("no no no no", "no no", ["no no", "no no"]),
        ("nothing here", "Reuters", []),
        ("short", "much longer than the article", []),
        ("東京と大阪と東京", "東京", ["東 京", "東 京"]),
    ],
)
def test_the_same_words_are_found_wherever_they_stand(text, mention, wanted):
    assert found(text, mention) == wanted


@pytest.mark.parametrize(
    ("text", "mention", "wanted"),
    [
        ("Reuters REUTERS reuters", "Reuters", ["Reuters", "REUTERS", "reuters"]),
        ("STRASSE und Straße", "Straße", ["STRASSE", "Straße"]),
        ("МОСКВА и Москва", "Москва", ["МОСКВА", "Москва"]),
        ("ΟΔΥΣΣΕΎΣ, Οδυσσεύς", "Οδυσσεύς", ["ΟΔΥΣΣΕΎΣ", "Οδυσσεύς"]),
        ("CAFE\u0301, café", "Café", ["CAFE\u0301", "café"]),
    ],
)
def test_case_is_folded_where_that_is_asked_for(text, mention, wanted):
    assert found(text, mention, fold_case=True) == wanted
    assert len(found(text, mention)) < len(wanted)


@pytest.mark.parametrize(
    ("mention", "others"),
    [
        ("Merkel", "Merkels"),
        ("Berlin", "Berlins Berliner"),
        ("Warszawa", "Warszawie Warszawy Warszawę Warszawą"),
        ("Kowalski", "Kowalskiego Kowalskim"),
        ("Москва", "Москвы Москве Москву Москвой"),
        ("Путин", "Путина Путиным"),
        ("Ελλάδα", "Ελλάδας"),
    ],
)
def test_forms_of_a_name_are_found_where_that_is_asked_for(mention, others):
    assert found(others, mention, inflect=True) == others.split()
    assert found(mention, others.split()[0], inflect=True) == [mention]
    assert found(others, mention) == []


@pytest.mark.parametrize(
    ("mention", "other"),
    [
        ("Rom", "Roms"),  # too short to tell from Romy
        ("Anna", "Anne"),
        ("Austria", "Australia"),  # four letters more
        ("Hans", "Hansestadt"),
        ("10000", "10001"),
        ("3.500", "3.501"),
        ("Merkel", "merkels"),  # case is another option
        ("G2000", "G2001"),
    ],
)
def test_other_words_are_not_taken_for_forms_of_a_name(mention, other):
    assert found(other, mention, inflect=True) == []


def test_every_word_of_a_name_may_have_its_form():
    text = "Angela Merkel, Angelas Merkels, Angela Müller"
    assert found(text, "Angela Merkel", inflect=True) == ["Angela Merkel", "Angelas Merkels"]
    assert found("angelas MERKELS", "Angela Merkel", inflect=True, fold_case=True) == ["angelas MERKELS"]


def test_what_is_taken_is_not_found_and_neither_is_what_touches_it():
    words = words_of("New York and New York and York New York")
    assert like(words, ["New", "York"], [(1, 2), (3, 5)]) == [(7, 9)]
    assert like(words, ["New", "York"], [(0, 100)]) == []


def test_nothing_is_like_nothing():
    assert like(["Ada"], []) == []
    assert like([], ["Ada"]) == []


short_words = st.lists(st.sampled_from(["a", "b", "A", "Bonn", "Bonns", "é", "e\u0301", "👩"]), max_size=30)
ranges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted).map(tuple), max_size=5)


@given(words=short_words, mention=short_words.map(lambda words: words[:3]), taken=ranges, data=st.data())
def test_what_is_found_is_apart_free_and_reads_the_same(words, mention, taken, data):
    places = like(words, mention, taken)
    covered = [token for start, end in places for token in range(start, end)]
    assert covered == sorted(set(covered))
    assert not set(covered) & {token for start, end in taken for token in range(start, end)}
    plain = [unicodedata.normalize("NFC", word) for word in mention]
    for start, end in places:
        assert [unicodedata.normalize("NFC", word) for word in words[start:end]] == plain


@given(words=short_words, mention=short_words.map(lambda words: words[:2]))
def test_each_option_finds_at_least_as_many_words(words, mention):
    exact = like(words, mention)
    for fold_case, inflect in ((True, False), (False, True), (True, True)):
        assert len(like(words, mention, (), fold_case, inflect)) >= len(exact)
