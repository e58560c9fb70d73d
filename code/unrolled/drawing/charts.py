"""The charts that chapters draw: arrays in, a description out. Nothing is trained or drawn here.

The last value of a cell is its chart. A notebook shows it with Matplotlib, and the page can draw
it again after a reader has changed the cell.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unrolled.arguments import names_arguments
from unrolled.drawing.chart import (
    Axis,
    Band,
    Cells,
    Chart,
    Line,
    Mark,
    Panel,
    Reference,
    curve,
)

COLOURS = ("blue", "vermilion", "green", "purple", "ink")
MARKERS = ("circle", "square", "diamond", "up", "down")
Limits = tuple[float, float] | None


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
    x_scale: str = "linear",
    y_scale: str = "linear",
    x_limits: Limits = None,
    y_limits: Limits = None,
    x_ticks: ArrayLike | None = None,
    y_ticks: ArrayLike | None = None,
    title: str = "",
    width: float = 6.4,
    height: float = 3.2,
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
        x_scale: "linear" or "log".
        y_scale: "linear" or "log".
        x_limits: both ends of the horizontal axis.
        y_limits: both ends of the vertical axis.
        x_ticks: where the horizontal axis has its numbers.
        y_ticks: where the vertical axis has its numbers.
        title: written over the panel.
        width: inches.
        height: inches.

    Raises:
        ValueError: a curve and its x differ in length or are no rows of numbers, a curve has no
            finite value, a band has no curve, or a scale is unknown.
    """
    for scale in (x_scale, y_scale):
        if scale not in ("linear", "log"):
            raise ValueError(f"a scale is 'linear' or 'log', got {scale!r}")
    if unknown := set(bands or {}) - set(series):
        raise ValueError(f"a band around {unknown.pop()!r}, which is no curve")
    curves: list[Mark] = []
    shaded: list[Mark] = []
    for i, (name, values) in enumerate(series.items()):
        positions, heights = curve(
            name, x[name] if isinstance(x, Mapping) else x, values
        )
        colour = COLOURS[i % len(COLOURS)]
        marker = MARKERS[i % len(MARKERS)] if markers else ""
        curves.append(Line(positions, heights, name, colour, marker=marker))
        if bands and name in bands:
            (_, low), (_, high) = (curve(name, positions, b) for b in bands[name])
            shaded.append(Band(positions, low, high, colour))
    if diagonal:
        positions, heights = curve("diagonal", x, x)  # type: ignore[arg-type]
        curves.append(Line(positions, heights, "", "grey", "dashed"))
    across = [Reference("y", float(y), n) for n, y in (baselines or {}).items()]
    down = [Reference("x", float(v), n, "dotted") for n, v in (verticals or {}).items()]
    panel = Panel(
        (*shaded, *curves, *across, *down),
        Axis(x_label, x_scale, x_limits, _ticks(x_ticks)),
        Axis(y_label, y_scale, y_limits, _ticks(y_ticks)),
        title,
    )
    return Chart((panel,), width, height)


def _ticks(places: ArrayLike | None) -> tuple[float, ...] | None:
    return None if places is None else tuple(np.asarray(places).tolist())


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
def heat_map(
    matrix: ArrayLike,
    rows: Sequence[Any] | None = None,
    columns: Sequence[Any] | None = None,
    label: str = "",
    *,
    x_label: str = "",
    y_label: str = "",
    signed: bool = False,
    limits: Limits = None,
    number: str | None = None,
    title: str = "",
    width: float = 6.4,
    height: float = 3.2,
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
        title: written over the panel.
        width: inches.
        height: inches.

    Raises:
        ValueError: the matrix is not two-dimensional, or a list of names does not fit it.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2:
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
    cells = Cells(matrix, names[0], names[1], label, signed, limits, number)
    return Chart((Panel((cells,), Axis(x_label), Axis(y_label), title),), width, height)


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
