"""Figures: arrays in, Axes out. The one module that touches Matplotlib; it trains nothing.

Figures are drawn dark on a white plate. No single ink reaches a contrast of 4.5 on both a white and
a dark ground (the best possible is about 4.3), so the site makes a dark twin of each SVG by
exchanging every colour of this palette for its counterpart in `DARK`. The line colours start from
Okabe and Ito's palette and are darkened, or lightened in the twin, until text set in them passes
that contrast too.

Nothing is told by colour alone: curves carry their name at their end, kinds of node differ in
outline, and baselines are dashed.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal, cast

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.patches import (
    Circle,
    Ellipse,
    FancyArrowPatch,
    FancyBboxPatch,
    Rectangle,
)
from matplotlib.path import Path
from numpy.typing import ArrayLike

GROUND = "#ffffff"
INK = "#14181f"
GREY = "#6a707c"
COLOURS = {
    "blue": "#00559c",
    "vermilion": "#c64a00",
    "green": "#008060",
    "purple": "#b8488f",
    "ink": INK,
}
PALE = "#c9ccd2"
# In the dark theme the site exchanges each colour on the left for the one on the right.
DARK = {
    GROUND: "#14181f",
    INK: "#e4e8ee",
    GREY: "#a0a8b4",
    PALE: "#434a56",
    COLOURS["blue"]: "#5aa2f0",
    COLOURS["vermilion"]: "#f28a4b",
    COLOURS["green"]: "#3fc79a",
    COLOURS["purple"]: "#e58fc4",
}
# Numbers on the cells of a heat map, whose colours are the same in both themes: in no key of DARK.
ON_LIGHT_CELL, ON_DARK_CELL = "#000000", "#fefefe"
SEQUENTIAL = "cividis"
DIVERGING = "PuOr"

STYLE: Any = {
    "figure.facecolor": GROUND,
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "axes.facecolor": GROUND,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.prop_cycle": cycler(color=list(COLOURS.values())),
    "text.color": INK,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "mathtext.fontset": "cm",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "image.cmap": SEQUENTIAL,
    "savefig.facecolor": GROUND,
    "svg.fonttype": "path",
    "svg.hashsalt": "unrolled",
}

NODE_RADIUS = 0.27
NODE_COLOURS = {"input": GREY, "state": COLOURS["blue"], "output": COLOURS["vermilion"]}


def use_style() -> None:
    """Set the book's look for every figure that follows; in a notebook, show figures as SVG."""
    mpl.rcParams.update(STYLE)
    try:
        from IPython.core.getipython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is not None:
        # Without a date, the same figure gives the same bytes in every build.
        set_matplotlib_formats("svg", metadata={"Date": None})


def canvas(
    width: float = 6.4,
    height: float = 3.2,
    rows: int = 1,
    columns: int = 1,
    **shared: Any,
) -> Any:
    """A new figure of `width` × `height` inches: its Axes, or an array of (rows, columns) of them.

    `shared` goes to Matplotlib's `subplots`: `sharey=True`, `width_ratios=[2, 1]` and the like.
    """
    _, axes = plt.subplots(rows, columns, figsize=(width, height), **shared)
    return axes


def lines(
    axes: Axes,
    x: ArrayLike | Mapping[str, ArrayLike],
    series: Mapping[str, ArrayLike],
    x_label: str = "",
    y_label: str = "",
    baselines: Mapping[str, float] | None = None,
    markers: bool = False,
) -> Axes:
    """Draw one named curve for each entry of `series`, each labelled at its right end.

    Args:
        axes: where to draw; a logarithmic scale, if wanted, is set on it beforehand.
        x: positions shared by all curves, or one array a curve under the same names.
        series: name → values, as long as that curve's x.
        x_label: the horizontal axis, with its unit.
        y_label: the vertical axis, with its unit.
        baselines: name → height of a dashed horizontal line.
        markers: also mark each point; for curves of few points.

    Raises:
        ValueError: a curve and its x differ in length, or a curve has no finite value.
    """
    ends = []
    for i, (name, values) in enumerate(series.items()):
        positions = np.asarray(x[name] if isinstance(x, Mapping) else x)
        values = np.asarray(values)
        if positions.shape != values.shape:
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
    _label_ends(axes, ends)
    return axes


