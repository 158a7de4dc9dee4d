"""Files in every scheme, and what they are in IOB2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate import iob2
from annotate.schemes import TITLES, Scheme, as_iob2, scheme_of, unclosed

WELL_FORMED = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]), max_size=12).map(iob2.repair)
# Three entities, two of them side by side with one label, one of three tokens.
SAME: dict[Scheme, str] = {
    "iob2": "B-PER I-PER I-PER B-PER O B-ORG",
    "iob1": "I-PER I-PER I-PER B-PER O I-ORG",
    "bioes": "B-PER I-PER E-PER S-PER O S-ORG",
    "bilou": "B-PER I-PER L-PER U-PER O U-ORG",
    "ioe1": "I-PER I-PER E-PER I-PER O I-ORG",
    "ioe2": "I-PER I-PER E-PER E-PER O E-ORG",
}


def written(tags: list[str], scheme: Scheme) -> list[str]:
    """IOB2 tags in another scheme, as a peer would write them."""
    found = ["O"] * len(tags)
    spans = iob2.spans_of(tags)
    for start, end, label in spans:
        letters = ["I"] * (end - start)
        touches = any(other.label == label and other.start == end for other in spans)
        follows = any(other.label == label and other.end == start for other in spans)
        if scheme in {"iob2", "bioes", "bilou"} or (scheme == "iob1" and follows):
            letters[0] = "B"
        if scheme == "ioe2" or (scheme == "ioe1" and touches):
            letters[-1] = "E"
        if scheme in {"bioes", "bilou"}:
            alone, last = ("S", "E") if scheme == "bioes" else ("U", "L")
            letters[-1] = alone if len(letters) == 1 else last
        found[start:end] = [f"{letter}-{label}" for letter in letters]
    return found


@pytest.mark.parametrize("scheme", TITLES)
def test_each_scheme_is_told_and_read(scheme: Scheme) -> None:
    tags = SAME[scheme].split()
    assert written(SAME["iob2"].split(), scheme) == tags
    assert scheme_of([["O"], [], tags]) == scheme
    assert as_iob2(tags, scheme) == SAME["iob2"].split()
    assert unclosed(tags, scheme) == []


@pytest.mark.parametrize("scheme", TITLES)
@given(tags=WELL_FORMED)
def test_every_sequence_comes_back_from_every_scheme(scheme: Scheme, tags: list[str]) -> None:
    assert as_iob2(written(tags, scheme), scheme) == tags


@given(st.lists(WELL_FORMED, max_size=4))
def test_what_is_told_reads_the_file_as_it_was_meant(sequences: list[list[str]]) -> None:
    for scheme in TITLES:
        told = scheme_of([written(tags, scheme) for tags in sequences])
        if scheme != "iob2":  # which may look like IOB1
            assert [as_iob2(written(tags, scheme), told) for tags in sequences] == sequences


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        ([["I-PER", "I-PER", "O"]], "iob1"),
        ([["I-PER", "B-PER", "I-PER"]], "iob1"),
        ([["I-PER"], ["B-PER"]], "iob2"),
        ([["I-PER", "O", "B-PER"]], "iob2"),
        ([["I-ORG", "B-PER"]], "iob2"),
        ([["B-PER", "I-PER"]], "iob2"),
        ([["O", "O"], []], "iob2"),
        ([["I-PER", "E-PER"], ["O"]], "ioe2"),
        ([["I-PER", "E-PER", "I-PER"]], "ioe1"),
        ([["B-PER", "E-PER"]], "bioes"),
        ([["B-PER", "M-PER", "E-PER"]], "bioes"),
        ([["B-PER", "L-PER"]], "bilou"),
        ([["U-PER"]], "bilou"),
        ([["X-PER", "PER", "-"]], "iob2"),
    ],
)
def test_the_letters_of_a_file_tell_its_scheme(sequences: list[list[str]], scheme: Scheme) -> None:
    assert scheme_of(sequences) == scheme


def test_a_long_file_of_iob2_is_not_read_to_its_end() -> None:
    passed = []
    sequences = (passed.append(number) or ["B-PER", "O"] for number in range(100_000))  # type: ignore[func-returns-value]
    assert scheme_of(sequences) == "iob2"
    assert len(passed) == 1_000


@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        ("bioes", "E-PER O I-PER", "I-PER O I-PER"),  # orphans stay, to be reported
        ("bioes", "S-PER I-PER E-PER E-PER", "B-PER B-PER I-PER B-PER"),  # what follows an end begins another
        ("bioes", "B-PER E-ORG", "B-PER I-ORG"),
        ("bioes", "W-PER B-PER M-PER E-PER", "B-PER B-PER I-PER I-PER"),
        ("bioes", "L-PER PER S-", "L-PER PER S-"),  # no tags of this scheme
        ("ioe2", "B-PER E-PER", "B-PER B-PER"),
        ("iob1", "I-PER E-PER I-PER", "B-PER E-PER B-PER"),
    ],
)
def test_what_departs_from_the_scheme_is_kept_to_be_reported(scheme: str, tags: str, expected: str) -> None:
    assert as_iob2(tags.split(), scheme) == expected.split()


def test_entities_without_their_end_are_told() -> None:
    assert unclosed(["B-PER", "O", "B-PER", "I-PER", "S-PER", "B-ORG", "E-PER"], "bioes") == [0, 3, 5]
    assert unclosed(["I-PER", "O", "E-PER"], "ioe2") == [0]
    assert unclosed(["I-PER", "O", "B-PER"], "ioe1") == []
