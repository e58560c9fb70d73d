"""Diagrams: computation graphs and cells, drawn from their lists of nodes and edges.

``graph`` and ``cell_graph`` make the lists; every node and edge of a list becomes one shape of a
sketch, which carries its name.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from unrolled.arguments import names_arguments
from unrolled.drawing.chart import one_of
from unrolled.drawing.sketch import Box, Ellipse, Path, Shape, Sketch, Text

NODE_RADIUS = 0.27
NODE_COLOURS = {"input": "grey", "state": "blue", "output": "vermilion"}
EDGE_LABELS = ("all", "first", "none")


# --- computation graphs --------------------------------------------------------------------------


@names_arguments
def diagram(
    graph: Any,
    scale: float = 0.93,
    edge_labels: Literal["all", "first", "none"] = "all",
    words: Mapping[Hashable, str] | None = None,
    highlight: Collection[Hashable] | None = None,
) -> Sketch:
    """Returns a sketch of a computation graph of `drawing.graph`.

    Inputs are squares, states circles, outputs rounded squares. Shapes are called node-NAME and
    edge-SOURCE-TARGET.

    Args:
        graph: has `nodes` (name, kind, time, level, label) and `edges` (source, target, weight,
            label).
        scale: inches a step, or a level.
        edge_labels: write the weight at every edge, at the first edge that uses it, or nowhere.
        words: node name → text shown under an input or above an output.
        highlight: names of the nodes to keep in full strength; the others, and every edge that does
            not join two of these, are drawn in pale grey.

    Raises:
        ValueError: `words` or `highlight` names a node that the graph does not have, or
            `edge_labels` is unknown.
    """
    one_of("choice of edge_labels", edge_labels, EDGE_LABELS)
    nodes = {node.name: node for node in graph.nodes}
    for name in [*(words or {}), *(highlight or ())]:
        if name not in nodes:
            raise ValueError(f"the graph has no node {name!r}")

    def strong(*names: Hashable) -> bool:
        return highlight is None or all(name in highlight for name in names)

    lines: list[Shape] = []
    texts: list[Shape] = []
    seen = set()
    for edge in graph.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        colour = "ink" if strong(edge.source, edge.target) else "pale"
        name = f"edge-{edge.source}-{edge.target}"
        lines.append(Path(_edge_points(source, target), name, colour, head=True))
        if edge_labels == "all" or (edge_labels == "first" and edge.weight not in seen):
            shade = "ink" if colour == "ink" else "grey"
            texts.append(_edge_label(source, target, edge.label, shade))
        seen.add(edge.weight)
    for name, word in (words or {}).items():
        side = "above" if nodes[name].kind == "output" else "below"
        place = nodes[name].time, nodes[name].level
        texts.append(Text(*place, word, side=side, away=24))
    for node in graph.nodes:
        lines.append(_node_shape(node, strong(node.name)))
        colour = "ink" if node.kind == "input" else NODE_COLOURS[node.kind]
        colour = colour if strong(node.name) else "grey"
        texts.append(Text(node.time, node.level, node.label, colour, 12))
    loops = any(edge.source == edge.target for edge in graph.edges)
    places = [(node.time, node.level) for node in graph.nodes]
    return _around(places, (*lines, *texts), scale, 0.4, right=1.0 if loops else 0.4)


def _around(
    places: Sequence[tuple[float, float]],
    shapes: tuple[Shape, ...],
    scale: float,
    side: float,
    right: float,
) -> Sketch:
    """Returns a sketch with room around the places of its nodes: 0.4 above and below them."""
    (left, bottom), (end, top) = np.min(places, 0), np.max(places, 0)
    width, height = end - left + side + right, top - bottom + 0.8
    return Sketch(shapes, width, height, scale, left - side, bottom - 0.4)


def _node_shape(node: Any, strong: bool) -> Shape:
    name = f"node-{node.name}"
    colour = NODE_COLOURS[node.kind] if strong else "pale"
    line = 1.6 if strong else 1.0
    place = node.time, node.level
    if node.kind == "state":
        size = 2 * NODE_RADIUS
        return Ellipse(*place, size, size, name, colour, line=line)
    half, corner = _node_box(node)
    return Box(*place, 2 * half, 2 * half, name, colour, line=line, corner=corner)


def _node_box(node: Any) -> tuple[float, float]:
    """Returns half the side of an input's or an output's square, and its corners' radius."""
    return 0.86 * NODE_RADIUS, 0.0 if node.kind == "input" else 0.12


def _edge_points(source: Any, target: Any) -> tuple[tuple[float, ...], ...]:
    """Returns an edge from the middle of its source, which is drawn over it, to its target."""
    x, y = source.time, source.level
    if source is target:
        x += 0.6 * NODE_RADIUS
        up = 0.8 * NODE_RADIUS
        return (x, y + up), (x + 3.8 * up, y, x, y - up)
    place = np.array([target.time, target.level])
    back = np.array([x, y]) - place
    back = back / np.hypot(*back)
    reach = NODE_RADIUS
    if target.kind != "state":
        half, corner = _node_box(target)
        long, short = sorted(np.abs(back), reverse=True)
        reach = half / long
        if short * reach > half - corner:  # it ends at a round corner
            middle = (half - corner) * (long + short)
            inner = 2 * (half - corner) ** 2 - corner**2
            reach = middle + np.sqrt(middle**2 - inner)
    return (x, y), tuple((place + reach * back).tolist())


