"""Figures: the numbers they are given are drawn, and can be read by everybody in both themes."""

import itertools
import re
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from unrolled.drawing import figures, graph


@pytest.fixture(autouse=True)
def clean():
    with matplotlib.rc_context():
        figures.use_style()
        yield
        plt.close("all")


def texts(axes):
    return {t.get_text(): t for t in axes.texts}


# -- colours ---------------------------------------------------------------------------------------


def linear(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    a, b = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (b + 0.05) / (a + 0.05)


def lab(rgb):
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira & Fernandes (2009), severity 1.0; they act on linear RGB.
SEEN_BY = {
    "everybody": np.eye(3),
    "deuteranopes": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopes": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopes": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def test_the_contrast_formula_knows_its_extremes():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def in_theme(colour, theme):
    return figures.DARK[colour] if theme == "dark" else colour


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "colour", [*figures.COLOURS.values(), figures.GREY, figures.INK]
)
def test_text_in_every_colour_passes_aa_in_both_themes(colour, theme):
    assert contrast(in_theme(colour, theme), in_theme(figures.GROUND, theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("who", SEEN_BY)
def test_line_colours_stay_apart_for_colour_blind_readers(who, theme):
    for pair in itertools.combinations(figures.COLOURS.values(), 2):
        a, b = (lab(SEEN_BY[who] @ linear(in_theme(colour, theme))) for colour in pair)
        assert np.linalg.norm(a - b) > 15, pair


def test_a_red_and_a_green_of_one_lightness_would_not_pass():
    view = SEEN_BY["deuteranopes"]
    apart = np.linalg.norm(
        lab(view @ linear("#b06030")) - lab(view @ linear("#808030"))
    )
    assert apart < 15


def test_an_svg_uses_no_colour_without_a_dark_counterpart(tmp_path):
    axes = figures.canvas(columns=3)
    figures.loss_curves(
        axes[0], [0, 1], {str(i): [1, i] for i in range(6)}, {"log V": 3}
    )
    figures.draw_graph(axes[1], graph.unrolled_rnn(2), highlight=[("h", 1)])
    figures.bars(axes[2], {"a": 1}, "size", {"chance": 0.5})
    axes[0].figure.savefig(tmp_path / "figure.svg")
    svg = (tmp_path / "figure.svg").read_text("utf-8")
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set(figures.DARK)
    assert re.findall(r"fill: *(?:black|rgb)", svg) == []


def test_the_style_sets_plate_and_ink():
    axes = figures.canvas()
    assert to_hex(axes.figure.get_facecolor()) == figures.GROUND
    axes.set(xlabel="time")
    assert to_hex(axes.xaxis.label.get_color()) == figures.INK


# -- curves ----------------------------------------------------------------------------------------


def test_loss_curves_draw_the_given_numbers_and_name_them():
    axes = figures.canvas()
    steps = {"train": np.arange(5), "validation": np.array([0, 4])}
    losses = {"train": [5.0, 4, 3, 2.5, 2.2], "validation": np.array([5.1, 2.9])}
    figures.loss_curves(axes, steps, losses, {"log V": 6.0})
    drawn = {line.get_label(): line for line in axes.lines}
    assert set(drawn) == {"train", "validation", "log V"}
    for name in losses:
        np.testing.assert_array_equal(drawn[name].get_xdata(), steps[name])
        np.testing.assert_array_equal(drawn[name].get_ydata(), losses[name])
    assert set(drawn["log V"].get_ydata()) == {6.0}
    assert drawn["log V"].get_linestyle() == "--" or drawn["log V"].is_dashed()
    names = texts(axes)
    assert set(names) == set(drawn)
    for name in drawn:
        assert to_hex(names[name].get_color()) == to_hex(drawn[name].get_color())
    heights = [names[n].xy[1] for n in ("log V", "validation", "train")]
    assert heights == sorted(heights, reverse=True)
    assert axes.get_ylabel() == "loss (nats per token)"


def test_end_labels_do_not_overlap():
    axes = figures.canvas()
    ends = {f"curve {i}": [1.0, 2.0 + i / 1000] for i in range(4)}
    figures.lines(axes, [0, 1], ends)
    axes.figure.canvas.draw()
    boxes = sorted((t.get_window_extent() for t in axes.texts), key=lambda b: b.y0)
    assert len(boxes) == 4
    for lower, upper in itertools.pairwise(boxes):
        assert upper.y0 > lower.y1


def test_a_curve_that_ends_in_nan_is_labelled_at_its_last_number():
    axes = figures.lines(figures.canvas(), [0, 1, 2], {"a": [0.0, 1.0, np.nan]})
    assert texts(axes)["a"].xy[1] == pytest.approx(1.0)


def test_a_label_stays_at_its_curve_when_the_limits_change():
    axes = figures.lines(figures.canvas(), [0, 1], {"a": [0.0, 1.0], "b": [0.0, 0.2]})
    axes.set_ylim(-4, 4)
    axes.figure.canvas.draw()
    drawn = texts(axes)["a"].get_window_extent()
    assert (drawn.y0 + drawn.y1) / 2 == pytest.approx(
        axes.transData.transform((0, 1.0))[1], abs=2
    )


def test_a_curve_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"'a': x has shape \(3,\), values \(2,\)"):
        figures.lines(figures.canvas(), [0, 1, 2], {"a": [0.0, 1.0]})


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_a_curve_without_a_finite_value_is_refused(values):
    with pytest.raises(ValueError, match="'a' has no finite value"):
        figures.lines(figures.canvas(), range(len(values)), {"a": values})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.3))
