"""An article as HTML: paragraphs of tokens, with the spans people tagged and the suggestions that are open.

Pure: plain values in, one string of safe HTML out. A token is an `<i>`; the browser counts these and sends their
indices, so it never counts characters. Every character of the text that is no token stands between them unchanged.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe

from annotate.tokens import Offsets


class Mark(NamedTuple):
    """One span to show: token indices, half open. What a person tagged has no probability; a suggestion may have."""

    start: int
    end: int
    label: str
    color: int
    probability: float | None = None
    unsure: bool = False
    is_suggestion: bool = False

    @property
    def opening(self) -> str:
        name = escape(self.label)
        kind, words, more = "span", name, ""
        if self.is_suggestion:
            kind = "suggestion unsure" if self.unsure else "suggestion"
            words = f"suggested {name}"
            if self.probability is not None:
                words += f", {self.probability:.0%}"
                more = f' data-p="{self.probability * 100:.0f}"'
            more += f' title="{words}"'
        return (
            f'<mark class="{kind} c{self.color}" data-s="{self.start}" data-e="{self.end}" '
            f'data-label="{name}"{more}><span class="heard">{words}: </span>'
        )


def paragraphs(text: str, offsets: Offsets, marks: Sequence[Mark]) -> SafeString:
    """The whole text; a line break begins a new paragraph. Marks ascend and do not overlap."""
    return mark_safe("".join(_pieces(text, offsets, marks)))  # noqa: S308 - every piece of text is escaped below


def _pieces(text: str, offsets: Offsets, marks: Sequence[Mark]) -> Iterator[str]:
    starts = {mark.start: mark for mark in marks}
    ends = {mark.end for mark in marks}
    position, open_mark = 0, False
    yield '<p data-first="0">'
    for index, (start, end) in enumerate(offsets):
        gap = text[position:start]
        if index in ends:
            yield "</mark>"
            open_mark = False
        if "\n" in gap and index and not open_mark:
            yield f'{escape(gap.rstrip())}</p><p data-first="{index}">'
        else:
            yield escape(gap)
        if index in starts:
            yield starts[index].opening
            open_mark = True
        yield f"<i>{escape(text[start:end])}</i>"
        position = end
    yield "</mark>" if open_mark else ""
    yield escape(text[position:].rstrip())
    yield "</p>"
