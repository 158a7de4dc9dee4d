"""The examples of docs/formats.md, read as the formats that they are said to be."""

import json
import re
from io import BytesIO

import pytest

from annotate.exchange import exporting
from annotate.exchange.formats import READERS, found
from annotate.exchange.gazetteer import read
from annotate.exchange.wanted import Wanted
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.documented import EXAMPLES, TEXT
from tests.make import make_document, suggest


@pytest.mark.parametrize(("ending", "kind", "content"), EXAMPLES)
def test_an_example_is_read_as_the_format_that_it_shows(
    records_of: Reader, ending: str, kind: str, content: str
) -> None:
    assert found(f"example.{ending}", content.encode()) == kind
    records = records_of(content, f"example.{ending}")
    assert records
    assert [problem for record in records for problem in record.errors] == []


def test_the_tools_of_other_people_have_their_examples() -> None:
    assert {kind for _, kind, _ in EXAMPLES} >= {"doccano", "labelstudio", "prodigy", "gliner", "potato"}
    assert all(kind in READERS for _, kind, _ in EXAMPLES)


def test_the_gazetteer_shown_is_one() -> None:
    found = read(BytesIO(fenced("gazetteer")[0].encode()))
    assert found.entries["New York Times"] == "ORG"
    assert (len(found.entries), found.left_out) == (4, 0)


@pytest.mark.django_db
def test_what_goes_beside_the_tags_has_the_shape_that_is_shown() -> None:
    suggested, provenance = map(json.loads, fenced("jsonl")[-1].splitlines())
    document = make_document("Ada met Bob.", PER="Ada")
    suggest(document, (2, 3, "PER", 0.9))
    wanted = Wanted(suggestions=True, provenance=True)
    row = json.loads(b"".join(exporting.written(document.project, "jsonl", everything=True, wanted=wanted)))
    for shown, key in ((suggested, "suggestions"), (provenance["provenance"], "entities")):
        there = row if key == "suggestions" else row["provenance"]
        assert shown.keys() <= there.keys()
        assert shown[key][0].keys() == there[key][0].keys()


def fenced(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
