import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from annotate.rendering import Mark, paragraphs
from annotate.tokens import tokenize


def plain(html):
    """The text as a browser would copy it, without what only screen readers hear."""
    return unescape(re.sub(r"<span class=\"heard\">.*?</span>|<[^>]*>", "", html))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_character_but_blanks_at_line_ends_is_on_the_page_in_order(text):
    html = paragraphs(text, tokenize(text), [])
    assert "".join(plain(html).split()) == "".join(text.split())


def test_hostile_text_is_escaped():
    text = '<script>alert("x")</script> & co'
    html = paragraphs(text, tokenize(text), [Mark(0, 2, '"><img', 1)])
    assert "<script" not in html
    assert "<img" not in html


def test_a_span_and_a_suggestion_say_what_they_are():
    html = paragraphs(
        "Ada met Bob",
        tokenize("Ada met Bob"),
        [Mark(0, 1, "PER", 1), Mark(2, 3, "ORG", 2, 0.714, unsure=True, is_suggestion=True)],
    )
    assert (
        '<mark class="span c1" data-s="0" data-e="1" data-label="PER"><span class="heard">PER: </span><i>Ada</i>'
        in html
    )
    assert '<mark class="suggestion unsure c2"' in html
    assert 'data-p="71" title="suggested ORG, 71%"' in html


def test_a_suggestion_without_a_probability_has_no_per_cent():
    html = paragraphs("Ada met Bob", tokenize("Ada met Bob"), [Mark(0, 1, "PER", 1, unsure=True, is_suggestion=True)])
    assert '<mark class="suggestion unsure c1"' in html
    assert 'data-label="PER" title="suggested PER"><span class="heard">suggested PER: </span>' in html
    assert "data-p" not in html


def test_neighbours_are_two_marks_and_a_span_over_a_line_break_stays_one():
    text = "New\nYork Ada\nnext"
    html = paragraphs(text, tokenize(text), [Mark(0, 2, "LOC", 1), Mark(2, 3, "PER", 2)])
    assert html.count("<mark") == html.count("</mark>") == 2
    assert html.count("<p") == html.count("</p>") == 2
    assert 'data-first="3"' in html


def test_the_number_of_tokens_on_the_page_is_theirs():
    text = "👩‍👩‍👧 said: naïve 🇩🇪 café\u0301"
    assert paragraphs(text, tokenize(text), []).count("<i>") == len(tokenize(text))
