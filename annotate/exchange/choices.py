"""What a person decides about an import once it was read: plain values, kept in the row's options."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from annotate.exchange.records import Problem

# Each choice with what it does, in words; the first is the default.
EDGES = {
    "split": "split the token where the span begins or ends",
    "snap": "widen the span to whole tokens",
    "drop": "leave these spans out",
}
OVERLAPS = {
    "outermost": "keep the longest of them",
    "innermost": "keep the shortest of them",
    "first": "keep the one that begins first",
    "article": "leave the article out",
}
EXACT = {"skip": "leave them out", "keep": "keep them as well"}
NEAR = {"keep": "keep them, always on one side of the split", "skip": "leave them out"}
TAKEN = {"skip": "leave them out", "keep": "keep them as new articles, without the id"}
CHOICES = {"edges": EDGES, "overlaps": OVERLAPS, "exact": EXACT, "near": NEAR, "taken": TAKEN}

DECIDED = {"span-edge": "edges", "span-overlap": "overlaps"}  # which choice meets which error


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """`edges` and `overlaps` left empty are not decided: such spans are errors like any other, and a repair meets them
    by the default. `labels` names what labels of the file become; "" leaves their spans out.
    """

    edges: str = ""
    overlaps: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    exact: str = "skip"
    near: str = "keep"
    taken: str = "skip"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The choices among an import's options. Raises ValueError for one that there is not."""
        for name, ways in CHOICES.items():
            if options.get(name) and options[name] not in ways:
                raise ValueError(f"{options[name]!r} is no choice for {name}: there is {', '.join(ways)}.")
        chosen = {name: options[name] for name in (*CHOICES, "labels") if options.get(name)}
        return cls(**chosen)

    def undecided(self, errors: Iterable["Problem"]) -> list["Problem"]:
        """The errors that these choices say nothing about."""
        decided = {kind for kind, name in DECIDED.items() if getattr(self, name)}
        return [problem for problem in errors if problem.kind not in decided]
