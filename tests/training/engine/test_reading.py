"""Models of others, in whatever scheme they tag, read as IOB2 in the project's labels."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.iob2 import tags_of
from training.engine.decode import decode
from training.engine.reading import Reading, starts_inside
from training.engine.schemes import Scheme, labels_of, scheme_of

Span = tuple[int, int, str]
LABELS = ["PER", "GPE", "MISC"]
IOB2 = ["O", *(f"{part}-{label}" for label in LABELS for part in "BI")]
BIOES = ["O", *(f"{part}-{label}" for label in LABELS for part in "BIES")]
BILOU = ["O", *(f"{part}-{label}" for label in LABELS for part in "BILU")]
PLAIN = ["O", *LABELS]


def iob1(spans: list[Span], count: int) -> list[str]:
    tags = tags_of(spans, count)
    ends = {(end, label) for _, end, label in spans}
    return [
        f"I-{tag[2:]}" if tag.startswith("B-") and (place, tag[2:]) not in ends else tag
        for place, tag in enumerate(tags)
    ]


def bioes(letters: str) -> Callable[[list[Span], int], list[str]]:
    """With the letters for the begin, the inside, the end and a single one."""

    def tagged(spans: list[Span], count: int) -> list[str]:
        tags = ["O"] * count
        for start, end, label in spans:
            for place in range(start, end):
                first, last = place == start, place == end - 1
                letter = letters[3] if first and last else letters[0] if first else letters[2] if last else letters[1]
                tags[place] = f"{letter}-{label}"
        return tags

    return tagged


def plain(spans: list[Span], count: int) -> list[str]:
    return [tag[2:] or "O" for tag in tags_of(spans, count)]


SCHEMES: dict[str, tuple[Scheme, list[str], Callable[[list[Span], int], list[str]]]] = {
    "IOB2": ("IOB2", IOB2, lambda spans, count: list(tags_of(spans, count))),
    "IOB1": ("IOB1", IOB2, iob1),
    "BIOES": ("BIOES", BIOES, bioes("BIES")),
    "BILOU": ("BIOES", BILOU, bioes("BILU")),
    "plain": ("plain", PLAIN, plain),
}


@st.composite
def spans(draw: st.DrawFn) -> tuple[list[Span], int]:
    lengths = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(LABELS)), max_size=6))
    found, place = [], 0
    for gap, length, label in lengths:
        found.append((place + gap, place + gap + length, label))
        place += gap + length
    return found, place + draw(st.integers(0, 2))


def sure(tags: list[str], names: list[str], odds: float = 12.0) -> np.ndarray:
    """Scores of a model that says these tags."""
    scores = np.zeros((len(tags), len(names)), dtype=np.float32)
    for row, tag in enumerate(tags):
        scores[row, names.index(tag)] = odds
    return scores


def joined(found: list[Span]) -> list[Span]:
    """As bare labels tell them: neighbours of one label are one."""
    result: list[Span] = []
    for start, end, label in found:
        if result and result[-1][1:] == (start, label):
            result[-1] = (result[-1][0], end, label)
        else:
            result.append((start, end, label))
    return result


@pytest.mark.parametrize("name", SCHEMES)
@given(drawn=spans())
def test_spans_come_out_as_the_model_meant_them(name: str, drawn: tuple[list[Span], int]) -> None:
    said, count = drawn
    scheme, names, write = SCHEMES[name]
    reading = Reading(names, scheme, {label: label for label in LABELS}, LABELS)
    decoded = decode(reading.apply(sure(write(said, count), names)), reading.names)
    assert [span[:3] for span in decoded.spans] == (joined(said) if name == "plain" else said)
    assert all(span[3] > 0.9 for span in decoded.spans)


def test_a_label_left_out_counts_as_outside_with_all_its_weight() -> None:
    """Were its outputs dropped, the little that is left would be shared out, and make a sure ORG of a sure MISC."""
    names = ["O", "B-ORG", "I-ORG", "B-MISC", "I-MISC"]
    scores = np.log(np.array([[0.005, 0.01, 0.0025, 0.98, 0.0025]]))
    reading = Reading(names, "IOB2", {"ORG": "ORG"}, ["ORG"])
    np.testing.assert_allclose(np.exp(reading.apply(scores)), [[0.9875, 0.01, 0.0025]], atol=1e-5)


def test_two_labels_that_stand_for_one_are_added_up_and_neighbours_stay_two() -> None:
    names = ["O", "GPE", "LOC"]
    reading = Reading(names, "plain", {"GPE": "PLACE", "LOC": "PLACE"}, ["PLACE"])
    assert np.exp(reading.apply(np.log(np.array([[0.2, 0.4, 0.4]])))[0, 1]) == pytest.approx(0.8)
    decoded = decode(reading.apply(sure(["GPE", "LOC", "LOC"], names)), reading.names)
    assert [span[:3] for span in decoded.spans] == [(0, 1, "PLACE"), (1, 3, "PLACE")]


def test_labels_go_by_the_projects_names() -> None:
    reading = Reading(IOB2, "IOB2", {"PER": "person", "GPE": "place"}, ["place", "person"])
    assert reading.names == ["O", "B-place", "I-place", "B-person", "I-person"]
    decoded = decode(reading.apply(sure(["B-PER", "I-PER", "B-MISC"], IOB2)), reading.names)
    assert [span[:3] for span in decoded.spans] == [(0, 2, "person")]


def test_an_article_without_words_has_no_scores() -> None:
    reading = Reading(PLAIN, "plain", {"PER": "PER"}, ["PER"])
    assert reading.apply(np.zeros((0, 4), dtype=np.float32)).shape == (0, 3)


@pytest.mark.parametrize(
    ("tags", "scheme", "labels"),
    [
        (IOB2, "IOB2", LABELS),
        (BIOES, "BIOES", LABELS),
        (BILOU, "BIOES", LABELS),
        (PLAIN, "plain", LABELS),
        (["B-LOC", "B-ORG", "I-LOC", "I-ORG", "I-PER", "O"], "IOB1", ["LOC", "ORG", "PER"]),
        (["O", "I-PER", "I-LOC"], "IOB1", ["PER", "LOC"]),
        (["O", "B_PER", "I_PER"], "IOB2", ["PER"]),
        (["O", "E-MAIL", "PHONE"], "plain", ["E-MAIL", "PHONE"]),
        (["NOUN", "VERB"], "plain", ["NOUN", "VERB"]),
        (["O", "B-WORK_OF_ART", "I-WORK_OF_ART"], "IOB2", ["WORK_OF_ART"]),
    ],
)
def test_the_scheme_is_told_by_the_names_of_the_tags(tags: list[str], scheme: str, labels: list[str]) -> None:
    assert (scheme_of(tags), labels_of(tags)) == (scheme, labels)


def test_iob1_is_told_from_iob2_by_how_entities_begin() -> None:
    said = [(0, 2, "PER"), (2, 3, "PER"), (4, 5, "GPE")]
    assert starts_inside(IOB2, [sure(iob1(said, 6), IOB2)])
    assert not starts_inside(IOB2, [sure(list(tags_of(said, 6)), IOB2)])
    assert not starts_inside(IOB2, [np.zeros((0, len(IOB2)), dtype=np.float32)])
