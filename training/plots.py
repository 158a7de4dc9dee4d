"""Plots of how a model learns and scores. Each shows figures that its page also has in words."""

from collections.abc import Sequence
from typing import Any

from annotate.drawing import common, drawn, library

MOST_POINTS = 150  # of a curve: more cannot be told apart, and take longer to draw


def loss(losses: Sequence[Sequence[float]]) -> bytes:
    """Draw [[step, loss], ...] from 0 up."""
    pygal = library()
    chart = pygal.XY(
        **common(), show_dots=False, show_legend=False, x_title="Step", y_title="Loss", no_data_text="Nothing yet"
    )
    chart.range = (0, max((value for _, value in losses), default=1.0))
    chart.add("Loss", thinned(losses) if len(losses) > 1 else [])
    return drawn(chart)


def reliability(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> bytes:
    """Draw what came true against what was said, by bins, beside the line on which both are the same."""
    pygal = library()
    chart = pygal.XY(
        **common(height=340),
        x_title="Said to be right",
        y_title="Were right",
        dots_size=5,
        legend_at_bottom=True,
        legend_at_bottom_columns=3,
    )
    chart.range = chart.xrange = (0, 1)
    chart.add("Calibrated", _points(after))
    chart.add("Uncalibrated", _points(before))
    chart.add("As said", [(0, 0), (1, 1)], show_dots=False, stroke_style={"dasharray": "4, 4", "width": 1})
    return drawn(chart)


def f1(points: Sequence[tuple[object, float, Sequence[float] | None]], of: str = "Version") -> bytes:
    """Draw (name, F1, interval) of each version, or of what else they are points of, in their order."""
    pygal = library()
    chart = pygal.Line(**common(), show_legend=False, x_title=of, y_title="F1", dots_size=4)
    chart.x_labels = [str(name) for name, *_ in points]
    chart.add(
        "F1",
        [
            {"value": score, **({"ci": {"low": interval[0], "high": interval[1]}} if interval else {})}
            for _, score, interval in points
        ],
    )
    edges = [edge for _, score, interval in points for edge in (score, *(interval or ()))]
    chart.range = (max(0.0, min(edges) - 0.02), min(1.0, max(edges) + 0.02))
    return drawn(chart)


def thinned(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Leave out points between the first and the last, evenly, where there are too many."""
    every = -(-len(points) // MOST_POINTS)
    return [(step, value) for step, value in [*points[:-1:every], points[-1]]]


def _points(bins: Sequence[dict[str, Any]]) -> list[tuple[float | None, float | None]]:
    return [(each["probability"], each["right"]) for each in bins]