def loss_curves(
    axes: Axes,
    steps: ArrayLike | Mapping[str, ArrayLike],
    losses: Mapping[str, ArrayLike],
    baselines: Mapping[str, float] | None = None,
    x_label: str = "update",
    y_label: str = "loss (nats per token)",
) -> Axes:
    """Draw losses against training steps, and baselines (unigram, bigram, log V) as dashed lines.

    `steps` is one array for all curves, or name → array where, say, the validation loss is measured
    less often than the training loss. The rest is as in `lines`.
    """
    return lines(axes, steps, losses, x_label, y_label, baselines)


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
    """Draw a matrix as coloured cells, row 0 on top, with a colour bar.

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
    bar = plt.colorbar(image, ax=axes, label=label)
    cast(Any, bar).outline.set_visible(False)
    return axes


def bars(
    axes: Axes,
    values: Mapping[str, float],
    x_label: str = "",
    baselines: Mapping[str, float] | None = None,
    number: str = ".2f",
) -> Axes:
    """Draw one horizontal bar for each named value, first on top, the value written at its end.

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


def pairs(axes: Axes, keep: ArrayLike, title: str = "") -> Axes:
    """Draw which pairs (output t, earlier step k) a gradient keeps: filled; the others hollow.

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


def diagram(graph: Any, scale: float = 0.9, **options: Any) -> Axes:
    """Draw a graph on a canvas of its own, `scale` inches a step; `options` as in `draw_graph`."""
    across = [node.time for node in graph.nodes]
    up = [node.level for node in graph.nodes]
    width = scale * (max(across) - min(across) + 1)
    height = scale * (max(up) - min(up) + 1)
    return draw_graph(canvas(width, height), graph, **options)


def draw_graph(
    axes: Axes,
    graph: Any,
    edge_labels: Literal["all", "first", "none"] = "all",
    words: Mapping[Hashable, str] | None = None,
    highlight: Collection[Hashable] | None = None,
) -> Axes:
    """Draw a computation graph of `unrolled.drawing.graph`.

    Inputs are squares, states circles, outputs rounded squares.

    Each node becomes a patch and each edge an arrow; both carry the names of what they stand for as
    their gid, and so as an id in the SVG.

    Args:
        axes: where to draw; its scales are set so that one step is as wide as one level is high.
        graph: has `nodes` (name, kind, time, level, label) and `edges` (source, target, weight,
            label).
        edge_labels: write the weight at every edge, at the first edge that uses it, or nowhere.
        words: node name → text shown under an input or above an output.
        highlight: names of the nodes to keep in full strength; the others, and every edge that does
            not join two of these, are drawn in pale grey.

    Raises:
        ValueError: `words` or `highlight` names a node that the graph does not have.
    """
    nodes = {node.name: node for node in graph.nodes}
    for name in [*(words or {}), *(highlight or ())]:
        if name not in nodes:
            raise ValueError(f"the graph has no node {name!r}")

    def strong(*names: Hashable) -> bool:
        return highlight is None or all(name in highlight for name in names)

    patches = {}
    for name, node in nodes.items():
        patch = _node_patch(node, strong(name))
        patch.set_gid(f"node-{name}")
        patches[name] = axes.add_patch(patch)
        axes.text(
            node.time,
            node.level,
            node.label,
            ha="center",
            va="center",
            zorder=4,
            fontsize=12,
            color=_node_colour(node) if strong(name) else GREY,
        )
    seen = set()
    for edge in graph.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        colour = INK if strong(edge.source, edge.target) else PALE
        arrow = _edge_arrow(
            patches[edge.source], patches[edge.target], source, target, colour
        )
        arrow.set_gid(f"edge-{edge.source}-{edge.target}")
        axes.add_patch(arrow)
        if edge_labels == "all" or (edge_labels == "first" and edge.weight not in seen):
            _edge_label(
                axes, source, target, edge.label, colour if colour == INK else GREY
            )
        seen.add(edge.weight)
    for name, word in (words or {}).items():
        above = nodes[name].kind == "output"
        axes.annotate(
            word,
            (nodes[name].time, nodes[name].level),
            xytext=(0, 24 if above else -24),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
        )
    across = [node.time for node in nodes.values()]
    up = [node.level for node in nodes.values()]
    loops = any(edge.source == edge.target for edge in graph.edges)
    axes.set(
        xlim=(min(across) - 0.4, max(across) + (1.0 if loops else 0.4)),
        ylim=(min(up) - 0.4, max(up) + 0.4),
        aspect="equal",
    )
    axes.axis("off")
    return axes


# What stands in the node of each operation; rounded boxes multiply by weights, circles do not.
OPERATIONS = {
    "sigmoid gate": r"$\sigma$",
    "tanh gate": "tanh",
    "input map": "",
    "state map": "",
    "multiply": r"$\times$",
    "add": r"$+$",
    "one minus": r"$1-$",
    "tanh": "tanh",
}


def cell_diagram(cell: Any, scale: float = 0.6) -> Axes:
    """Draw a cell on a canvas of its own, `scale` inches a unit of its places."""
    across, up = zip(*(node.place for node in cell.nodes), strict=True)
    width, height = max(across) - min(across) + 0.9, max(up) - min(up) + 0.8
    return draw_cell(canvas(scale * width, scale * height), cell)


def draw_cell(axes: Axes, cell: Any) -> Axes:
    """Draw one step of a cell of `drawing.cell_graph`: its nodes, its edges and nothing else.

    Boxes are layers with weights (σ blue, tanh vermilion, a bare matrix grey), circles work entry
    by entry, a dot joins two vectors side by side or lets a line branch, and dashed lines are
    peepholes. Each shape carries its node's or edge's name as gid.

    Args:
        axes: where to draw; its scales are set so that both directions are equal.
        cell: has `nodes` (name, operation, place, label) and `edges` (source, target, via,
            peephole).
    """
    nodes = {node.name: node for node in cell.nodes}
    for node in cell.nodes:
        patch = _cell_patch(node)
        patch.set_gid(f"node-{node.name}")
        axes.add_patch(patch)
        _cell_text(axes, node)
    routes: dict[str, list[list[tuple[float, float]]]] = {}
    for edge in sorted(cell.edges, key=lambda edge: edge.peephole is not None):
        source, target = nodes[edge.source], nodes[edge.target]
        route = [source.place, *edge.via, target.place]
        drawn = routes.setdefault(edge.source, [])
        own = min(
            (_own_part(route, other) for other in drawn), key=_length, default=route
        )
        _cell_line(axes, edge, source, target, own)
        drawn.append(route)
    for x, y in _branches(routes.values()):
        axes.plot(x, y, "o", color=INK, markersize=3.6, zorder=2)
    across, up = zip(*(node.place for node in cell.nodes), strict=True)
    axes.set(
        xlim=(min(across) - 0.45, max(across) + 0.45),
        ylim=(min(up) - 0.4, max(up) + 0.4),
        aspect="equal",
    )
    axes.axis("off")
    return axes


def _cell_size(node: Any) -> tuple[float, float]:
    """Half the width and half the height of a node's shape."""
    if node.operation in ("sigmoid gate", "tanh gate", "input map", "state map"):
        return 0.37, 0.27
    if node.operation in ("given", "result"):
        return 0.41, 0.22
    if node.operation == "join":
        return 0.045, 0.045
    if node.operation == "one minus":
        return 0.3, 0.22
    return (0.37, 0.25) if node.operation == "tanh" else (0.22, 0.22)


