"""Whatever spans a file has: what is kept of them fits our tokens, and is what was asked for."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate import iob2, tokens
from annotate.exchange.checking import checked
from annotate.exchange.choices import EDGES, OVERLAPS, Choices
from annotate.exchange.records import Record, apply
from annotate.exchange.spans import CharSpan, Ground, is_label, is_on_edges, settled, tags_of_spans

TEXT = "The New York-based Foo2024 met Ada King."
LABELS = ["PER", "ORG", "LOC", "", "-X", "L" * 51]
HOSTILE = st.text(
    st.sampled_from("ab1 A.'-\n\u00a0\u00ad\u0301\u200b\u200d\u200e😀👩🚀🇩🇪中文한$\x01"), min_size=1, max_size=25
)


def made(*spans: tuple[int, int, str], **choices: Any) -> tuple[list[tuple[str, str]], list[str]] | None:
    """The mentions and the tokens that touch any, of TEXT with these spans."""
    found = settled([CharSpan(*span) for span in spans], TEXT, tokens.tokenize(TEXT), Choices(**choices))
    if found is None:
        return None
    return [(TEXT[s.start : s.end], s.label) for s in found.spans], [TEXT[a:b] for a, b in found.offsets]


@pytest.mark.parametrize(
    ("edges", "kept", "words"),
    [
        ("", [("Foo", "ORG"), ("Ada King", "PER")], ["Foo", "2024"]),
        ("split", [("Foo", "ORG"), ("Ada King", "PER")], ["Foo", "2024"]),
        ("snap", [("Foo2024", "ORG"), ("Ada King", "PER")], ["Foo2024"]),
        ("drop", [("Ada King", "PER")], ["Foo2024"]),
    ],
)
def test_a_span_that_ends_inside_a_token_splits_it_is_widened_or_left_out(
    edges: str, kept: list[tuple[str, str]], words: list[str]
) -> None:
    found = made((19, 22, "ORG"), (31, 39, "PER"), edges=edges)
    assert found is not None
    assert found[0] == kept
    assert [word for word in found[1] if word in ("Foo", "2024", "Foo2024")] == words


@pytest.mark.parametrize(
    ("overlaps", "kept"),
    [
        ("", ["New York-based", "Ada King"]),
        ("outermost", ["New York-based", "Ada King"]),
        ("innermost", ["York", "Ada", "King"]),
        ("first", ["New York-based", "Ada King"]),
        ("article", None),
    ],
)
def test_of_nested_spans_the_outermost_or_the_innermost_are_kept(overlaps: str, kept: list[str] | None) -> None:
    nested = [(4, 18, "ORG"), (4, 12, "LOC"), (8, 12, "LOC"), (31, 39, "PER"), (31, 34, "PER"), (35, 39, "PER")]
    found = made(*nested, overlaps=overlaps)
    assert (found and [text for text, _ in found[0]]) == kept


@pytest.mark.parametrize(
    ("overlaps", "kept"), [("outermost", ["York-based Foo2024"]), ("innermost", ["New York"]), ("first", ["New York"])]
)
def test_of_two_that_reach_into_each_other_one_is_kept(overlaps: str, kept: list[str]) -> None:
    found = made((4, 12, "LOC"), (8, 26, "ORG"), overlaps=overlaps)
    assert found is not None
    assert [text for text, _ in found[0]] == kept


def test_of_two_labels_on_the_same_words_the_first_of_the_file_is_kept() -> None:
    assert (made((31, 39, "PER"), (31, 39, "ART")) or [[]])[0] == [("Ada King", "PER")]
    assert (made((31, 39, "ART"), (31, 39, "PER")) or [[]])[0] == [("Ada King", "ART")]


def test_two_spans_in_one_token_that_are_widened_become_one_or_overlap() -> None:
    assert (made((19, 22, "ORG"), (22, 26, "ORG"), edges="snap") or [[]])[0] == [("Foo2024", "ORG")]
    assert made((19, 22, "ORG"), (22, 26, "DATE"), edges="snap", overlaps="article") is None


def test_labels_that_become_one_merge_before_spans_are_compared() -> None:
    spans = [CharSpan(31, 39, "PERSON"), CharSpan(31, 39, "PER"), CharSpan(31, 34, "NAME"), CharSpan(4, 12, "GPE")]
    record = checked(Record(text=TEXT, spans=spans))
    choices = Choices(labels={"PERSON": "PER", "NAME": "", "GPE": "LOC"}, overlaps="article")
    whole = apply(record, "fail", choices)
    assert whole is not None
    assert [span[:3] for span in whole.spans or []] == [(4, 12, "LOC"), (31, 39, "PER")]


@pytest.mark.parametrize("own", [[CharSpan(4, 12, "GPE")], [CharSpan(19, 22, "GPE")]])
def test_what_a_machine_said_is_renamed_too(own: list[CharSpan]) -> None:
    said = (CharSpan(31, 39, "PERSON", 0.5), CharSpan(0, 3, "MISC", 0.5))
    record = checked(Record(text=TEXT, spans=own, suggested=said))
    whole = apply(record, "repair", Choices(labels={"PERSON": "PER", "MISC": ""}))
    assert whole is not None
    assert [said[2:] for said in whole.suggestions()] == [("PER", 0.5)]


def test_no_bad_span_costs_an_article() -> None:
    bad = [
        CharSpan(0, 99, "PER"),
        CharSpan(-1, 3, "PER"),
        CharSpan(3, 4, "PER"),
        CharSpan(4, 12, ""),
        CharSpan(0, 3, "-"),
    ]
    whole = apply(checked(Record(text=TEXT, spans=[*bad, CharSpan(31, 39, "PER")])), "repair")
    assert whole is not None
    assert iob2.spans_of(whole.tags or []) == [iob2.Span(7, 9, "PER")]


def test_what_is_decided_is_no_error_any_more_and_the_rest_still_is() -> None:
    record = checked(Record(text=TEXT, spans=[CharSpan(19, 22, "ORG"), CharSpan(3, 12, "LOC")]))
    assert {problem.kind for problem in record.errors} == {"span-edge", "span-blank"}
    assert apply(record, "skip", Choices(edges="snap")) is None
    only = checked(Record(text=TEXT, spans=[CharSpan(19, 22, "ORG")]))
    assert apply(only, "skip") is None
    assert apply(only, "skip", Choices(edges="snap")) is not None
    assert apply(only, "fail", Choices(edges="drop")) is not None


def test_each_span_that_an_earlier_one_reaches_into_is_reported() -> None:
    spans = [CharSpan(0, 39, "ORG"), CharSpan(4, 7, "LOC"), CharSpan(31, 34, "PER")]
    problems = checked(Record(text=TEXT, spans=spans)).errors
    assert [problem.kind for problem in problems] == ["span-overlap"] * 2
    assert all("“The New York-based Foo2024 met Ada King”" in problem.message for problem in problems)


@st.composite
def tagged(draw: st.DrawFn) -> tuple[str, list[CharSpan], tokens.Offsets]:
    """A text, spans in it and beside it, and its tokens: ours, or the file's own, which leave parts of it out."""
    text = draw(HOSTILE)
    place = st.integers(-1, len(text) + 1)
    spans = st.builds(CharSpan, place, place, st.sampled_from(LABELS))
    ours = tokens.tokenize(text)
    own = [token for token in ours if draw(st.booleans())] if draw(st.booleans()) else ours
    return text, draw(st.lists(spans, max_size=8)), own


