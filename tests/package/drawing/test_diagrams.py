"""Diagrams of graphs: every node and edge is drawn where the graph says."""

import numpy as np
import pytest

from unrolled.drawing import diagrams, graph
from unrolled.drawing.sketch import Box, Ellipse, Path, Text


def named(sketch):
    return {shape.name: shape for shape in sketch.shapes if not isinstance(shape, Text)}


def texts(sketch):
    return [shape for shape in sketch.shapes if isinstance(shape, Text)]


def test_a_diagram_has_every_node_and_edge_where_the_graph_says():
    g = graph.unrolled_rnn(3, outputs=[2, 3])
    sketch = diagrams.diagram(g)
    shapes = named(sketch)
    assert len(shapes) == len(g.nodes) + len(g.edges)
    kinds = {"state": Ellipse, "input": Box, "output": Box}
    for node in g.nodes:
        shape = shapes[f"node-{node.name}"]
        assert isinstance(shape, kinds[node.kind])
        assert (shape.x, shape.y) == (node.time, node.level)
        assert (shape.x, shape.y, node.label) in [t[:3] for t in texts(sketch)]
        assert sketch.left < node.time < sketch.left + sketch.width
        assert sketch.bottom < node.level < sketch.bottom + sketch.height
    order = list(shapes)
    for edge in g.edges:
        name = f"edge-{edge.source}-{edge.target}"
        source, target = shapes[f"node-{edge.source}"], shapes[f"node-{edge.target}"]
        assert shapes[name].points[0] == (source.x, source.y) and shapes[name].head
        # The node covers the edge's beginning.
        assert order.index(name) < order.index(f"node-{edge.source}")
        x, y = shapes[name].points[-1]
        assert 0.2 < np.hypot(x - target.x, y - target.y) < 0.35


@pytest.mark.parametrize("turn", np.linspace(0, np.pi / 2, 19))
@pytest.mark.parametrize("kind", ["state", "input", "output"])
def test_an_edge_ends_at_the_outline_of_its_target(kind, turn):
    source = graph.Node(("a", 0), "state", 2 * np.cos(turn), 2 * np.sin(turn), "")
    target = graph.Node(("b", 0), kind, 0, 0, "")
    edge = graph.Edge(("a", 0), ("b", 0), "W", "")
    shapes = named(diagrams.diagram(graph.Graph((source, target), (edge,))))
    x, y = np.abs(shapes["edge-('a', 0)-('b', 0)"].points[-1])
    shape = shapes["node-('b', 0)"]
    if kind == "state":
        assert np.hypot(x, y) == pytest.approx(shape.width / 2)
        return
    half, corner = shape.width / 2, shape.corner
    inner = half - corner
    if corner and x > inner and y > inner:
        assert np.hypot(x - inner, y - inner) == pytest.approx(corner)
    else:
        assert max(x, y) == pytest.approx(half)


def test_inputs_and_outputs_differ_in_outline_not_only_in_colour():
    shapes = named(diagrams.diagram(graph.unrolled_rnn(1)))
    assert shapes["node-('x', 1)"].corner == 0 < shapes["node-('u', 1)"].corner


@pytest.mark.parametrize(("which", "count"), [("all", 9), ("first", 3), ("none", 0)])
def test_edge_labels_all_first_or_none(which, count):
    sketch = diagrams.diagram(graph.unrolled_rnn(3), edge_labels=which)
    assert sum(t.text.startswith("$W") for t in texts(sketch)) == count


def test_highlight_keeps_what_it_names_and_fades_the_rest():
    g = graph.unrolled_rnn(3)
    kept = graph.ancestors(g, ("u", 2))
    shapes = named(diagrams.diagram(g, highlight=kept))
    for node in g.nodes:
        faded = shapes[f"node-{node.name}"].colour == "pale"
        assert faded == (node.name not in kept)
    for edge in g.edges:
        faded = shapes[f"edge-{edge.source}-{edge.target}"].colour == "pale"
        assert faded == (not {edge.source, edge.target} <= kept)


def test_words_stand_under_inputs_and_over_outputs():
    words = {("x", 1): "the", ("u", 1): "cat"}
    sketch = diagrams.diagram(graph.unrolled_rnn(2), words=words)
    the, cat = (next(t for t in texts(sketch) if t.text == w) for w in ("the", "cat"))
    assert (the.x, the.y, the.side) == (1, 0, "below")
    assert (cat.x, cat.y, cat.side) == (1, 2, "above")
    assert the.away == cat.away > 20


@pytest.mark.parametrize("where", ["words", "highlight"])
def test_an_unknown_node_is_refused(where):
    with pytest.raises(ValueError, match=r"no node \('x', 9\)"):
        diagrams.diagram(graph.unrolled_rnn(2), **{where: {("x", 9): "?"}})


def test_an_unknown_choice_of_labels_is_refused():
    with pytest.raises(ValueError, match="edge_labels is one of all, first, none"):
        diagrams.diagram(graph.rolled(), edge_labels="some")


@pytest.mark.parametrize(
    "g",
    [
        graph.unrolled_rnn(3),
        graph.deep(3, 3),
        graph.bidirectional(3),
        graph.bidirectional(3, 2),
        graph.delayed(2, 2),
    ],
)
def test_no_arrow_runs_through_a_node_that_it_does_not_join(g):
    for edge in g.edges:
        a, b = (
            (n.time, n.level) for name in edge[:2] for n in g.nodes if n.name == name
        )
        along = np.linspace(a, b, 101)
        for node in g.nodes:
            if node.name not in edge[:2]:
                distance = np.hypot(*(along - (node.time, node.level)).T).min()
                assert distance > diagrams.NODE_RADIUS, (edge, node.name)


def test_a_self_loop_is_drawn_inside_the_sketch():
    sketch = diagrams.diagram(graph.rolled())
    loop = named(sketch)["edge-('h', 0)-('h', 0)"]
    assert isinstance(loop, Path)
    (x, _), (pulled, _, end, _) = loop.points
    widest = (x + end) / 4 + pulled / 2
    assert diagrams.NODE_RADIUS < widest < sketch.left + sketch.width
