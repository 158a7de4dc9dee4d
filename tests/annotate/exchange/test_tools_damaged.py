"""Rows of other tools with something else in one place: read, or refused with a reason."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from annotate.exchange.records import apply
from annotate.iob2 import check
from annotate.tokens import check_offsets
from tests.annotate.exchange import test_gliner, test_labelstudio, test_potato, test_prodigy
from tests.annotate.exchange.conftest import Reader

LABELLED = {"text": "Ada 😀 met Bob.", "label": [[0, 3, "PER"]], "labels": [], "Comments": ["?"], "meta": {"a": 1}}
RELATED = {
    "text": "Ada met Bob.",
    "entities": [{"id": 0, "start_offset": 0, "end_offset": 3, "label": "PER"}],
    "relations": [{"from_id": 0, "to_id": 1, "type": "met"}],
}
TASK = test_labelstudio.task(
    test_labelstudio.annotation(test_labelstudio.result(5, 8, "PER", "Ada")),
    text=test_labelstudio.EMOJI,
    predictions=[{"model_version": "v1", "result": [test_labelstudio.result(3, 6, "PER", score=0.5)]}],
    meta={"a": 1},
)
ROWS: list[Any] = [LABELLED, RELATED, TASK, test_gliner.ROW, test_potato.ITEM, test_prodigy.TASK]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.sampled_from(["\x00", "\ud800", "accept", "PER", -1, 10**30, 1e999]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in a value: what holds it, and its key or index there."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    row = deepcopy(draw(st.sampled_from(ROWS)))
    for _ in range(draw(st.integers(1, 2))):
        found = list(places(row))
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        holder[key] = draw(JSON)
    return row


@given(damaged())
@example({**TASK, "data": {"text": 3}})
def test_whatever_stands_in_a_row_it_is_read_or_refused_with_a_reason(records_of: Reader, row: Any) -> None:
    for record in records_of(json.dumps(row).replace("Infinity", "1e999") + "\n", "rows.jsonl"):
        assert all(problem.message and problem.message.encode() for problem in record.problems)
        whole = apply(record, "repair")
        if whole is not None:
            assert whole.text is not None
            check_offsets(whole.text, whole.offsets or [])
            check(whole.tags or [])
            whole.suggestions()
