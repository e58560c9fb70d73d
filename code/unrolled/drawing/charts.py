"""The charts that chapters draw: arrays in, a description out. Nothing is trained or drawn here.

The last value of a cell is its chart. A notebook shows it with Matplotlib, and the page can draw
it again after a reader has changed the cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unrolled.arguments import names_arguments
from unrolled.drawing import chart, palette
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
    Mark,
    Note,
    Panel,
    Reference,
    curve,
    one_of,
)

COLOURS = tuple(palette.COLOURS)
MARKERS = ("circle", "square", "diamond", "up", "down")
SCALES = ("linear", "log")
Limits = tuple[float | None, float | None] | None
Ticks = ArrayLike | Mapping[float, str] | None


@names_arguments
def panel(
    marks: Iterable[Mark],
    x_label: str = "",
    y_label: str = "",
    *,
    x_scale: str = "linear",
    y_scale: str = "linear",
    x_limits: Limits = None,
    y_limits: Limits = None,
    x_ticks: Ticks = None,
    y_ticks: Ticks = None,
    legend: bool = False,
    equal: bool = False,
    frame: bool = True,
    title: str = "",
    width: float = 6.4,
    height: float = 3.2,
) -> Chart:
    """Returns a chart of one panel from its marks, the first at the bottom.

    Args:
        marks: from `line`, `note` and the other functions that return a mark.
        x_label: the horizontal axis, with its unit.
        y_label: the vertical axis, with its unit.
        x_scale: "linear" or "log".
        y_scale: "linear" or "log".
        x_limits: both ends of the horizontal axis; None leaves an end to the data.
        y_limits: both ends of the vertical axis.
        x_ticks: where the horizontal axis has its numbers, or number → what to write there.
        y_ticks: the same for the vertical axis.
        legend: write the names of the curves above the panel, not at the curves' ends.
        equal: one unit is equally long on both axes.
        frame: draw the lines of the axes, and not their numbers alone.
        title: written over the panel.
        width: inches.
        height: inches.

    Raises:
        ValueError: a scale is unknown.
    """
    x, y = (
        Axis(label, one_of("scale", scale, SCALES), limits, *_ticks(ticks))
        for label, scale, limits, ticks in (
            (x_label, x_scale, x_limits, x_ticks),
            (y_label, y_scale, y_limits, y_ticks),
        )
    )
    made = Panel(tuple(marks), x, y, title, legend, equal, frame)
    return Chart((made,), width, height)


def _ticks(
    places: Ticks,
) -> tuple[tuple[float, ...] | None, tuple[str, ...] | None]:
    if places is None:
        return None, None
    if isinstance(places, Mapping):
        return tuple(places), tuple(map(str, places.values()))
    return tuple(np.asarray(places).tolist()), None


@names_arguments
def line(
    x: ArrayLike,
    y: ArrayLike,
    name: str = "",
    colour: str = "ink",
    *,
    dash: str = "solid",
    marker: str = "",
    width: float | None = None,
    size: float = 5.0,
    hollow: bool = False,
    labelled: bool = True,
) -> Line:
    """Returns a curve as a mark.

    Args:
        x: positions.
        y: values.
        name: for its label and the table of numbers.
        colour: one of ``chart.COLOURS``.
        dash: solid, dashed, dotted, or none for points alone.
        marker: circle, square, diamond, up, down or cross; no points if empty.
        width: in points; 1.8 for a solid curve and 1.2 for any other.
        size: of a marker, in points.
        hollow: draw outlines of markers only.
        labelled: write the name beside the curve or into the legend.

    Raises:
        ValueError: x and y differ in length or are no rows of numbers, y has no finite value, or a
            colour, dash or marker is unknown.
    """
    positions, heights = curve(name, x, y)
    one_of("colour", colour, chart.COLOURS)
    one_of("dash", dash, chart.DASHES)
    one_of("marker", marker, ("", *chart.MARKERS))
    if width is None:
        width = 1.8 if dash == "solid" else 1.2
    return Line(
        positions,
        heights,
        name,
        colour,
        dash,
        marker,
        float(width),
        float(size),
        hollow,
        labelled,
    )


@names_arguments
def points(
    x: ArrayLike,
    y: ArrayLike,
    name: str = "",
    colour: str = "blue",
    *,
    marker: str = "circle",
    **look: Any,
) -> Line:
    """Returns points as a mark; the rest is as in `line`."""
    return line(x, y, name, colour, dash="none", marker=marker, **look)


@names_arguments
def note(
    x: float,
    y: float,
    text: str,
    colour: str = "ink",
    *,
    side: str = "right",
    angle: float = 0.0,
) -> Note:
    """Returns a short text as a mark: right of a point, left of it, above, below or centred.

    Raises:
        ValueError: a colour or side is unknown.
    """
    one_of("colour", colour, chart.COLOURS)
    one_of("side", side, chart.SIDES)
    return Note(float(x), float(y), text, colour, side, float(angle))


@names_arguments
def contour(
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike,
    level: float = 0.0,
    colour: str = "ink",
    *,
    width: float = 1.8,
) -> Contour:
    """Returns the curve on which a function of x and y equals `level`, as a mark.

    Args:
        x: columns of the grid, evenly spaced.
        y: rows of the grid, evenly spaced.
        values: (len(y), len(x)).
        level: the value on the curve.
        colour: one of ``chart.COLOURS``.
        width: in points.

    Raises:
        ValueError: the grid is not even or does not fit the values, or the colour is unknown.
    """
    one_of("colour", colour, chart.COLOURS)
    return Contour(*_grid(x, y, values), float(level), colour, float(width))


def _grid(
    x: ArrayLike, y: ArrayLike, values: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, values = (np.asarray(part, dtype=float) for part in (x, y, values))
    if values.shape != (*y.shape, *x.shape) or values.ndim != 2:
        raise ValueError(
            f"x {x.shape} and y {y.shape} are no grid of values {values.shape}"
        )
    for places in (x, y):
        steps = np.diff(places)
        if not len(steps) or steps[0] <= 0 or not np.allclose(steps, steps[0]):
            raise ValueError("the places of a grid must rise in equal steps")
    return x, y, values


@names_arguments
def lines(
    x: ArrayLike | Mapping[str, ArrayLike],
    series: Mapping[str, ArrayLike],
    x_label: str = "",
    y_label: str = "",
    baselines: Mapping[str, float] | None = None,
    *,
    markers: bool = False,
    diagonal: bool = False,
    bands: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    verticals: Mapping[str, float] | None = None,
    looks: Mapping[str, Mapping[str, Any]] | None = None,
    marks: Iterable[Mark] = (),
    **settings: Any,
) -> Chart:
    """Returns a chart with one named curve for each entry of `series`.

    Args:
        x: positions shared by all curves, or one array a curve under the same names.
        series: name → values, as long as that curve's x.
        x_label: the horizontal axis, with its unit.
        y_label: the vertical axis, with its unit.
        baselines: name → height of a dashed horizontal line.
        markers: also mark each point; for curves of few points.
        diagonal: also draw y = x, dashed; `x` is then one array.
        bands: name of a curve → (low, high), shaded around it.
        verticals: name → place of a dotted vertical line.
        looks: name of a curve → what differs from the usual: settings of `line`, such as
            `{"colour": "grey", "dash": "dotted"}`.
        marks: drawn below the curves, such as single runs or a `note`.
        settings: scales, limits, ticks and the rest, as in `panel`.

    Raises:
        ValueError: a curve and its x differ in length or are no rows of numbers, a curve has no
            finite value, a band or a look has no curve, or a scale is unknown.
    """
    for what, names in (("band around", bands), ("look of", looks)):
        if unknown := set(names or {}) - set(series):
            raise ValueError(f"a {what} {unknown.pop()!r}, which is no curve")
    curves: list[Mark] = []
    shaded: list[Mark] = []
    for i, (name, values) in enumerate(series.items()):
        look = {
            "colour": COLOURS[i % len(COLOURS)],
            "marker": MARKERS[i % len(MARKERS)] if markers else "",
            **(looks or {}).get(name, {}),
        }
        positions = x[name] if isinstance(x, Mapping) else x
        made = line(positions, values, name, **look)
        curves.append(made)
        if bands and name in bands:
            (_, low), (_, high) = (curve(name, positions, b) for b in bands[name])
            shaded.append(Band(made.x, low, high, made.colour, name))
    if diagonal:
        curves.append(line(x, x, "", "grey", dash="dashed"))
    across = [Reference("y", float(y), n) for n, y in (baselines or {}).items()]
    down = [Reference("x", float(v), n, "dotted") for n, v in (verticals or {}).items()]
    return panel(
        (*shaded, *marks, *curves, *across, *down), x_label, y_label, **settings
    )


@names_arguments
def loss_curves(
    steps: ArrayLike | Mapping[str, ArrayLike],
    losses: Mapping[str, ArrayLike],
    baselines: Mapping[str, float] | None = None,
    x_label: str = "update",
    y_label: str = "loss (nats per token)",
    **settings: Any,
) -> Chart:
    """Returns a chart of losses against training steps, with baselines as dashed lines.

    `steps` is one array for all curves, or name → array where, say, the validation loss is measured
    less often than the training loss. The rest is as in `lines`.
    """
    return lines(steps, losses, x_label, y_label, baselines, **settings)


@names_arguments
def bars(
    values: Mapping[str, float],
    x_label: str = "",
    baselines: Mapping[str, float] | None = None,
    *,
    number: str = ".2f",
    colour: str = "blue",
    sets: str = "",
    to: Sequence[Any] = (),
    **settings: Any,
) -> Chart:
    """Returns a chart with a horizontal bar for each named value, the first on top.

    Args:
        values: name → length of its bar.
        x_label: the horizontal axis, with its unit.
        baselines: name → place of a dashed vertical line.
        number: the format of the value at a bar's end.
        colour: one of ``chart.COLOURS``.
        sets: in the page, a click on a bar sets this knob of its cell.
        to: the value that each bar sets; a bar with None sets none.
        settings: the rest, as in `panel`.

    Raises:
        ValueError: there is no value, the colour is unknown, or `to` does not fit the bars or has a
            value that a knob cannot have.
    """
    if not values:
        raise ValueError("a chart of bars needs a value")
    if len(to) != (len(values) if sets else 0):
        raise ValueError(f"{len(to)} values of a knob for {len(values)} bars")
    one_of("colour", colour, chart.COLOURS)
    lengths = np.array(list(values.values()), dtype=float)
    across = [Reference("x", float(v), n) for n, v in (baselines or {}).items()]
    literals = tuple(map(chart.literal, to))
    names = tuple(map(str, values))
    drawn = Bars(names, lengths, colour, number, sets, literals)
    return panel((drawn, *across), x_label, **settings)


@names_arguments
def columns(
    x: ArrayLike,
    heights: ArrayLike,
    x_label: str = "",
    y_label: str = "",
    *,
    colour: str = "blue",
    **settings: Any,
) -> Chart:
    """Returns a chart of vertical bars without gaps, such as a histogram.

    Args:
        x: centres of the bars, evenly spaced.
        heights: as many numbers.
        x_label: the horizontal axis, with its unit.
        y_label: the vertical axis, with its unit.
        colour: one of ``chart.COLOURS``.
        settings: limits and the rest, as in `panel`.

    Raises:
        ValueError: x and heights differ in length, or the colour is unknown.
    """
    one_of("colour", colour, chart.COLOURS)
    drawn = Columns(*curve(y_label, x, heights), y_label, colour)
    return panel([drawn], x_label, y_label, **settings)


@names_arguments
def heat_map(
    matrix: ArrayLike,
    rows: Sequence[Any] | None = None,
    columns: Sequence[Any] | None = None,
    label: str = "",
    *,
    x_label: str = "",
    y_label: str = "",
    signed: bool = False,
    limits: tuple[float, float] | None = None,
    number: str | None = None,
    bar: bool = True,
    sets: str = "",
    to: Sequence[Sequence[Any]] = (),
    marks: Iterable[Mark] = (),
    **settings: Any,
) -> Chart:
    """Returns a chart of a matrix as coloured cells, row 0 on top, with a colour bar.

    Args:
        matrix: (rows, columns).
        rows: a name for each row.
        columns: a name for each column.
        label: what the colour bar measures, with its unit.
        x_label: what the columns are.
        y_label: what the rows are.
        signed: use a diverging map centred on zero.
        limits: smallest and largest value of the colour scale; from the data if left out.
        number: a format such as `".2f"` to write each value into its cell.
        bar: whether there is a colour bar.
        sets: in the page, a click on a cell sets this knob.
        to: the value that each cell sets, row by row; a cell with None sets none.
        marks: drawn on the cells; cell (i, j) is centred on x = j and y = i.
        settings: title, ticks and the rest, as in `panel`. `x_ticks={4: "5"}` writes 5 below
            column 4.

    Raises:
        ValueError: the matrix is not two-dimensional or is empty, or a list of names or the values
            of a knob do not fit it.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"a heat map needs a matrix, got shape {matrix.shape}")
    names = []
    for given, length, what in (
        (rows, matrix.shape[0], "row"),
        (columns, matrix.shape[1], "column"),
    ):
        if given is not None and len(given) != length:
            raise ValueError(
                f"{len(given)} {what} names for a matrix of shape {matrix.shape}"
            )
        names.append(None if given is None else tuple(map(str, given)))
    if [len(row) for row in to] != ([matrix.shape[1]] * len(matrix) if sets else []):
        raise ValueError(
            f"the values of the knob do not fit a matrix of shape {matrix.shape}"
        )
    literals = tuple(tuple(map(chart.literal, row)) for row in to)
    cells = Cells(
        matrix, names[0], names[1], label, signed, limits, number, bar, sets, literals
    )
    return panel((cells, *marks), x_label, y_label, **settings)


