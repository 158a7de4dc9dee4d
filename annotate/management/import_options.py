"""What `import_documents` can be told of its files, and what an import keeps of that."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from typing import Any

from annotate import schemes
from annotate.exchange import fields
from annotate.exchange.choices import CHOICES, EDGES, EXACT, NEAR, OVERLAPS, TAKEN
from annotate.exchange.formats import READERS
from annotate.exchange.spans import LONGEST_LABEL
from annotate.models.project import LABEL_PATTERN

KEPT = ("format", "scheme", "on_error", "split", "as_", "text_column", "tag_column", "blank_lines", *CHOICES)


def pair(value: str) -> tuple[str, str]:
    label, _, name = value.rpartition("=")
    if not label or len(name) > LONGEST_LABEL or not re.match(LABEL_PATTERN, name):
        raise ArgumentTypeError(f"{value!r} is not LABEL=NAME, where NAME can be a label")
    return label, name


OPTIONS: dict[str, dict[str, Any]] = {
    "format": {"choices": ["auto", *READERS], "default": "auto"},
    "scheme": {"choices": ["auto", *schemes.TITLES], "default": "auto"},
    "on-error": {"choices": ["repair", "skip", "fail"], "default": "fail"},
    "split": {"choices": ["auto", "train", "validation", "test"], "default": "auto"},
    "as": {"choices": ["finished", "suggestions"], "default": "finished", "dest": "as_"},
    "edges": {"choices": [*EDGES], "default": "", "help": "spans that begin or end inside a token"},
    "overlaps": {"choices": [*OVERLAPS], "default": "", "help": "spans that overlap: which is kept"},
    "duplicates": {"choices": [*EXACT], "default": "skip", "dest": "exact"},
    "near-duplicates": {"choices": [*NEAR], "default": "keep", "dest": "near"},
    "taken-ids": {
        "choices": [*TAKEN],
        "default": "",
        "dest": "taken",
        "help": "ids that are there with another text",
    },
    "map": {"action": "append", "default": [], "type": pair, "metavar": "LABEL=NAME", "help": "what a label becomes"},
    "leave-out": {"action": "append", "default": [], "metavar": "LABEL", "help": "a label whose spans stay out"},
    "text-column": {"default": "", "metavar": "NAME", "help": "the column or key that holds the text"},
    "columns": {
        "default": "",
        "metavar": "PAIRS",
        "help": f"columns of a table by their names, for {', '.join(fields.WISHED)}: title=Headline,date=Day",
    },
    "tag-column": {"type": int, "default": 0, "metavar": "N", "help": "of CoNLL: from 1, or -1 for the last"},
    "blank-lines": {
        "type": int,
        "default": 0,
        "metavar": "N",
        "help": "as many part the articles of a text file; 0, the default: a file is one article",
    },
    "label-list": {"default": "", "metavar": "TAGS", "help": "what integer tags stand for: O,B-PER,I-PER"},
}


def add_options(parser: ArgumentParser) -> None:
    for name, told in OPTIONS.items():
        parser.add_argument(f"--{name}", **told)


def kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as an import has them. Raises ValueError for columns that mean nothing."""
    chosen: dict[str, Any] = {name: options[name] for name in KEPT}
    chosen["columns"] = fields.wished(options["columns"])
    chosen["labels"] = {**dict(options["map"]), **dict.fromkeys(options["leave_out"], "")}
    chosen["label_list"] = [tag.strip() for tag in options["label_list"].split(",") if tag.strip()]
    return chosen