@settings(max_examples=300, deadline=None)
@given(tagged(), st.sampled_from(["", *EDGES]), st.sampled_from(["", *OVERLAPS]), st.booleans())
def test_whatever_the_spans_the_result_is_well_formed_and_no_span_is_moved_but_as_asked(
    article: tuple[str, list[CharSpan], tokens.Offsets], edges: str, overlaps: str, mapped: bool
) -> None:
    text, spans, offsets = article
    names = {"PER": "ORG", "LOC": ""} if mapped else {}
    found = settled(spans, text, offsets, Choices(edges=edges, overlaps=overlaps, labels=names))
    if found is None:
        assert overlaps == "article"
        return
    tokens.check_offsets(text, found.offsets)
    iob2.check(tags_of_spans(found.spans, found.offsets))
    assert all(left.end <= right.start for left, right in itertools.pairwise(found.spans))
    renamed = [s._replace(label=names.get(s.label, s.label)) for s in spans]
    usable = [span for span in renamed if is_label(span.label)]
    laid = [span if is_on_edges(span, offsets) else _alone(span, text) for span in usable]
    given_as = {span for span in laid if span is not None}
    if edges == "snap":
        given_as = {_widened(span, offsets) for span in given_as}
    assert set(found.spans) <= given_as
    whole = offsets == tokens.tokenize(text)
    assert bool(found.spans) == bool(given_as) or edges == "drop" or not whole
    assert edges not in ("snap", "drop") or found.offsets == offsets


@settings(max_examples=300, deadline=None)
@given(tagged())
def test_a_span_that_misses_tokens_is_laid_as_its_own_text_would_be_cut(
    article: tuple[str, list[CharSpan], tokens.Offsets],
) -> None:
    text, spans, offsets = article
    ground = Ground(text, offsets)
    for span in spans:
        assert ground.trimmed(span) == (span if is_on_edges(span, offsets) else _alone(span, text))


def _alone(span: CharSpan, text: str) -> CharSpan | None:
    inside = 0 <= span.start < span.end <= len(text)
    found = tokens.tokenize(text[span.start : span.end]) if inside else []
    return span._replace(start=span.start + found[0][0], end=span.start + found[-1][1]) if found else None


def _widened(span: CharSpan, offsets: tokens.Offsets) -> CharSpan:
    touched = [(start, end) for start, end in offsets if start < span.end and span.start < end]
    return span._replace(start=touched[0][0], end=touched[-1][1]) if touched else span


def test_an_article_with_more_spans_than_any_has_is_refused() -> None:
    spans = [CharSpan(0, 3, str(number)) for number in range(100_001)]
    for record in (Record(text="Ada", spans=spans), Record(text="Ada", suggested=tuple(spans))):
        (error,) = checked(record).errors
        assert error.message == "The article has 100,001 spans, more than 100,000: no article has."
        assert apply(checked(record), "repair") is None


def test_what_is_wrong_with_a_span_repeats_no_label_without_end() -> None:
    record = checked(
        Record(text=TEXT, spans=[CharSpan(0, 30, "x" * 1_000_000), CharSpan(4, 12, "y"), CharSpan(1, 9, "z")])
    )
    assert all(len(error.message) < 300 for error in record.errors)
    assert len(checked(Record(text=TEXT, spans=[CharSpan(0, 99, "x" * 1_000_000)])).errors[0].message) < 300