@names_arguments
def field(
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike,
    label: str = "",
    x_label: str = "",
    y_label: str = "",
    *,
    limits: tuple[float, float] | None = None,
    marks: Iterable[Mark] = (),
    **settings: Any,
) -> Chart:
    """Returns a chart of a function of x and y as colours, with a colour bar.

    Args:
        x: columns of the grid, evenly spaced; about 100 are enough.
        y: rows of the grid, evenly spaced.
        values: (len(y), len(x)).
        label: what the colour bar measures, with its unit.
        x_label: the horizontal axis, with its unit.
        y_label: the vertical axis, with its unit.
        limits: smallest and largest value of the colour scale; from the data if left out.
        marks: drawn on the colours.
        settings: title, limits and the rest, as in `panel`.

    Raises:
        ValueError: the grid is not even or does not fit the values.
    """
    x, y, values = _grid(x, y, values)
    reach = np.nanmax(values) - np.nanmin(values)
    if reach > 0:  # a colour shows no finer steps
        values = np.round(values, 3 - int(np.floor(np.log10(reach))))
    drawn = Field(x, y, values, label, limits)
    return panel((drawn, *marks), x_label, y_label, **settings)


@names_arguments
def pairs(keep: ArrayLike, title: str = "", **settings: Any) -> Chart:
    """Returns a chart of the pairs (output t, earlier step k): filled if kept, else hollow.

    Args:
        keep: (T, T) of bool, [t, k]; only k ≤ t is drawn, row 0 on top.
        title: what chooses the pairs.
        settings: the rest, as in `panel`.

    Raises:
        ValueError: keep is not a square matrix.
    """
    keep = np.asarray(keep)
    if keep.ndim != 2 or keep.shape[0] != keep.shape[1]:
        raise ValueError(f"keep must be (T, T), got {keep.shape}")
    T = len(keep)
    t, k = np.tril_indices(T)
    kept = keep[t, k].astype(bool)
    look: dict[str, Any] = {"marker": "square", "size": 96 / T, "labelled": False}
    groups = (("kept", kept, "blue", False), ("left out", ~kept, "pale", True))
    ends = (1, T) if T > 1 else (1,)
    usual = {
        "x_limits": (0.4, T + 0.6),
        "y_limits": (T + 0.6, 0.4),
        "x_ticks": ends,
        "y_ticks": ends,
        "equal": True,
        "frame": False,
        "width": 3.2,
    }
    return panel(
        [
            points(k[chosen] + 1, t[chosen] + 1, name, colour, hollow=hollow, **look)
            for name, chosen, colour, hollow in groups
            if chosen.any()
        ],
        "step $k$",
        "output $t$",
        title=title,
        **usual | settings,
    )


@names_arguments
def beside(
    *charts: Chart,
    columns: int | None = None,
    width: float = 7.2,
    height: float = 3.2,
) -> Chart:
    """Returns one chart with the panels of several, in rows of `columns`, or all in one row."""
    panels = tuple(panel for chart in charts for panel in chart.panels)
    return Chart(panels, width, height, columns or len(panels))