def _cell_patch(node: Any) -> Any:
    (x, y), (across, up) = node.place, _cell_size(node)
    colours = {"sigmoid gate": COLOURS["blue"], "tanh gate": COLOURS["vermilion"]}
    look: dict[str, Any] = {"facecolor": GROUND, "zorder": 3, "linewidth": 1.6}
    if node.operation in ("sigmoid gate", "tanh gate", "input map", "state map"):
        pad = 0.08
        return FancyBboxPatch(
            (x - across + pad, y - up + pad),
            2 * (across - pad),
            2 * (up - pad),
            boxstyle=f"round,pad={pad}",
            edgecolor=colours.get(node.operation, GREY),
            **look,
        )
    if node.operation in ("given", "result"):
        look["linewidth"] = 0
        return Rectangle(
            (x - across, y - up), 2 * across, 2 * up, edgecolor=GROUND, **look
        )
    if node.operation == "join":
        return Circle((x, y), across, color=INK, zorder=3)
    return Ellipse(
        (x, y), 2 * across, 2 * up, edgecolor=INK, **{**look, "linewidth": 1.2}
    )


def _cell_text(axes: Axes, node: Any) -> None:
    (x, y), (_, up) = node.place, _cell_size(node)
    inside = OPERATIONS.get(node.operation, "")
    colours = {"sigmoid gate": COLOURS["blue"], "tanh gate": COLOURS["vermilion"]}
    named_inside = node.label and not inside
    size = 10 if inside == "tanh" else 11 if node.operation == "one minus" else 13
    axes.text(
        x,
        y,
        node.label if named_inside else inside,
        ha="center",
        va="center",
        zorder=4,
        fontsize=size,
        color=colours.get(node.operation, INK),
    )
    if node.label and inside:  # the value's name beside the line that leaves the node
        axes.text(
            x + 0.08,
            y + up + 0.2,
            node.label,
            ha="left",
            va="center",
            zorder=4,
            fontsize=13,
        )


