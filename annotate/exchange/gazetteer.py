"""A gazetteer's file: mentions with their labels, `text<TAB>label`, one a line.

Blank lines are passed over, and so are comments: lines that begin with # and a blank, or with # and have no tab (a
hashtag may be a mention).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from annotate import tokens
from annotate.exchange.lines import lines
from annotate.exchange.records import FormatError
from annotate.exchange.spans import LONGEST_LABEL, is_label

MOST = 100_000  # entries
LONGEST = 200  # characters of a mention
FAULTS_KEPT = 1_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Fault(NamedTuple):
    line: int
    reason: str


@dataclass
class Gazette:
    """What was read: each mention with its label; the first of the lines that were left out, and how many there are."""

    entries: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    left_out: int = 0

    def labels(self) -> list[str]:
        return list(dict.fromkeys(self.entries.values()))

    def fault(self, line: int, reason: str) -> None:
        self.left_out += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(Fault(line, reason))


def read(stream: BinaryIO) -> Gazette:
    """Read a file; lines that cannot be entries are faults. Raises FormatError for a file that is none, or too long."""
    found = Gazette()
    first: dict[str, int] = {}
    for number, text, label in _rows(stream):
        if reason := _why_not(text, label):
            found.fault(number, reason)
        elif found.entries.setdefault(text, label) != label:
            other = found.entries[text]
            found.fault(number, f"“{text}” is {other} in line {first[text]:,}: one mention has one label.")
        first.setdefault(text, number)
        if len(found.entries) > MOST:
            raise FormatError(f"The file has more than {MOST:,} entries.")
    if not found.entries:
        why = f" Line {found.faults[0].line:,}: {found.faults[0].reason}" if found.faults else ""
        raise FormatError(f"No line of the file is a mention, a tab and a label.{why}")
    return found


def _rows(stream: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """Each line that is no comment, with its number; the label is empty where there is none."""
    for number, line in enumerate(lines(stream), start=1):
        stripped = line.strip()
        is_comment = stripped.startswith("#") and ("\t" not in stripped or stripped[1:2].isspace())
        if stripped and not is_comment:
            text, _, label = line.rstrip("\r\n").partition("\t")
            yield number, " ".join(text.replace("\ufeff", " ").split()), label.strip()


def _why_not(text: str, label: str) -> str:
    """Why these are no entry, in words; empty where they are one."""
    if not label:
        return "It is not a mention, a tab and a label."
    if "\t" in label:
        return "It has more than one tab: a mention, a tab and a label are wanted."
    if _UNSTORABLE.search(text + label):
        return "It holds a NUL character or half a character."
    if len(text) > LONGEST:
        return f"The mention is longer than {LONGEST} characters."
    if not tokens.tokenize(text):
        return "It has a label and no mention."
    if not is_label(label) or any(map(str.isspace, label)):
        return (
            f"“{label[:60]}” cannot be a label: it has a blank, begins with a hyphen or is over {LONGEST_LABEL} long."
        )
    return ""
