"""Spans of a file that miss our tokens' edges or each other, made to fit as a person has chosen.

Pure functions on code points. Whatever comes in, what `settled` keeps lies apart and on token edges, so that it becomes
well-formed IOB2; and it moves no span but as the choice says.
"""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from annotate import iob2, tokens
from annotate.exchange.choices import Choices
from annotate.tokens import Offsets

LONGEST_LABEL = 50


class CharSpan(NamedTuple):
    """An entity in code points of the text, half open; `score` in [0, 1] where the file says how sure it is."""

    start: int
    end: int
    label: str
    score: float | None = None


class Settled(NamedTuple):
    spans: list[CharSpan]
    offsets: Offsets


def settled(spans: Sequence[CharSpan], text: str, offsets: Offsets, choices: Choices) -> Settled | None:
    """The spans that are kept, in order, and the tokens that they lie on; None where the article is to be left out.

    A span that holds no text, has no usable label or touches no token is left out; blanks at its edges are not part of
    it.
    """
    ground = Ground(text, offsets)
    usable = (span for span in renamed(spans, choices.labels) if is_label(span.label))
    found = [tight for span in usable if (tight := ground.trimmed(span)) is not None]
    if choices.edges == "snap":
        found = _snapped(found, offsets)
    elif choices.edges == "drop":
        found = [span for span in found if is_on_edges(span, offsets)]
    found = once(found)
    kept = _apart(found, len(text), choices.overlaps or "outermost")
    if choices.overlaps == "article" and len(kept) < len(found):
        return None
    pieces = _cut(text, offsets, kept)
    # A file's own tokens may leave parts of its text to nobody: there is nothing to split for a span that ends there.
    return Settled([span for span in kept if is_on_edges(span, pieces)], pieces)


def renamed(spans: Iterable[CharSpan], names: Mapping[str, str]) -> list[CharSpan]:
    """The spans under their new names; those whose name becomes "" are left out."""
    told = (span._replace(label=names.get(span.label, span.label)) for span in spans)
    return [span for span in told if span.label]


def is_label(name: str) -> bool:
    return 0 < len(name) <= LONGEST_LABEL and not name.startswith("-")


class Ground:
    """A text with its tokens, which spans are laid on. However many they are, each is laid in a few steps."""

    def __init__(self, text: str, offsets: Offsets) -> None:
        self._text = text
        self._offsets = offsets

    @cached_property
    def _shown(self) -> tokens.Shown:
        return tokens.Shown(self._text)  # most spans lie on tokens' edges, and need it not

    def trimmed(self, span: CharSpan) -> CharSpan | None:
        """The span without blanks at its edges; None where it holds no text."""
        if is_on_edges(span, self._offsets):
            return span
        if not 0 <= span.start < span.end <= len(self._text):
            return None
        found = self._shown.within(span.start, span.end)
        return None if found is None else span._replace(start=found[0], end=found[1])


def once(spans: Iterable[CharSpan]) -> list[CharSpan]:
    """Each span once, as it was said last, by their place; of labels on the same words the first of the file first."""
    found = {span[:3]: span for span in spans}
    return sorted(found.values(), key=lambda span: span[:2])


def is_on_edges(span: CharSpan, offsets: Offsets) -> bool:
    first = bisect_left(offsets, (span.start, 0))
    last = bisect_right(offsets, (span.end, 0)) - 1
    return first <= last and offsets[first][0] == span.start and offsets[last][1] == span.end


def tags_of_spans(spans: Iterable[CharSpan], offsets: Offsets) -> list[str]:
    """Tags for spans whose edges are token edges. Raises KeyError where one is not, IOB2Error where two overlap."""
    starts = {start: index for index, (start, _) in enumerate(offsets)}
    ends = {end: index + 1 for index, (_, end) in enumerate(offsets)}
    return iob2.tags_of([(starts[span.start], ends[span.end], span.label) for span in spans], len(offsets))


def _snapped(spans: Iterable[CharSpan], offsets: Offsets) -> list[CharSpan]:
    """Each span that touches a token, at the edges of those that it touches."""
    starts = [start for start, _ in offsets]
    ends = [end for _, end in offsets]
    touched = ((span, bisect_right(ends, span.start), bisect_left(starts, span.end) - 1) for span in spans)
    return [span._replace(start=starts[first], end=ends[last]) for span, first, last in touched if first <= last]


# Which of spans that overlap is asked first whether it may stay.
_ORDER: dict[str, Callable[[CharSpan], tuple[int, int]]] = {
    "outermost": lambda span: (span.start - span.end, span.start),
    "innermost": lambda span: (span.end - span.start, span.start),
    "first": lambda span: (span.start, -span.end),
    "article": lambda span: (span.start, -span.end),
}


def _apart(spans: Sequence[CharSpan], length: int, overlaps: str) -> list[CharSpan]:
    """As many of the spans as lie apart, in order of their place, asked in the order that the choice says."""
    taken = bytearray(length)
    kept = []
    for span in sorted(spans, key=_ORDER[overlaps]):
        # What is in the way nearly always covers an end: a long span that stays out is then not looked through.
        if not (taken[span.start] or taken[span.end - 1]) and taken.find(1, span.start, span.end) < 0:
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def _cut(text: str, offsets: Offsets, spans: Iterable[CharSpan]) -> Offsets:
    """The tokens, cut where a span begins or ends inside one. A piece that shows nothing belongs to no token."""
    cuts = sorted({edge for span in spans for edge in span[:2]})
    pieces: Offsets = []
    for start, end in offsets:
        inside = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        if inside:
            parts = itertools.pairwise([start, *inside, end])
            pieces += [part for part in parts if not tokens.word_fault(text[slice(*part)])]
        else:
            pieces.append((start, end))
    return pieces
