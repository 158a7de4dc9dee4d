"""Plots of what the articles hold. Each shows figures that its page also has in a table."""

from annotate.drawing import common, drawn, library
from annotate.histogram import Spread


def histogram(spread: Spread, of: str) -> bytes:
    """Draw how many articles are in each bin, which is named by where it begins."""
    chart = library().Bar(
        **common(),
        show_legend=False,
        x_title=f"{of}, from",
        y_title="Articles",
        no_data_text="Nothing yet",
        truncate_label=-1,
    )
    chart.x_labels = [f"{one.start:,g}" + ("" if one.end else "+") for one in spread.bins]
    chart.add("Articles", [one.size for one in spread.bins])
    chart.range = (0, max((one.size for one in spread.bins), default=1))
    return drawn(chart)
