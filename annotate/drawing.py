"""How plots are drawn, as SVG by pygal: plain values in, bytes out. Each shows figures that its page also has in words.

A picture knows nothing of the page's style sheet, so it brings its own colours, for light and for dark.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

if TYPE_CHECKING:
    import pygal

OLD_FINDER = "PluginImportFixer"

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


def common(height: int = 240) -> dict[str, Any]:
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


def drawn(chart: pygal.Graph) -> bytes:
    chart.config.css.append(f"inline:{DARK}")
    chart.add_xml_filter(_without_script)
    picture: bytes = chart.render()
    return picture


def _without_script(svg: Element) -> Element:
    """What pygal needs to show tooltips, which a picture cannot."""
    for definitions in svg.findall("defs"):
        for script in definitions.findall("script"):
            definitions.remove(script)
    return svg
