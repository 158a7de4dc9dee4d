"""An article as HTML: paragraphs of tokens, with the spans people tagged and the suggestions that are open.

Pure: plain values in, strings of safe HTML out. A token is an `<i>`; the browser counts these and sends their indices,
so it never counts characters. Every character of the text that is no token stands between them unchanged.

Paragraphs are cut into blocks of some sentences, by the tokens alone: an edit is answered with the blocks it touched,
however long the paragraph or the article.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe

from annotate.tokens import Offsets

# A block ends at the first sentence's end after so many tokens, and anywhere after so many more.
ENOUGH, MOST = 60, 120

_TO_ESCAPE = re.compile("[&<>\"']")


class Mark(NamedTuple):
    """One span to show: token indices, half open. What a person tagged has no probability; a suggestion may have."""

    start: int
    end: int
    label: str
    color: int
    probability: float | None = None
    unsure: bool = False
    is_suggestion: bool = False
    is_soft: bool = False

    @property
    def kind(self) -> str:
        if self.is_soft:
            return "suggestion soft"
        return ("suggestion unsure" if self.unsure else "suggestion") if self.is_suggestion else "span"

    @property
    def percent(self) -> int | None:
        """Rounded down, so that what shows 80 is at or above 0.8."""
        return None if self.probability is None else int(self.probability * 100 + 1e-9)

    @property
    def words(self) -> str:
        """What those hear who hear the page, and what stands in the tooltip of a suggestion."""
        if self.is_soft:
            return f"same mention, {self.label}?"
        sure = "" if self.percent is None else f", {self.percent}%"
        return f"suggested {self.label}{sure}" if self.is_suggestion else self.label

    def opening(self, continues: bool = False) -> str:
        """The tag that opens the mark; where it goes on in another block, nobody hears it twice."""
        name, words = escape(self.label), escape(self.words)
        more = f' title="{words}"' if self.is_suggestion else ""
        if self.percent is not None:
            more = f' data-p="{self.percent}"{more}'
        heard = "" if continues else f'<span class="heard">{words}: </span>'
        return (
            f'<mark class="{self.kind} c{self.color}{" more" if continues else ""}" data-s="{self.start}" '
            f'data-e="{self.end}" data-label="{name}"{more}>{heard}'
        )


class Block(NamedTuple):
    """Some sentences of a paragraph: tokens [first, last)."""

    first: int
    last: int
    begins_paragraph: bool


@dataclass(frozen=True)
class Sheet:
    """All that stands on the page of one article. Marks ascend and do not overlap; `sentences` are the indices of the
    tokens that begin one; `left_out` are ranges of tokens that are neither learnt nor predicted.
    """

    text: str
    offsets: Offsets
    marks: Sequence[Mark]
    sentences: Sequence[int] = ()
    left_out: Sequence[Sequence[int]] = ()

    def whole(self) -> SafeString:
        return mark_safe("".join(self._paragraphs()))  # noqa: S308 - every piece of text is escaped below

    def touched(self, ranges: Iterable[tuple[int, int]]) -> SafeString:
        """The blocks that hold a token of these ranges, each to take the place of the one with its id."""
        firsts = [block.first for block in self.blocks]
        wanted: set[int] = set()
        for start, end in ranges:
            if start < end:
                wanted.update(range(bisect_right(firsts, start) - 1, bisect_right(firsts, end - 1)))
        pieces = (self._block(self.blocks[place], ' hx-swap-oob="true"') for place in sorted(wanted))
        return mark_safe("".join(piece for block in pieces for piece in block))  # noqa: S308 - escaped below

    @cached_property
    def blocks(self) -> list[Block]:
        sentences = frozenset(self.sentences)
        found: list[Block] = []
        first, begins = 0, True
        for index in range(1, len(self.offsets)):
            length = index - first
            breaks = "\n" in self.text[self.offsets[index - 1][1] : self.offsets[index][0]]
            if breaks or length >= MOST or (length >= ENOUGH and index in sentences):
                found.append(Block(first, index, begins))
                first, begins = index, breaks
        return [*found, Block(first, len(self.offsets), begins)]

    @cached_property
    def _starts(self) -> dict[int, Mark]:
        return {mark.start: mark for mark in self.marks}

    @cached_property
    def _classes(self) -> dict[int, str]:
        """Of tokens that begin a sentence, and of those left out."""
        classes = dict.fromkeys(self.sentences, "s")
        for start, end in self.left_out:
            for index in range(start, end):
                classes[index] = f"{classes.get(index, '')} out".strip()
        return classes

    def _paragraphs(self) -> Iterator[str]:
        for block in self.blocks:
            if block.begins_paragraph:
                yield "</p><p>" if block.first else "<p>"
            yield from self._block(block)
        yield "</p>"

    def _block(self, block: Block, attributes: str = "") -> Iterator[str]:
        first, last, begins_paragraph = block
        yield f'<span class="b" id="b{first}"{attributes}>'
        position = self.offsets[first][0] if begins_paragraph and first else self.offsets[first - 1][1] if first else 0
        until = self.offsets[last][0] if last < len(self.offsets) else len(self.text)
        to_escape = _TO_ESCAPE.search(self.text, position, until)  # cheaper than to look at each token
        escaped = escape if to_escape else str
        mark = self._reaching(first)
        for index in range(first, last):
            start, end = self.offsets[index]
            if mark is not None and index >= mark.end:
                yield "</mark>"
                mark = None
            yield escaped(self.text[position:start])
            if index in self._starts:
                mark = self._starts[index]
                yield mark.opening()
            elif index == first and mark is not None:
                yield mark.opening(continues=True)
            kind = self._classes.get(index)
            yield f'<i class="{kind}">' if kind else "<i>"
            yield f"{escaped(self.text[start:end])}</i>"
            position = end
        yield "</mark>" if mark is not None else ""
        if last == len(self.offsets):
            yield escaped(self.text[position:].rstrip())
        elif "\n" in (gap := self.text[position:until]):
            yield escaped(gap.rstrip())
        yield "</span>"

    def _reaching(self, index: int) -> Mark | None:
        """The mark that began in a block before and holds this token too."""
        place = bisect_right(self.marks, index, key=lambda mark: mark.start) - 1
        mark = self.marks[place] if place >= 0 else None
        return mark if mark is not None and mark.start < index < mark.end else None
