"""The examples of docs/formats.md."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "formats.md"
EXAMPLE = re.compile(r"^```(?P<ending>\w+) (?P<format>\w+)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
TEXT = DOCS.read_text(encoding="utf-8")
EXAMPLES = [match.groups() for match in EXAMPLE.finditer(TEXT)]
