"""Charts drawn by Matplotlib, as SVG, for the book and for notebooks."""

import io
import math
from collections.abc import Sequence
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from unrolled.arguments import names_arguments
from unrolled.drawing import style
from unrolled.drawing.chart import (
    Axis,
    Band,
    Bars,
    Cells,
    Chart,
    Columns,
    Contour,
    Field,
    Line,
    Note,
    Panel,
    Reference,
)
from unrolled.drawing.palette import ON_CELLS

DASHES: dict[str, Any] = {
    "solid": "-",
    "dashed": (0, (5, 3)),
    "dotted": ":",
    "none": "",
}
MARKERS = {
    "": "",
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "up": "^",
    "down": "v",
    "cross": "x",
}
# Of a note: how far it stands from its point, in points, and its alignment.
SIDES = {
    "right": ((5, 0), "left", "center"),
    "left": ((-5, 0), "right", "center"),
    "above": ((0, 4), "center", "bottom"),
    "below": ((0, -4), "center", "top"),
    "centre": ((0, 0), "center", "center"),
}
NAMED = style.COLOURS | {"grey": style.GREY, "pale": style.PALE} | ON_CELLS


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
        draw_legend(figure, chart)
    return figure


def draw_legend(figure: Figure, chart: Chart) -> None:
    """Writes the names of curves above the panels, each once, for panels with a legend."""
    named = {
        mark.name: Line2D([], [], **look(mark))
        for panel in chart.panels
        if panel.legend
        for mark in panel.marks
        if isinstance(mark, Line) and mark.name and mark.labelled
    }
    if named:
        # A letter is about 0.085 inches wide, and a sample of a curve 0.55.
        wide = sum(0.085 * len(name) + 0.55 for name in named)
        rows = math.ceil(wide / chart.width)
        figure.legend(
            list(named.values()),
            list(named),
            loc="outside upper center",
            ncols=-(-len(named) // rows),
            frameon=False,
            fontsize=10,
            columnspacing=1.4,
        )


def look(line: Line) -> dict[str, Any]:
    """Returns how Matplotlib draws a curve."""
    colour = NAMED[line.colour]
    edge = style.ON_LIGHT_CELL if line.colour in ON_CELLS else colour
    return {
        "color": colour,
        "linestyle": DASHES[line.dash],
        "linewidth": line.width,
        "marker": MARKERS[line.marker],
        "markersize": line.size,
        "markerfacecolor": "none" if line.hollow else colour,
        "markeredgecolor": edge if line.marker != "cross" else colour,
        "markeredgewidth": 0.5 if line.colour in ON_CELLS else 1.0,
    }


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draws one panel; the names of curves stand at their right ends if it has no legend."""
    for mark in panel.marks:
        if isinstance(mark, Cells):
            draw_cells(axes, mark)
        elif isinstance(mark, Field):
            draw_field(axes, mark)
        elif isinstance(mark, Contour):
            axes.contour(
                mark.x,
                mark.y,
                mark.values,
                levels=[mark.level],
                colors=[NAMED[mark.colour]],
                linewidths=mark.width,
            )
        elif isinstance(mark, Bars):
            draw_bars(axes, mark)
        elif isinstance(mark, Columns):
            wide = float(np.diff(mark.x).min()) if len(mark.x) > 1 else 1.0
            axes.bar(mark.x, mark.heights, width=wide, color=NAMED[mark.colour])
        elif isinstance(mark, Line):
            axes.plot(mark.x, mark.y, **look(mark))
        elif isinstance(mark, Band):
            shade = NAMED[mark.colour]
            axes.fill_between(mark.x, mark.low, mark.high, color=shade, alpha=0.2, lw=0)
        elif isinstance(mark, Reference):
            draw_reference(axes, mark)
        elif isinstance(mark, Note):
            away, across, up = SIDES[mark.side]
            axes.annotate(
                mark.text,
                (mark.x, mark.y),
                xytext=away,
                textcoords="offset points",
                ha=across,
                va=up,
                rotation=mark.angle,
                rotation_mode="anchor",
                color=NAMED[mark.colour],
                fontsize=10,
            )
    axes.set(title=panel.title, xlabel=panel.x.label, ylabel=panel.y.label)
    draw_axis(axes, panel.x, "x")
    draw_axis(axes, panel.y, "y")
    if not panel.frame:
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    if panel.equal:
        axes.set_aspect("equal")
    if not panel.legend:
        label_ends(axes, ends(panel))


def draw_axis(axes: Axes, axis: Axis, which: str) -> None:
    """Sets the scale, limits and ticks of an axis, "x" or "y"."""
    if axis.scale != "linear":
        axes.set(**{f"{which}scale": axis.scale})
    if axis.limits is not None:
        axes.set(**{f"{which}lim": axis.limits})
    if axis.ticks is not None:
        named = axis.ticks if axis.names is None else axis.names
        getattr(axes, f"set_{which}ticks")(axis.ticks, named)
        getattr(axes, f"{which}axis").minorticks_off()


def draw_cells(axes: Axes, mark: Cells) -> None:
    """Draws a matrix as coloured cells, with its numbers and its colour bar if there are any."""
    matrix = np.asarray(mark.matrix, dtype=float)
    largest = float(np.nanmax(np.abs(matrix)))
    least = -largest if mark.signed else float(np.nanmin(matrix))
    most = largest if mark.signed else float(np.nanmax(matrix))
    low, high = mark.limits or (least, most)
    image = axes.imshow(
        matrix,
        cmap=style.DIVERGING if mark.signed else style.SEQUENTIAL,
        vmin=low,
        vmax=high,
        aspect="auto",
        interpolation="none",
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for axis, names in ((axes.yaxis, mark.rows), (axes.xaxis, mark.columns)):
        if names is None:
            axis.set_major_locator(MaxNLocator(integer=True))
        else:
            axis.set_ticks(range(len(names)), names)
    # Names of columns that do not fit beside one another stand upright.
    room = axes.get_position().width * figure_width(axes) - 0.6
    names = mark.columns or ()
    if 0.085 * max(map(len, names), default=0) * len(names) > room:
        axes.tick_params(axis="x", rotation=90)
    if mark.number is not None:
        for (i, j), value in np.ndenumerate(mark.matrix):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark_cell = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axes.text(
                j,
                i,
                format(value, mark.number),
                ha="center",
                va="center",
                fontsize=10,
                color=style.ON_DARK_CELL if dark_cell else style.ON_LIGHT_CELL,
            )
    if mark.bar:
        draw_colour_bar(axes, image, mark.label)


def figure_width(axes: Axes) -> float:
    """Returns the width of a figure in inches."""
    figure: Any = axes.get_figure()
    return float(figure.get_figwidth())


def draw_colour_bar(axes: Axes, image: Any, label: str) -> None:
    """Draws the colour bar of an image beside its axes."""
    figure: Any = axes.get_figure()
    figure.colorbar(image, ax=axes, label=label).outline.set_visible(False)


def draw_bars(axes: Axes, mark: Bars) -> None:
    """Draws a horizontal bar for each name, the first on top, its value at its end."""
    places = np.arange(len(mark.names))
    drawn = axes.barh(places, mark.values, height=0.62, color=NAMED[mark.colour])
    written = [format(value, mark.number) for value in mark.values]
    axes.bar_label(drawn, written, padding=4, fontsize=10)
    axes.set_yticks(places, mark.names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.12)


def draw_field(axes: Axes, mark: Field) -> None:
    """Draws an even grid as one picture, with a colour bar."""
    low, high = mark.limits or (None, None)
    half_x, half_y = (mark.x[1] - mark.x[0]) / 2, (mark.y[1] - mark.y[0]) / 2
    image = axes.imshow(
        mark.values,
        cmap=style.SEQUENTIAL,
        vmin=low,
        vmax=high,
        origin="lower",
        extent=(
            mark.x[0] - half_x,
            mark.x[-1] + half_x,
            mark.y[0] - half_y,
            mark.y[-1] + half_y,
        ),
        aspect="auto",
        interpolation="bilinear",
    )
    draw_colour_bar(axes, image, mark.label)


def draw_reference(axes: Axes, mark: Reference) -> None:
    """Draws a straight line across the panel; the name of a vertical one stands above it."""
    line = axes.axhline if mark.axis == "y" else axes.axvline
    line(mark.at, color=style.GREY, linestyle=DASHES[mark.dash], linewidth=1.2)
    if mark.axis == "x" and mark.name:
        axes.annotate(
            mark.name,
            (mark.at, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=style.GREY,
            fontsize=10,
        )


def ends(panel: Panel) -> list[tuple[float, str, str]]:
    """Returns (height, name, colour) for each labelled curve and each named horizontal line."""
    found = []
    for mark in panel.marks:
        if isinstance(mark, Line) and mark.name and mark.labelled:
            last = next(float(y) for y in mark.y[::-1] if abs(y) < float("inf"))
            found.append((last, mark.name, NAMED[mark.colour]))
        elif isinstance(mark, Reference) and mark.name and mark.axis == "y":
            found.append((mark.at, mark.name, style.GREY))
    return found


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Writes each (height, name, colour) right of the axes; names that would touch move apart."""
    figure = cast(Any, axes.figure)
    points_high = axes.get_position().height * figure.get_size_inches()[1] * 72
    gap = 1.3 * 10 / points_high
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = [float(to_axes.transform((axes.get_xlim()[0], y))[1]) for y, _, _ in ends]
    placed = dict(
        zip(np.argsort(heights), move_apart(sorted(heights), gap), strict=True)
    )
    for i, (_, name, colour) in enumerate(ends):
        # In data coordinates, so that the label stays with its curve when the limits change.
        height = to_axes.inverted().transform((0, placed[i]))[1]
        axes.annotate(
            name,
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            ha="left",
            color=colour,
            fontsize=10,
            annotation_clip=False,
        )


@names_arguments
def move_apart(heights: Sequence[float], gap: float) -> list[float]:
    """Returns sorted heights, moved as little as needed until neighbours are `gap` apart."""
    # (mean of its members' wishes, number of members)
    groups: list[tuple[float, int]] = []
    for height in heights:
        centre, n = height, 1
        while groups and centre - groups[-1][0] < gap * (n + groups[-1][1]) / 2:
            other, m = groups.pop()
            centre, n = (other * m + centre * n) / (m + n), m + n
        groups.append((centre, n))
    return [centre + gap * (k - (n - 1) / 2) for centre, n in groups for k in range(n)]


def svg(chart: Chart) -> str:
    """Returns a chart as SVG, with its description in an element `metadata`."""
    return saved(draw(chart), chart.to_json())


def saved(figure: Figure, description: str) -> str:
    """Returns a figure as SVG, with its description in an element `metadata`.

    The same figure gives the same bytes: a date is not written.
    """
    text = io.StringIO()
    with mpl.rc_context(style.STYLE):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    head, body = text.getvalue().split("<metadata>", 1)
    data = description.replace("&", "&amp;").replace("<", "&lt;")
    return f'{head}<metadata id="chart">{data}</metadata>\n <metadata>{body}'
