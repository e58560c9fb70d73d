"""Figures of numbers: arrays in, Axes out. Nothing is trained here.

No figure tells things apart by colour alone: curves carry their name at their end, kinds of node
differ in outline, and baselines are dashed. Colours and fonts come from ``style``. The drawings of
graphs and cells, which ``diagrams`` makes, can be called from here too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from unrolled.arguments import names_arguments
from unrolled.drawing.diagrams import (
    NODE_RADIUS,
    cell_diagram,
    diagram,
    draw_cell,
    draw_graph,
)
from unrolled.drawing.matplotlib_charts import label_ends, move_apart
from unrolled.drawing.style import (
    COLOURS,
    DARK,
    DIVERGING,
    GREY,
    GROUND,
    INK,
    ON_DARK_CELL,
    ON_LIGHT_CELL,
    PALE,
    SEQUENTIAL,
    STYLE,
    canvas,
    use_style,
)

__all__ = [
    "COLOURS",
    "DARK",
    "DIVERGING",
    "GREY",
    "GROUND",
    "INK",
    "NODE_RADIUS",
    "PALE",
    "SEQUENTIAL",
    "STYLE",
    "bars",
    "canvas",
    "cell_diagram",
    "diagram",
    "draw_cell",
    "draw_graph",
    "heat_map",
    "label_ends",
    "lines",
    "loss_curves",
    "move_apart",
    "pairs",
    "use_style",
]


@names_arguments
def lines(
    axes: Axes,
    x: ArrayLike | Mapping[str, ArrayLike],
    series: Mapping[str, ArrayLike],
    x_label: str = "",
    y_label: str = "",
    baselines: Mapping[str, float] | None = None,
    markers: bool = False,
) -> Axes:
    """Draws one named curve for each entry of `series`, labelled at its right end.

    Args:
        axes: where to draw; a logarithmic scale, if wanted, is set on it beforehand.
        x: positions shared by all curves, or one array a curve under the same names.
        series: name → values, as long as that curve's x.
        x_label: the horizontal axis, with its unit.
        y_label: the vertical axis, with its unit.
        baselines: name → height of a dashed horizontal line.
        markers: also mark each point; for curves of few points.

    Raises:
        ValueError: a curve and its x differ in length or are no rows of numbers, or a curve has no
            finite value.
    """
    ends = []
    for i, (name, values) in enumerate(series.items()):
        positions = np.asarray(x[name] if isinstance(x, Mapping) else x)
        values = np.asarray(values)
        if positions.shape != values.shape or values.ndim != 1:
            raise ValueError(
                f"curve {name!r}: x has shape {positions.shape}, values {values.shape}"
            )
        finite = values[np.isfinite(values)]
        if not len(finite):
            raise ValueError(f"curve {name!r} has no finite value")
        colour = list(COLOURS.values())[i % len(COLOURS)]
        axes.plot(
            positions,
            values,
            color=colour,
            label=name,
            marker="osD^v"[i % 5] if markers else "",
        )
        ends.append((float(finite[-1]), name, colour))
    for name, height in (baselines or {}).items():
        axes.axhline(
            height, color=GREY, linestyle=(0, (5, 3)), linewidth=1.2, label=name
        )
        ends.append((float(height), name, GREY))
    axes.set(xlabel=x_label, ylabel=y_label)
    label_ends(axes, ends)
    return axes


@names_arguments
def loss_curves(
    axes: Axes,
    steps: ArrayLike | Mapping[str, ArrayLike],
    losses: Mapping[str, ArrayLike],
    baselines: Mapping[str, float] | None = None,
    x_label: str = "update",
    y_label: str = "loss (nats per token)",
) -> Axes:
    """Draws losses against training steps, and baselines (unigram, bigram, log V) as dashed lines.

    `steps` is one array for all curves, or name → array where, say, the validation loss is measured
    less often than the training loss. The rest is as in `lines`.
    """
    return lines(axes, steps, losses, x_label, y_label, baselines)


@names_arguments
def heat_map(
    axes: Axes,
    matrix: ArrayLike,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    label: str = "",
    signed: bool = False,
    limits: tuple[float, float] | None = None,
    number: str | None = None,
) -> Axes:
    """Draws a matrix as coloured cells, row 0 on top, with a colour bar.

    Args:
        axes: where to draw.
        matrix: (rows, columns).
        rows: a name for each row.
        columns: a name for each column.
        label: what the colour bar measures, with its unit.
        signed: use a diverging map centred on zero.
        limits: smallest and largest value of the colour scale; from the data if left out.
        number: a format such as `".2f"` to write each value into its cell.

    Raises:
        ValueError: the matrix is not two-dimensional, or a list of names does not fit it.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2:
        raise ValueError(f"a heat map needs a matrix, got shape {matrix.shape}")
    for names, length, what in (
        (rows, matrix.shape[0], "row"),
        (columns, matrix.shape[1], "column"),
    ):
        if names is not None and len(names) != length:
            raise ValueError(
                f"{len(names)} {what} names for a matrix of shape {matrix.shape}"
            )
    if limits is None:
        largest = float(np.nanmax(np.abs(matrix)))
        limits = (
            (-largest, largest)
            if signed
            else (float(np.nanmin(matrix)), float(np.nanmax(matrix)))
        )
    image = axes.imshow(
        matrix,
        cmap=DIVERGING if signed else SEQUENTIAL,
        vmin=limits[0],
        vmax=limits[1],
        aspect="auto",
        interpolation="none",
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if rows is not None:
        axes.set_yticks(range(len(rows)), rows)
    if columns is not None:
        axes.set_xticks(range(len(columns)), columns)
    if number is not None:
        for (i, j), value in np.ndenumerate(matrix):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark_cell = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axes.text(
                j,
                i,
                format(value, number),
                ha="center",
                va="center",
                fontsize=10,
                color=ON_DARK_CELL if dark_cell else ON_LIGHT_CELL,
            )
    bar = cast(Any, axes.figure).colorbar(image, ax=axes, label=label)
    cast(Any, bar).outline.set_visible(False)
    return axes


@names_arguments
def bars(
    axes: Axes,
    values: Mapping[str, float],
    x_label: str = "",
    baselines: Mapping[str, float] | None = None,
    number: str = ".2f",
) -> Axes:
    """Draws a horizontal bar for each named value, the first on top, its value at its end.

    `number` is the format of the written values; `baselines` are dashed vertical lines.
    """
    places = np.arange(len(values))
    heights = np.array(list(values.values()), dtype=float)
    drawn = axes.barh(places, heights, height=0.62, color=COLOURS["blue"])
    axes.bar_label(drawn, [format(v, number) for v in heights], padding=4, fontsize=10)
    axes.set_yticks(places, list(values))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set(xlabel=x_label)
    axes.margins(x=0.12)
    for name, height in (baselines or {}).items():
        axes.axvline(
            height, color=GREY, linestyle=(0, (5, 3)), linewidth=1.2, label=name
        )
        axes.annotate(
            name,
            (height, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=GREY,
            fontsize=10,
        )
    return axes


@names_arguments
def pairs(axes: Axes, keep: ArrayLike, title: str = "") -> Axes:
    """Draws the pairs (output t, earlier step k): filled if a gradient keeps them, else hollow.

    Args:
        axes: where to draw.
        keep: (T, T) of bool, [t, k]; only k ≤ t is drawn, row 0 on top.
        title: what chooses the pairs.

    Raises:
        ValueError: keep is not a square matrix.
    """
    keep = np.asarray(keep)
    if keep.ndim != 2 or keep.shape[0] != keep.shape[1]:
        raise ValueError(f"keep must be (T, T), got {keep.shape}")
    T = len(keep)
    for t, k in zip(*np.tril_indices(T), strict=True):
        axes.add_patch(
            Rectangle(
                (k + 0.6, t + 0.6),
                0.8,
                0.8,
                facecolor=COLOURS["blue"] if keep[t, k] else GROUND,
                edgecolor=COLOURS["blue"] if keep[t, k] else PALE,
                linewidth=0.8,
            )
        )
    ticks = [1, T] if T > 1 else [1]
    axes.set(
        xlim=(0.4, T + 0.6),
        ylim=(T + 0.6, 0.4),
        aspect="equal",
        title=title,
        xticks=ticks,
        yticks=ticks,
        xlabel="step $k$",
        ylabel="output $t$",
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return axes
