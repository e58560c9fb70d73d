"""Charts drawn by Matplotlib, as SVG, for the book and for notebooks."""

import io
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled.drawing import figures, style
from unrolled.drawing.chart import Band, Cells, Chart, Line, Panel, Reference

DASHES: dict[str, Any] = {"solid": "-", "dashed": (0, (5, 3)), "dotted": ":"}
MARKERS = {"": "", "circle": "o", "square": "s", "diamond": "D", "up": "^", "down": "v"}


def colour(name: str) -> str:
    """Returns the value of a colour's name."""
    return style.GREY if name == "grey" else style.COLOURS[name]


def draw(chart: Chart) -> Figure:
    """Returns a chart as a figure of Matplotlib."""
    with mpl.rc_context(style.STYLE):
        figure = Figure(figsize=(chart.width, chart.height))
        rows = -(-len(chart.panels) // chart.columns)
        places = figure.subplots(rows, chart.columns, squeeze=False).ravel()
        for axes, panel in zip(places, chart.panels, strict=False):
            draw_panel(axes, panel)
        for axes in places[len(chart.panels) :]:
            axes.set_visible(False)
    return figure


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draws one panel; the names of curves stand at their right ends."""
    for mark in panel.marks:
        if isinstance(mark, Cells):
            figures.heat_map(axes, *mark)
        elif isinstance(mark, Line):
            axes.plot(
                mark.x,
                mark.y,
                color=colour(mark.colour),
                linestyle=DASHES[mark.dash],
                linewidth=1.8 if mark.dash == "solid" else 1.2,
                marker=MARKERS[mark.marker],
            )
        elif isinstance(mark, Band):
            shade = colour(mark.colour)
            axes.fill_between(mark.x, mark.low, mark.high, color=shade, alpha=0.2, lw=0)
        elif isinstance(mark, Reference):
            line = axes.axhline if mark.axis == "y" else axes.axvline
            line(mark.at, color=style.GREY, linestyle=DASHES[mark.dash], linewidth=1.2)
    axes.set(title=panel.title, xlabel=panel.x.label, ylabel=panel.y.label)
    for axis, which in ((panel.x, "x"), (panel.y, "y")):
        if axis.scale != "linear":
            axes.set(**{f"{which}scale": axis.scale})
        if axis.limits is not None:
            axes.set(**{f"{which}lim": axis.limits})
        if axis.ticks is not None:
            getattr(axes, f"set_{which}ticks")(axis.ticks, axis.ticks)
            getattr(axes, f"{which}axis").minorticks_off()
    figures.label_ends(axes, ends(panel))


def ends(panel: Panel) -> list[tuple[float, str, str]]:
    """Returns (height, name, colour) for each named curve and each named horizontal line."""
    found = []
    for mark in panel.marks:
        if isinstance(mark, Line) and mark.name:
            last = next(float(y) for y in mark.y[::-1] if abs(y) < float("inf"))
            found.append((last, mark.name, colour(mark.colour)))
        elif isinstance(mark, Reference) and mark.name and mark.axis == "y":
            found.append((mark.at, mark.name, style.GREY))
    return found


def svg(chart: Chart) -> str:
    """Returns a chart as SVG, with its description in an element `metadata`.

    The same chart gives the same bytes: a date is not written.
    """
    text = io.StringIO()
    with mpl.rc_context(style.STYLE):
        draw(chart).savefig(
            text, format="svg", bbox_inches="tight", metadata={"Date": None}
        )
    head, body = text.getvalue().split("<metadata>", 1)
    data = chart.to_json().replace("&", "&amp;").replace("<", "&lt;")
    return f'{head}<metadata id="chart">{data}</metadata>\n <metadata>{body}'
