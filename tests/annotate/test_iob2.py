import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.iob2 import (
    IOB2Error,
    Span,
    check,
    faults,
    notices,
    repair,
    spans_of,
    spans_of_stored,
    tags_of,
)

SEED = Path(__file__).parents[3] / "shared" / "data" / "seed_sample.json"
ANY_TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]), max_size=12)


def test_spans_are_maximal_runs() -> None:
    tags = ["B-PER", "I-PER", "B-PER", "O", "B-ORG", "B-LOC", "I-LOC"]
    assert spans_of(tags) == [Span(0, 2, "PER"), Span(2, 3, "PER"), Span(4, 5, "ORG"), Span(5, 7, "LOC")]


@given(ANY_TAGS)
def test_tags_and_spans_are_the_same_thing(tags: list[str]) -> None:
    tags = repair(tags)
    assert tags_of(spans_of(tags), len(tags)) == tags


@given(st.lists(st.sampled_from(["O", "B-X", "I-X", "B-I-X", "I-I-X", "B-B-X", "I-B-X"]), max_size=12))
def test_stored_tags_have_the_same_spans(tags: list[str]) -> None:
    tags = repair(tags)
    assert list(spans_of_stored(" ".join(tags))) == spans_of(tags)


@given(ANY_TAGS)
def test_repair_makes_any_tags_well_formed_and_changes_well_formed_ones_not(tags: list[str]) -> None:
    repaired = repair(tags)
    check(repaired)
    assert repair(repaired) == repaired
    assert [tag[1:] for tag in repaired] == [tag[1:] for tag in tags]


@given(ANY_TAGS)
def test_faults_are_found_just_where_check_raises(tags: list[str]) -> None:
    found = faults(["x"] * len(tags), tags)
    if found:
        with pytest.raises(IOB2Error, match=f"tag {found[0].token} "):
            check(tags)
    else:
        check(tags)


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([(0, 2, "PER"), (1, 3, "ORG")], "overlaps"),
        ([(2, 5, "PER")], "does not lie within 4"),
        ([(-1, 1, "PER")], "does not lie within"),
        ([(1, 1, "PER")], "does not lie within"),
        ([(0, 1, "")], "no label"),
    ],
)
def test_spans_that_cannot_be_tags_are_refused(spans: list[tuple[int, int, str]], reason: str) -> None:
    with pytest.raises(IOB2Error, match=reason):
        tags_of(spans, 4)


@pytest.mark.parametrize("tag", ["", "B", "B-", "I-", "X-PER", "PER", "o", "b-PER"])
def test_a_malformed_tag_is_a_fault_and_beyond_repair(tag: str) -> None:
    assert [fault.kind for fault in faults(["Ada"], [tag])] == ["malformed"]
    with pytest.raises(IOB2Error):
        check([tag])
    with pytest.raises(IOB2Error):
        repair([tag])


def test_a_lower_case_neighbour_is_no_run_of_capitals() -> None:
    assert notices(["New", "york"], ["B-ORG", "B-LOC"]) == []


@pytest.mark.skipif(not SEED.exists(), reason="the shared data folder is not beside this checkout")
def test_the_seed_sample_has_three_errors_and_two_notices() -> None:
    seed = json.loads(SEED.read_text())
    found, odd = [], []
    for record, row in enumerate(seed["train"]):
        tags = [seed["label_list"][number] for number in row["ner_tags"]]
        found += [(record, row["tokens"][fault.token], fault.tag, fault.kind) for fault in faults(row["tokens"], tags)]
        odd += [(record, row["tokens"][fault.token], fault.kind) for fault in notices(row["tokens"], tags)]
    assert found == [(0, "New", "I-ORG", "orphan"), (1, "Geneva", "I-ORG", "orphan"), (2, "Paris", "I-ORG", "orphan")]
    assert odd == [(0, "York", "label-change"), (1, "Nations", "restart")]
