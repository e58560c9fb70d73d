"""Diagrams of graphs: every node and edge is drawn where the graph says."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from unrolled.drawing import figures, graph


def texts(axes):
    return {t.get_text(): t for t in axes.texts}


def test_draw_graph_draws_every_node_and_edge_where_the_graph_says():
    g = graph.unrolled_rnn(3, outputs=[2, 3])
    axes = figures.diagram(g)
    patches = {p.get_gid(): p for p in axes.patches}
    assert len(patches) == len(axes.patches) == len(g.nodes) + len(g.edges)
    shapes = {"state": Circle, "input": FancyBboxPatch, "output": FancyBboxPatch}
    for node in g.nodes:
        patch = patches[f"node-{node.name}"]
        assert isinstance(patch, shapes[node.kind])
        centre = axes.transData.inverted().transform(
            (
                patch.get_window_extent().corners()[0]
                + patch.get_window_extent().corners()[3]
            )
            / 2
        )
        np.testing.assert_allclose(centre, (node.time, node.level), atol=0.02)
        assert (node.time, node.level, node.label) in {
            (*t.get_position(), t.get_text()) for t in axes.texts
        }
    for edge in g.edges:
        arrow = patches[f"edge-{edge.source}-{edge.target}"]
        assert isinstance(arrow, FancyArrowPatch)
        ends = axes.transData.inverted().transform(
            arrow.get_transform().transform_path(arrow.get_path()).vertices
        )
        source, target = (
            next(n for n in g.nodes if n.name == name)
            for name in (edge.source, edge.target)
        )
        # The arrow's shaft begins near its source and its tip lies near its target.
        assert np.hypot(*(ends[0] - (source.time, source.level))) < 0.45
        assert np.hypot(*(ends - (target.time, target.level)).T).min() < 0.45


def test_inputs_and_outputs_differ_in_outline_not_only_in_colour():
    axes = figures.diagram(graph.unrolled_rnn(1))
    box = {
        p.get_gid(): p.get_boxstyle().__class__.__name__
        for p in axes.patches
        if isinstance(p, FancyBboxPatch)
    }
    assert box["node-('x', 1)"] == "Square" and box["node-('u', 1)"] == "Round"


@pytest.mark.parametrize(("which", "count"), [("all", 9), ("first", 3), ("none", 0)])
def test_edge_labels_all_first_or_none(which, count):
    axes = figures.diagram(graph.unrolled_rnn(3), edge_labels=which)
    assert sum(t.get_text().startswith("$W") for t in axes.texts) == count


def test_highlight_keeps_what_it_names_and_fades_the_rest():
    g = graph.unrolled_rnn(3)
    kept = graph.ancestors(g, ("u", 2))
    axes = figures.diagram(g, highlight=kept)
    patches = {p.get_gid(): p for p in axes.patches}
    pale = figures.PALE
    for node in g.nodes:
        assert (to_hex(patches[f"node-{node.name}"].get_edgecolor()) == pale) == (
            node.name not in kept
        )
    for edge in g.edges:
        faded = (
            to_hex(patches[f"edge-{edge.source}-{edge.target}"].get_edgecolor()) == pale
        )
        assert faded == (not {edge.source, edge.target} <= kept)


def test_words_stand_under_inputs_and_over_outputs():
    axes = figures.diagram(
        graph.unrolled_rnn(2), words={("x", 1): "the", ("u", 1): "cat"}
    )
    the, cat = texts(axes)["the"], texts(axes)["cat"]
    assert the.xy == (1, 0) and the.xyann[1] < 0
    assert cat.xy == (1, 2) and cat.xyann[1] > 0


@pytest.mark.parametrize("where", ["words", "highlight"])
def test_an_unknown_node_is_refused(where):
    with pytest.raises(ValueError, match=r"no node \('x', 9\)"):
        figures.diagram(graph.unrolled_rnn(2), **{where: {("x", 9): "?"}})


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
                assert distance > figures.NODE_RADIUS, (edge, node.name)


def test_a_self_loop_is_drawn_inside_the_axes():
    axes = figures.diagram(graph.rolled())
    loop = next(p for p in axes.patches if p.get_gid() == "edge-('h', 0)-('h', 0)")
    box = loop.get_window_extent().transformed(axes.transData.inverted())
    assert box.x1 > figures.NODE_RADIUS  # it leaves the node
    assert box.x1 < axes.get_xlim()[1]
