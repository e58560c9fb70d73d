"""Diagrams: computation graphs and cells, drawn from their lists of nodes and edges.

``graph`` and ``cell_graph`` make the lists; every node and edge of a list becomes one shape of the
drawing, which carries its name.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import (
    Circle,
    Ellipse,
    FancyArrowPatch,
    FancyBboxPatch,
    Rectangle,
)
from matplotlib.path import Path

from unrolled.arguments import names_arguments
from unrolled.drawing.style import COLOURS, GREY, GROUND, INK, PALE, canvas

NODE_RADIUS = 0.27
NODE_COLOURS = {"input": GREY, "state": COLOURS["blue"], "output": COLOURS["vermilion"]}


# --- computation graphs --------------------------------------------------------------------------


def diagram(graph: Any, scale: float = 0.9, **options: Any) -> Axes:
    """Draws a graph on a new canvas, `scale` inches a step; `options` as in `draw_graph`."""
    across = [node.time for node in graph.nodes]
    up = [node.level for node in graph.nodes]
    width = scale * (max(across) - min(across) + 1)
    height = scale * (max(up) - min(up) + 1)
    return draw_graph(canvas(width, height), graph, **options)


@names_arguments
def draw_graph(
    axes: Axes,
    graph: Any,
    edge_labels: Literal["all", "first", "none"] = "all",
    words: Mapping[Hashable, str] | None = None,
    highlight: Collection[Hashable] | None = None,
) -> Axes:
    """Draws a computation graph of `drawing.graph`.

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


# --- cells ---------------------------------------------------------------------------------------

# What is written in the node of each operation. Rounded boxes multiply by weights, circles do not.
OPERATIONS = {
    "sigmoid gate": r"$\sigma$",
    "tanh gate": "tanh",
    "positive gate": "$g$",
    "input map": "",
    "state map": "",
    "multiply": r"$\times$",
    "add": r"$+$",
    "subtract": r"$-$",
    "one minus": r"$1-$",
    "tanh": "tanh",
}
WITH_WEIGHTS = ("sigmoid gate", "tanh gate", "positive gate", "input map", "state map")
GATE_COLOURS = {
    "sigmoid gate": COLOURS["blue"],
    "tanh gate": COLOURS["vermilion"],
    "positive gate": COLOURS["vermilion"],
}


def cell_diagram(cell: Any, scale: float = 0.6, **options: Any) -> Axes:
    """Draws a cell on a new canvas, `scale` inches a unit; `options` as in `draw_cell`."""
    across, up = zip(*(node.place for node in cell.nodes), strict=True)
    width, height = max(across) - min(across) + 0.9, max(up) - min(up) + 0.8
    return draw_cell(canvas(scale * width, scale * height), cell, **options)


@names_arguments
def draw_cell(axes: Axes, cell: Any, highlight: Collection[str] | None = None) -> Axes:
    """Draws one step of a cell of `drawing.cell_graph`: its nodes and its edges.

    Boxes are layers with weights (σ blue, tanh and g vermilion, a bare matrix grey), circles work
    entry by entry, a dot joins two vectors side by side or lets a line branch, and dashed lines are
    peepholes. Each shape carries its node's or edge's name as gid.

    Args:
        axes: where to draw; its scales are set so that both directions are equal.
        cell: has `nodes` (name, operation, place, label) and `edges` (source, target, via,
            peephole).
        highlight: names of the nodes to keep in full strength; the others, and every edge that does
            not join two of these, are drawn in pale grey.

    Raises:
        ValueError: `highlight` names a node that the cell does not have.
    """
    nodes = {node.name: node for node in cell.nodes}
    shown = set(nodes if highlight is None else highlight)
    if not shown <= set(nodes):
        raise ValueError(f"the cell has no node {min(shown - set(nodes))!r}")
    for node in cell.nodes:
        patch = _cell_patch(node, node.name in shown)
        patch.set_gid(f"node-{node.name}")
        axes.add_patch(patch)
        _cell_text(axes, node, node.name in shown)

    def strong(edge: Any) -> bool:
        return edge.source in shown and edge.target in shown

    # An edge draws what no earlier one has drawn: those that are kept strong come first.
    def last(edge: Any) -> tuple[bool, bool]:
        return edge.peephole is not None, not strong(edge)

    routes: dict[str, list[list[tuple[float, float]]]] = {}
    strong_routes: dict[str, list[list[tuple[float, float]]]] = {}
    for edge in sorted(cell.edges, key=last):
        source, target = nodes[edge.source], nodes[edge.target]
        route = [source.place, *edge.via, target.place]
        drawn = routes.setdefault(edge.source, [])
        own = min(
            (_own_part(route, other) for other in drawn), key=_length, default=route
        )
        _cell_line(axes, edge, source, target, own, strong(edge))
        drawn.append(route)
        if strong(edge):
            strong_routes.setdefault(edge.source, []).append(route)
    dots = set(_branches(strong_routes.values()))
    for x, y in _branches(routes.values()):
        colour, above = (INK, 2) if (x, y) in dots else (PALE, 1.2)
        axes.plot(x, y, "o", color=colour, markersize=3.6, zorder=above)
    across, up = zip(*(node.place for node in cell.nodes), strict=True)
    axes.set(
        xlim=(min(across) - 0.45, max(across) + 0.45),
        ylim=(min(up) - 0.4, max(up) + 0.4),
        aspect="equal",
    )
    axes.axis("off")
    return axes


