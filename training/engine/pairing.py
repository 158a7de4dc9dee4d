"""Which predicted entity stands for which of the gold: what partial scores and the list of mistakes rest on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from annotate.iob2 import Span

Kind = Literal["right", "label", "extent", "both", "missed", "spurious"]


class Pair(NamedTuple):
    """A gold entity and the predicted one that stands for it; None where the other side has none."""

    gold: Span | None
    predicted: Span | None

    @property
    def kind(self) -> Kind:
        """What became of it: `label` and `extent` name what is wrong, `both` where neither is right."""
        if self.gold is None or self.predicted is None:
            return "spurious" if self.gold is None else "missed"
        same_words = self.gold[:2] == self.predicted[:2]
        if self.gold.label == self.predicted.label:
            return "right" if same_words else "extent"
        return "label" if same_words else "both"


def pair_up(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Pair]:
    """Pair the entities of one article, each at most once, and give all pairs in the order of the text.

    Of those that share a token, the ones that share the most find each other first; where they share as many, those
    of equal extent, then of one label, then the first. Entities of one side must not overlap. Linear but for the sort.
    """
    candidates = sorted(_overlapping(gold, predicted), key=_closeness)
    partner: dict[Span, Span] = {}
    taken: set[Span] = set()
    for true, found in candidates:
        if true not in partner and found not in taken:
            partner[true] = found
            taken.add(found)
    pairs = [Pair(true, partner.get(true)) for true in gold]
    pairs += [Pair(None, found) for found in predicted if found not in taken]
    return sorted(pairs, key=lambda each: each.gold or each.predicted or ())


def _overlapping(gold: Iterable[Span], predicted: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
    found = sorted(predicted)
    place = 0
    for true in sorted(gold):
        while place < len(found) and found[place].end <= true.start:
            place += 1
        for other in found[place:]:
            if other.start >= true.end:
                break
            yield true, other


def _closeness(spans: tuple[Span, Span]) -> tuple[int, bool, bool, Span]:
    true, found = spans
    shared = min(true.end, found.end) - max(true.start, found.start)
    return -shared, true[:2] != found[:2], true.label != found.label, true
