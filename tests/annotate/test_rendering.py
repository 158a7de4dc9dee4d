import re
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.rendering import MOST, Mark, Sheet
from annotate.tokens import sentence_starts, tokenize


def paragraphs(text, offsets, marks, **more):
    return Sheet(text, offsets, marks, **more).whole()


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


def test_neighbours_are_two_marks():
    html = paragraphs("New York Ada", tokenize("New York Ada"), [Mark(0, 2, "LOC", 1), Mark(2, 3, "PER", 2)])
    assert html.count("<mark") == html.count("</mark>") == 2


def test_a_span_over_a_line_break_moves_no_text_and_is_heard_once():
    text = "New\nYork Ada\nnext"
    html = paragraphs(text, tokenize(text), [Mark(0, 2, "LOC", 1)])
    assert html.count("<p>") == html.count("</p>") == paragraphs(text, tokenize(text), []).count("<p>") == 3
    assert html.count("<mark") == html.count("</mark>") == 2
    assert html.count("LOC: </span>") == 1
    assert 'class="span c1 more" data-s="0" data-e="2"' in html


@settings(max_examples=40)
@given(st.integers(0, 250), st.integers(1, 200), st.sampled_from([" ", ". ", "\n"]))
def test_the_touched_blocks_are_what_the_whole_page_shows_there(start, length, gap):
    text = gap.join(f"Word{n}" for n in range(300))
    offsets = tokenize(text)
    mark = Mark(start, min(start + length, len(offsets)), "PER", 1)
    sheet = Sheet(text, offsets, [mark], sentence_starts(text, offsets))
    touched = sheet.touched([(mark.start, mark.end)])
    blocks = re.findall(r'<span class="b" id="b\d+" hx-swap-oob="true">(?:(?!<span class="b").)*', touched, re.DOTALL)
    assert "".join(blocks) == touched
    assert all(block.replace(' hx-swap-oob="true"', "") in sheet.whole() for block in blocks)
    before = Sheet(text, offsets, [], sentence_starts(text, offsets))
    untouched = [block for block in before.blocks if f'id="b{block.first}"' not in touched]
    assert all(block.last <= mark.start or block.first >= mark.end for block in untouched)


def test_a_paragraph_without_an_end_is_cut_into_blocks_that_hold_every_token_once():
    text = "word " * 5000
    sheet = Sheet(text, tokenize(text), [])
    assert [block.first for block in sheet.blocks[1:]] == [block.last for block in sheet.blocks[:-1]]
    assert max(block.last - block.first for block in sheet.blocks) <= MOST
    assert sheet.whole().count("<p>") == 1
    assert sheet.touched([(0, 1)]).count("<i>") <= MOST
    assert sheet.touched([]) == sheet.touched([(3, 3)]) == ""


def test_beginnings_of_sentences_and_passages_left_out_are_marked():
    text = "One two. Three"
    html = paragraphs(text, tokenize(text), [], sentences=[0, 3], left_out=[[2, 4]])
    assert html.count('<i class="s">') == html.count('<i class="out">') == html.count('<i class="s out">') == 1


def test_the_number_of_tokens_on_the_page_is_theirs():
    text = "👩‍👩‍👧 said: naïve 🇩🇪 café\u0301"
    assert paragraphs(text, tokenize(text), []).count("</i>") == len(tokenize(text))
