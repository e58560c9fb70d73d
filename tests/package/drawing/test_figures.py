"""Figures of numbers: the numbers they are given are drawn, and named."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from tests.support.contrast import contrast
from unrolled.drawing import figures


def texts(axes):
    return {t.get_text(): t for t in axes.texts}


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