def test_spread_keeps_the_order_the_gap_and_the_mean(heights, gap):
    heights = sorted(heights)
    placed = figures.move_apart(heights, gap)
    assert all(b - a >= gap - 1e-9 for a, b in itertools.pairwise(placed))
    assert np.mean(placed) == pytest.approx(np.mean(heights))
    if all(b - a >= gap + 1e-9 for a, b in itertools.pairwise(heights)):
        assert placed == pytest.approx(heights)


# -- matrices and bars ----------------------------------------------------------------------------


def test_heat_map_draws_the_matrix_with_row_0_on_top():
    axes = figures.canvas()
    matrix = np.array([[1.0, -2.0, 0.5], [0.0, 0.25, -0.75]])
    figures.heat_map(
        axes, matrix, ["a", "b"], ["x", "y", "z"], "weight", signed=True, number=".2f"
    )
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), matrix)
    assert image.get_clim() == (-2, 2)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["x", "y", "z"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    assert axes.transData.transform((0, 0))[1] > axes.transData.transform((0, 1))[1]
    written = {t.get_position(): t.get_text() for t in axes.texts}
    # the cells keep theirs too
    assert {t.get_color() for t in axes.texts}.isdisjoint(figures.DARK)
    assert written[(1, 0)] == "-2.00" and written[(2, 1)] == "-0.75"
    assert image.colorbar.ax.get_ylabel() == "weight"


@pytest.mark.parametrize("signed", [True, False])
def test_numbers_in_cells_are_legible_on_their_cell(signed):
    axes = figures.heat_map(
        figures.canvas(), [np.linspace(-1, 1, 9)], signed=signed, number=".1f"
    )
    (image,) = axes.images
    for text in axes.texts:
        cell = image.cmap(image.norm(float(text.get_text())))
        assert contrast(to_hex(cell), text.get_color()) >= 4.0


def test_heat_map_limits_come_from_the_data_or_the_caller():
    matrix = [[0.2, 0.8]]
    assert figures.heat_map(figures.canvas(), matrix).images[0].get_clim() == (0.2, 0.8)
    fixed = figures.heat_map(figures.canvas(), matrix, limits=(0, 1))
    assert fixed.images[0].get_clim() == (0, 1)


def test_heat_map_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"needs a matrix, got shape \(3,\)"):
        figures.heat_map(figures.canvas(), np.ones(3))
    with pytest.raises(
        ValueError, match=r"1 column names for a matrix of shape \(2, 3\)"
    ):
        figures.heat_map(figures.canvas(), np.ones((2, 3)), columns=["a"])


def test_bars_have_their_values_as_lengths_first_on_top():
    axes = figures.bars(
        figures.canvas(), {"RNN": 1.0, "window": 0.52}, "accuracy", {"chance": 0.5}
    )
    assert [bar.get_width() for bar in axes.patches] == [1.0, 0.52]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["RNN", "window"]
    high, low = (axes.transData.transform((0, y))[1] for y in axes.get_yticks())
    assert high > low
    assert {"1.00", "0.52", "chance"} <= set(texts(axes))
    assert set(axes.lines[0].get_xdata()) == {0.5}


# -- diagrams --------------------------------------------------------------------------------------


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


def test_use_style_is_silent_outside_a_notebook(monkeypatch):
    calls = []
    import matplotlib_inline.backend_inline as inline
    from IPython.core import getipython

    monkeypatch.setattr(
        inline, "set_matplotlib_formats", lambda *a, **k: calls.append((a, k))
    )
    figures.use_style()
    assert calls == []
    monkeypatch.setattr(getipython, "get_ipython", SimpleNamespace)
    figures.use_style()
    assert calls == [(("svg",), {"metadata": {"Date": None}})]