def _edge_label(source: Any, target: Any, label: str, colour: str) -> Text:
    if source is target:
        return Text(source.time + 0.62, source.level, label, colour, 10, "right", 3)
    across, up = target.time - source.time, target.level - source.level
    side, away = ("above", 3) if abs(across) > abs(up) else ("right", 4)
    x, y = source.time + across / 2, source.level + up / 2
    return Text(x, y, label, colour, 10, side, away)


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
    "sigmoid gate": "blue",
    "tanh gate": "vermilion",
    "positive gate": "vermilion",
}


@names_arguments
def cell_diagram(
    cell: Any, scale: float = 0.6, highlight: Collection[str] | None = None
) -> Sketch:
    """Returns a sketch of one step of a cell of `drawing.cell_graph`: its nodes and its edges.

    Boxes are layers with weights (σ blue, tanh and g vermilion, a bare matrix grey), circles work
    entry by entry, a dot joins two vectors side by side or lets a line branch, and dashed lines are
    peepholes. Shapes are called node-NAME and edge-SOURCE-TARGET.

    Args:
        cell: has `nodes` (name, operation, place, label) and `edges` (source, target, via,
            peephole).
        scale: inches a unit.
        highlight: names of the nodes to keep in full strength; the others, and every edge that does
            not join two of these, are drawn in pale grey.

    Raises:
        ValueError: `highlight` names a node that the cell does not have.
    """
    nodes = {node.name: node for node in cell.nodes}
    shown = set(nodes if highlight is None else highlight)
    if not shown <= set(nodes):
        raise ValueError(f"the cell has no node {min(shown - set(nodes))!r}")

    def strong(edge: Any) -> bool:
        return edge.source in shown and edge.target in shown

    # An edge draws what no earlier one has drawn: those that are kept strong come first.
    def last(edge: Any) -> tuple[bool, bool]:
        return edge.peephole is not None, not strong(edge)

    lines: list[tuple[float, Shape]] = []  # how far up each is drawn
    routes: dict[str, list[list[tuple[float, float]]]] = {}
    strong_routes: dict[str, list[list[tuple[float, float]]]] = {}
    for edge in sorted(cell.edges, key=last):
        source, target = nodes[edge.source], nodes[edge.target]
        route = [source.place, *edge.via, target.place]
        drawn = routes.setdefault(edge.source, [])
        own = min(
            (_own_part(route, other) for other in drawn), key=_length, default=route
        )
        above = (0.5 if edge.peephole is None else 0.4) - (0 if strong(edge) else 0.2)
        lines.append((above, _cell_line(edge, source, target, own, strong(edge))))
        drawn.append(route)
        if strong(edge):
            strong_routes.setdefault(edge.source, []).append(route)
    dots = set(_branches(strong_routes.values()))
    for x, y in _branches(routes.values()):
        colour, above = ("ink", 1.0) if (x, y) in dots else ("pale", 0.2)
        lines.append((above, Ellipse(x, y, 0.1, 0.1, "", colour, colour, 0)))
    lines.sort(key=lambda line: line[0])
    drawn_nodes = [_cell_node(node, node.name in shown) for node in cell.nodes]
    shapes = [shape for _, shape in lines]
    shapes += [shape for shape, _ in drawn_nodes]
    shapes += [text for _, texts in drawn_nodes for text in texts]
    places = [node.place for node in cell.nodes]
    return _around(places, tuple(shapes), scale, 0.45, right=0.45)


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


def _cell_node(node: Any, strong: bool) -> tuple[Shape, list[Text]]:
    """Returns the shape of a node, and what is written in it and beside it."""
    (x, y), (across, up) = node.place, _cell_size(node)
    place = (x, y, 2 * across, 2 * up, f"node-{node.name}")
    ink, grey = ("ink", "ink") if strong else ("pale", "grey")
    gate = GATE_COLOURS.get(node.operation)
    if node.operation == "join":
        return Ellipse(*place, ink, ink, 1.0), []
    if node.operation in WITH_WEIGHTS:
        edge = (gate or "grey") if strong else "pale"
        shape: Shape = Box(*place, edge, line=1.6, corner=0.08)
    elif node.operation in ("given", "result"):
        shape = Box(*place, "", line=0.0)
    else:
        shape = Ellipse(*place, ink)
    inside = OPERATIONS.get(node.operation, "")
    size = 10 if inside == "tanh" else 11 if node.operation == "one minus" else 13
    colour = (gate or "ink") if strong else "grey"
    texts = [Text(x, y, inside or node.label, colour, size)]
    if node.label and inside:  # the value's name beside the line that leaves the node
        texts.append(Text(x + 0.08, y + up + 0.2, node.label, grey, 13, "right"))
    return shape, texts


def _cell_line(
    edge: Any,
    source: Any,
    target: Any,
    corners: Sequence[tuple[float, float]],
    strong: bool,
) -> Path:
    points = [np.array(corner, float) for corner in corners]
    if corners[0] == source.place:
        points[0] = _leave(source, points[0], points[1])
    path = [points[0]]
    end = _leave(target, points[-1], points[-2])
    for before, corner, after in zip(points, points[1:-1], points[2:], strict=False):
        # Round the corner: stop short of it, and bend into the next stretch.
        back, on = before - corner, after - corner
        size = min(0.12, np.abs(back).max() / 2, np.abs(on).max() / 2)
        curve = np.concatenate([corner, corner + size * np.sign(on)])
        path += [corner + size * np.sign(back), curve]
    colour = "ink" if edge.peephole is None else "purple"
    return Path(
        tuple(tuple(point.tolist()) for point in [*path, end]),
        f"edge-{edge.source}-{edge.target}",
        colour if strong else "pale",
        line=1.3,
        dash="solid" if edge.peephole is None else "dashed",
        head=target.operation != "join",
    )


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
