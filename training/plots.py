"""Plots as SVG, drawn by pygal: plain values in, bytes out. Each shows figures that its page also has in words.

A picture knows nothing of the page's style sheet, so it brings its own colours, for light and for dark.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

if TYPE_CHECKING:
    import pygal

OLD_FINDER = "PluginImportFixer"

MOST_POINTS = 150  # of a curve: more cannot be told apart, and take longer to draw
FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"
PAPER, INK, SOFT, LINE = "transparent", "#1d2126", "#59616b", "#dcdad4"
COLORS = ("#1f4e79", "#a34714", "#59616b")
DARK = """
@media (prefers-color-scheme: dark) {
  text { fill: #a3abb5 !important; }
  .axis .line, .axis .guide.line, .axis .major.line { stroke: #4a535e !important; }
  .ci { stroke: #a3abb5 !important; }
  .color-0 { fill: #8cbdf0 !important; stroke: #8cbdf0 !important; }
  .color-1 { fill: #f2a36e !important; stroke: #f2a36e !important; }
  .color-2 { fill: #a3abb5 !important; stroke: #a3abb5 !important; }
}
.line, .nofill { fill: none !important; }
"""


def library() -> Any:
    """Load pygal when the first plot is asked for, and take out of Python's imports the finder of map plugins that it
    leaves there: it is of a kind that Python 3.12 knows no more, and others who look through them stumble over it.
    """
    import pygal

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != OLD_FINDER]
    return pygal


def loss(losses: Sequence[Sequence[float]]) -> bytes:
    """Draw [[step, loss], ...] from 0 up."""
    pygal = library()
    chart = pygal.XY(
        **_common(), show_dots=False, show_legend=False, x_title="Step", y_title="Loss", no_data_text="Nothing yet"
    )
    chart.range = (0, max((value for _, value in losses), default=1.0))
    chart.add("Loss", thinned(losses) if len(losses) > 1 else [])
    return _drawn(chart)


def reliability(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> bytes:
    """Draw what came true against what was said, by bins, beside the line on which both are the same."""
    pygal = library()
    chart = pygal.XY(
        **_common(height=340),
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
    return _drawn(chart)


def f1(points: Sequence[tuple[object, float, Sequence[float] | None]], of: str = "Version") -> bytes:
    """Draw (name, F1, interval) of each version, or of what else they are points of, in their order."""
    pygal = library()
    chart = pygal.Line(**_common(), show_legend=False, x_title=of, y_title="F1", dots_size=4)
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
    return _drawn(chart)


def thinned(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Leave out points between the first and the last, evenly, where there are too many."""
    every = -(-len(points) // MOST_POINTS)
    return [(step, value) for step, value in [*points[:-1:every], points[-1]]]


def _points(bins: Sequence[dict[str, Any]]) -> list[tuple[float | None, float | None]]:
    return [(each["probability"], each["right"]) for each in bins]


def _common(height: int = 240) -> dict[str, Any]:
    style = library().style.Style(
        background=PAPER,
        plot_background=PAPER,
        foreground=SOFT,
        foreground_strong=INK,
        foreground_subtle=LINE,
        guide_stroke_color=LINE,
        major_guide_stroke_color=LINE,
        colors=COLORS,
        font_family=FONT,
        label_font_size=13,
        major_label_font_size=13,
        title_font_size=14,
        legend_font_size=14,
        no_data_font_size=18,
        transition="none",
    )
    return {"width": 480, "height": height, "style": style, "js": [], "no_prefix": True, "margin": 8}


def _drawn(chart: pygal.Graph) -> bytes:
    chart.config.css.append(f"inline:{DARK}")
    chart.add_xml_filter(_without_script)
    drawn: bytes = chart.render()
    return drawn


def _without_script(svg: Element) -> Element:
    """What pygal needs to show tooltips, which a picture cannot."""
    for definitions in svg.findall("defs"):
        for script in definitions.findall("script"):
            definitions.remove(script)
    return svg
