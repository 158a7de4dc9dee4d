"""Who said what of an article, and how: plain values, read from the lines of its log."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from annotate import iob2

Place = tuple[int, int, str]  # of an entity: tokens, half open, and its label

TAKEN_BACK = ("undone", "redone")
SAME_HAND = ("split", "relabelled")  # these change how an entity is written, not who has said it


@dataclass(frozen=True)
class Hand:
    """The last word on an entity: whose, when, how (as the log names it), and of an accepted or corrected suggestion
    who made it, with which probability.
    """

    by: str | None
    at: str
    how: str
    source: str | None = None
    probability: float | None = None


@dataclass(frozen=True)
class Provenance:
    """How an article came by its tags; `hands` has one for each entity, in their order. `blind`: whether suggestions
    were out of sight, None where nobody knows.
    """

    finished_by: str | None
    finished_at: str | None
    blind: bool | None
    hands: tuple[Hand, ...]

    def told(self, entities: Iterable[tuple[int, int, str]]) -> dict[str, Any]:
        """As a row says it, beside these entities in code points."""
        whole = {"finished_by": self.finished_by, "finished_at": self.finished_at, "blind": self.blind}
        places = [dict(zip(("start", "end", "label"), entity, strict=True)) for entity in entities]
        return {**whole, "entities": [p | asdict(hand) for p, hand in zip(places, self.hands, strict=True)]}


class Line(NamedTuple):
    """A line of the log: tags from a token on, before and after, and whose they are."""

    start: int
    before: list[str]
    after: list[str]
    hand: Hand


def hands_of(lines: Iterable[Line]) -> dict[Place, Hand]:
    """Of each entity that stands after these lines, in their order, who said it last."""
    standing: dict[Place, Hand] = {}
    ever: dict[Place, Hand] = {}
    for line in lines:
        low, high, wider = line.start, line.start + len(line.before), len(line.after) - len(line.before)
        inside = {place: hand for place, hand in standing.items() if place[0] < high and low < place[1]}
        standing = {
            (start + wider, end + wider, label) if start >= high else (start, end, label): hand
            for (start, end, label), hand in standing.items()
            if (start, end, label) not in inside
        }
        for span in iob2.spans_of(line.after):
            place = (low + span.start, low + span.end, span.label)
            standing[place] = ever[place] = _hand(line, place, {} if wider else inside, inside, ever)
    return standing


def _hand(
    line: Line, place: Place, untouched: dict[Place, Hand], inside: dict[Place, Hand], ever: dict[Place, Hand]
) -> Hand:
    if place in untouched:
        return untouched[place]
    if line.hand.how in TAKEN_BACK:
        return ever.get(place, line.hand)
    if line.hand.how in SAME_HAND:
        return next((hand for (start, *_), hand in inside.items() if start == place[0]), line.hand)
    return line.hand