def _cell_line(
    axes: Axes,
    edge: Any,
    source: Any,
    target: Any,
    corners: Sequence[tuple[float, float]],
) -> None:
    points = [np.array(corner, float) for corner in corners]
    if corners[0] == source.place:
        points[0] = _leave(source, points[0], points[1])
    path, codes = [points[0]], [Path.MOVETO]
    end = _leave(target, points[-1], points[-2])
    for before, corner, after in zip(points, points[1:-1], points[2:], strict=False):
        # Round the corner: stop short of it, and bend into the next stretch.
        back, on = before - corner, after - corner
        size = min(0.12, np.abs(back).max() / 2, np.abs(on).max() / 2)
        path += [corner + size * np.sign(back), corner, corner + size * np.sign(on)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    arrow = FancyArrowPatch(
        path=Path([*path, end], [*codes, Path.LINETO]),
        arrowstyle="-" if target.operation == "join" else "-|>",
        mutation_scale=9,
        linewidth=1.3,
        linestyle="-" if edge.peephole is None else (0, (3, 1.6)),
        color=INK if edge.peephole is None else COLOURS["purple"],
        zorder=1.5 if edge.peephole is None else 1.4,
        shrinkA=0,
        shrinkB=0,
        joinstyle="round",
        capstyle="butt",
    )
    arrow.set_gid(f"edge-{edge.source}-{edge.target}")
    axes.add_patch(arrow)


def _leave(node: Any, place: Any, towards: Any) -> Any:
    """Where a line from a node's middle, to the side or up or down, leaves its shape."""
    return place + np.sign(np.round(towards - place, 9)) * np.array(_cell_size(node))


def _length(route: Sequence[tuple[float, float]]) -> float:
    return float(np.abs(np.diff(route, axis=0)).sum())


def _own_part(
    route: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """A route from where it parts with another that has the same source."""
    for k, (corner, other_corner) in enumerate(zip(route[1:], other[1:], strict=False)):
        here, there = np.subtract(corner, route[k]), np.subtract(other_corner, route[k])
        if (np.sign(here) != np.sign(there)).any():
            return list(route[k:])
        if np.abs(here).sum() != np.abs(there).sum():
            short = min(
                corner,
                other_corner,
                key=lambda c: np.abs(np.subtract(c, route[k])).sum(),
            )
            return [short, *route[k + (2 if short == corner else 1) :]]
    return list(route[-2:])


def _branches(sources: Any) -> list[tuple[float, float]]:
    """Places where one of a source's lines turns off while another goes straight on."""
    found = set()
    for routes in sources:
        for route in routes:
            for corner in route[1:-1]:
                for other in routes:
                    for (x0, y0), (x1, y1) in zip(other, other[1:], strict=False):
                        x, y = corner
                        inside = min(x0, x1) <= x <= max(x0, x1) and min(
                            y0, y1
                        ) <= y <= max(y0, y1)
                        if inside and corner not in ((x0, y0), (x1, y1)):
                            found.add(corner)
    return sorted(found)


def _node_colour(node: Any) -> str:
    return NODE_COLOURS[node.kind] if node.kind != "input" else INK


def _node_patch(node: Any, strong: bool) -> Circle | FancyBboxPatch:
    look: dict[str, Any] = {
        "facecolor": GROUND,
        "zorder": 3,
        "linewidth": 1.6 if strong else 1.0,
        "edgecolor": NODE_COLOURS[node.kind] if strong else PALE,
    }
    if node.kind == "state":
        return Circle((node.time, node.level), NODE_RADIUS, **look)
    half = 0.86 * NODE_RADIUS
    corner = 0.0 if node.kind == "input" else 0.12
    return FancyBboxPatch(
        (node.time - half + corner, node.level - half + corner),
        2 * (half - corner),
        2 * (half - corner),
        boxstyle=f"round,pad={corner}" if corner else "square,pad=0",
        **look,
    )


def _edge_arrow(
    start: Any, end: Any, source: Any, target: Any, colour: str
) -> FancyArrowPatch:
    look: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 10,
        "linewidth": 1.2,
        "color": colour,
        "zorder": 2,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    if source is target:
        x, y, r = source.time, source.level, NODE_RADIUS
        return FancyArrowPatch(
            (x + 0.6 * r, y + 0.8 * r),
            (x + 0.6 * r, y - 0.8 * r),
            connectionstyle="arc3,rad=-1.9",
            **look,
        )
    return FancyArrowPatch(
        (source.time, source.level),
        (target.time, target.level),
        patchA=start,
        patchB=end,
        **look,
    )


def _edge_label(axes: Axes, source: Any, target: Any, label: str, colour: str) -> None:
    if source is target:
        place, offset, align = (
            (source.time + 0.62, source.level),
            (3, 0),
            ("left", "center"),
        )
    else:
        place = ((source.time + target.time) / 2, (source.level + target.level) / 2)
        sideways = abs(target.time - source.time) > abs(target.level - source.level)
        offset, align = (
            ((0, 3), ("center", "bottom")) if sideways else ((4, 0), ("left", "center"))
        )
    axes.annotate(
        label,
        place,
        xytext=offset,
        textcoords="offset points",
        fontsize=10,
        color=colour,
        ha=align[0],
        va=align[1],
    )


def _label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write each name to the right of the axes at its height, moved apart where two would touch."""
    figure = cast(Any, axes.figure)
    points_high = axes.get_position().height * figure.get_size_inches()[1] * 72
    gap = 1.3 * 10 / points_high
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = [float(to_axes.transform((axes.get_xlim()[0], y))[1]) for y, _, _ in ends]
    placed = dict(zip(np.argsort(heights), _spread(sorted(heights), gap), strict=True))
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


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move sorted heights as little as needed until neighbours are `gap` apart."""
    # (mean of its members' wishes, number of members)
    groups: list[tuple[float, int]] = []
    for height in heights:
        centre, n = height, 1
        while groups and centre - groups[-1][0] < gap * (n + groups[-1][1]) / 2:
            other, m = groups.pop()
            centre, n = (other * m + centre * n) / (m + n), m + n
        groups.append((centre, n))
    return [centre + gap * (k - (n - 1) / 2) for centre, n in groups for k in range(n)]
