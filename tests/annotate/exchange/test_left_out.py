"""Passages that are left out travel with their article in JSON Lines; CoNLL keeps their tokens."""

import json

import pytest

from annotate.exchange import exporting
from annotate.exchange.records import apply
from annotate.models import Document
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.handing_in import imported, upload
from tests.make import make_document, make_project

ROW = {"tokens": ["By", "Eve", ":", "Ada", "left"], "tags": ["O", "O", "O", "B-PER", "O"]}


@pytest.mark.django_db
def test_they_come_back_as_they_went_and_conll_keeps_their_tokens() -> None:
    first, second = make_project("first"), make_project("second")
    document = make_document("By Eve: Ada left.", first, finished=True, PER="Ada")
    Document.objects.filter(pk=document.pk).update(left_out=[(0, 3)])
    written = b"".join(exporting.written(first, "jsonl")).decode()
    assert json.loads(written)["left_out"] == [[0, 3]]
    imported(upload(second, written))
    assert Document.objects.get(project=second).left_out == [(0, 3)]
    conll = b"".join(exporting.written(first, "conll2003")).decode().splitlines()
    assert [line.split()[::3] for line in conll if line][1:4] == [["By", "O"], ["Eve", "O"], [":", "O"]]


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        ([[0, 9]], "outside the article's 5 tokens"),
        ([[2, 3], [0, 1]], "overlaps the one before"),
        ([[1, 1]], "is empty"),
        ([[2, 4]], "holds an entity"),
        ("0-3", "no list of"),
        ([[0, "3"]], "no list of"),
    ],
)
def test_a_row_whose_passages_cannot_be_is_refused_with_the_reason(
    records_of: Reader, left_out: object, says: str
) -> None:
    (record,) = records_of(json.dumps({**ROW, "left_out": left_out}), "a.jsonl")
    assert [problem.kind for problem in record.errors] == ["left-out"]
    assert says in record.errors[0].message


def test_they_follow_the_tokens_that_a_repair_moves(records_of: Reader) -> None:
    row = {"tokens": ["By Eve", "", "Ada"], "tags": ["O", "O", "B-PER"], "left_out": [[0, 2]]}
    (record,) = records_of(json.dumps(row), "a.jsonl")
    mended = apply(record, "repair")
    assert mended is not None
    assert (mended.words, mended.left_out) == (["By", "Eve", "Ada"], [(0, 2)])
