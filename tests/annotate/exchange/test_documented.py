"""The examples of docs/formats.md, read as the formats that they are said to be."""

import re
from pathlib import Path

import pytest

from annotate.exchange.formats import READERS, found
from tests.annotate.exchange.conftest import Reader

DOCS = Path(__file__).parents[3] / "docs" / "formats.md"
EXAMPLE = re.compile(r"^```(?P<ending>\w+) (?P<format>\w+)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [match.groups() for match in EXAMPLE.finditer(DOCS.read_text(encoding="utf-8"))]


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