def _cell_size(node: Any) -> tuple[float, float]:
    """Returns half the width and half the height of a node's shape."""
    if node.operation in WITH_WEIGHTS:
        return 0.37, 0.27
    if node.operation in ("given", "result"):
        return 0.41, 0.22
    if node.operation == "join":
        return 0.045, 0.045
    if node.operation == "one minus":
        return 0.3, 0.22
    return (0.37, 0.25) if node.operation == "tanh" else (0.22, 0.22)


def _cell_patch(node: Any, strong: bool = True) -> Any:
    (x, y), (across, up) = node.place, _cell_size(node)
    ink = INK if strong else PALE
    look: dict[str, Any] = {"facecolor": GROUND, "zorder": 3, "linewidth": 1.6}
    if node.operation in WITH_WEIGHTS:
        pad = 0.08
        return FancyBboxPatch(
            (x - across + pad, y - up + pad),
            2 * (across - pad),
            2 * (up - pad),
            boxstyle=f"round,pad={pad}",
            edgecolor=GATE_COLOURS.get(node.operation, GREY) if strong else PALE,
            **look,
        )
    if node.operation in ("given", "result"):
        look["linewidth"] = 0
        return Rectangle(
            (x - across, y - up), 2 * across, 2 * up, edgecolor=GROUND, **look
        )
    if node.operation == "join":
        return Circle((x, y), across, color=ink, zorder=3)
    return Ellipse(
        (x, y), 2 * across, 2 * up, edgecolor=ink, **{**look, "linewidth": 1.2}
    )


def _cell_text(axes: Axes, node: Any, strong: bool = True) -> None:
    (x, y), (_, up) = node.place, _cell_size(node)
    inside = OPERATIONS.get(node.operation, "")
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
        color=GATE_COLOURS.get(node.operation, INK) if strong else GREY,
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
            color=INK if strong else GREY,
        )


def _cell_line(
    axes: Axes,
    edge: Any,
    source: Any,
    target: Any,
    corners: Sequence[tuple[float, float]],
    strong: bool = True,
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
    colour = INK if edge.peephole is None else COLOURS["purple"]
    arrow = FancyArrowPatch(
        path=Path([*path, end], [*codes, Path.LINETO]),
        arrowstyle="-" if target.operation == "join" else "-|>",
        mutation_scale=9,
        linewidth=1.3,
        linestyle="-" if edge.peephole is None else (0, (3, 1.6)),
        color=colour if strong else PALE,
        zorder=(1.5 if edge.peephole is None else 1.4) - (0 if strong else 0.2),
        shrinkA=0,
        shrinkB=0,
        joinstyle="round",
        capstyle="butt",
    )
    arrow.set_gid(f"edge-{edge.source}-{edge.target}")
    axes.add_patch(arrow)


def _leave(node: Any, place: Any, towards: Any) -> Any:
    """Returns where a line from a node's middle, to the side or up or down, leaves its shape."""
    return place + np.sign(np.round(towards - place, 9)) * np.array(_cell_size(node))


def _length(route: Sequence[tuple[float, float]]) -> float:
    return float(np.abs(np.diff(route, axis=0)).sum())


def _own_part(
    route: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Returns the part of a route that it does not share with another from the same source."""
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
    """Returns the places where one of a source's lines turns off and another goes straight on."""
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
