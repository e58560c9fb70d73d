"""Charts as Matplotlib draws them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from tests.support.contrast import contrast
from unrolled.drawing import chart, charts, matplotlib_charts, style

X = np.arange(1, 5)


def drawn(made):
    """The axes of a chart of one panel."""
    return matplotlib_charts.draw(made).axes[0]


def test_each_name_of_the_description_has_its_look():
    assert set(matplotlib_charts.DASHES) == set(chart.DASHES)
    assert set(matplotlib_charts.MARKERS) == {"", *chart.MARKERS}
    assert set(matplotlib_charts.SIDES) == set(chart.SIDES)
    assert set(matplotlib_charts.NAMED) == set(chart.COLOURS)


def test_the_look_of_a_curve_is_drawn():
    run = charts.line(X, X, "run", "grey", width=1, labelled=False)
    ring = charts.points(X, X, "ring", marker="square", size=7, hollow=True)
    axes = drawn(charts.panel([run, ring]))
    first, second = axes.lines
    assert (first.get_color(), first.get_linewidth()) == (style.GREY, 1)
    assert (second.get_linestyle(), second.get_marker()) == ("None", "s")
    assert (second.get_markersize(), second.get_markerfacecolor()) == (7, "none")
    assert [t.get_text() for t in axes.texts] == ["ring"]


def test_a_legend_has_each_name_once_and_no_name_stands_at_an_end():
    left = charts.lines(X, {"a": X, "b": X}, legend=True)
    right = charts.lines(X, {"b": X, "c": X}, legend=True)
    figure = matplotlib_charts.draw(charts.beside(left, right))
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert not figure.axes[0].texts


def test_a_note_stands_on_its_side_of_its_point():
    axes = drawn(
        charts.panel(
            [
                charts.line(X, X),
                charts.note(1, 2, "left", "green", side="left", angle=30),
                charts.note(3, 2, "above", side="above"),
            ]
        )
    )
    first, second = axes.texts
    assert (first.xy, first.get_rotation()) == ((1, 2), 30)
    assert first.get_color() == style.COLOURS["green"]
    assert (first.get_ha(), second.get_ha()) == ("right", "center")
    assert second.get_va() == "bottom"


def test_bars_have_their_values_at_their_ends_and_the_first_on_top():
    axes = drawn(charts.bars({"a": 2, "b": 1}, "size", {"level": 1.5}, number=".1f"))
    assert [bar.get_width() for bar in axes.patches] == [2, 1]
    assert [t.get_text() for t in axes.texts] == ["2.0", "1.0", "level"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    assert axes.yaxis_inverted() and axes.get_xlabel() == "size"


def test_columns_touch():
    axes = drawn(charts.columns(2 * X, X, colour="purple"))
    assert {bar.get_width() for bar in axes.patches} == {2}
    assert [bar.get_height() for bar in axes.patches] == X.tolist()
    assert to_hex(axes.patches[0].get_facecolor()) == style.COLOURS["purple"]


def test_a_field_is_one_picture_that_reaches_half_a_step_beyond_its_grid():
    values = np.outer(X[:2], X)
    path = charts.line(X, X / 4, "", "white", marker="circle")
    made = charts.field(X, [0, 2], values, "u", limits=(0, 9), marks=[path])
    axes = drawn(made)
    (image,) = axes.images
    assert image.get_extent() == [0.5, 4.5, -1, 3]
    assert image.get_clim() == (0, 9)
    np.testing.assert_array_equal(image.get_array(), values)
    assert axes.lines[0].get_markeredgecolor() == style.ON_LIGHT_CELL


def test_a_contour_runs_where_the_level_is():
    grid = np.linspace(-2, 2, 41)
    circle = charts.contour(grid, grid, grid**2 + grid[:, None] ** 2, 1)
    (curve,) = drawn(charts.panel([circle], equal=True)).collections
    (path,) = curve.get_paths()
    np.testing.assert_allclose(np.linalg.norm(path.vertices, axis=1), 1, atol=2e-3)


def test_cells_can_be_without_a_bar_and_carry_marks():
    middle = chart.Reference("x", 1.5)
    made = charts.heat_map(np.eye(3), bar=False, marks=[middle], x_ticks={2: "3"})
    figure = matplotlib_charts.draw(made)
    (axes,) = figure.axes
    assert axes.lines[0].get_xdata() == [1.5, 1.5]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["3"]
    assert all(float(tick).is_integer() for tick in axes.get_yticks())


def test_long_names_of_columns_stand_upright():
    names = ["a long name"] * 8
    for width, angle in ((3, 90), (14, 0)):
        made = charts.heat_map(np.ones((2, 8)), columns=names, width=width)
        assert drawn(made).get_xticklabels()[0].get_rotation() == angle


def test_a_panel_without_a_frame_has_numbers_and_no_lines():
    axes = drawn(charts.pairs(np.eye(3)))
    assert not any(spine.get_visible() for spine in axes.spines.values())
    assert [t.get_text() for t in axes.get_xticklabels()] == ["1", "3"]
    assert drawn(charts.panel([charts.points(X, X)])).spines["left"].get_visible()


# -- labels and numbers ----------------------------------------------------------------------------


def test_labels_at_ends_do_not_overlap():
    ends = {f"curve {i}": [1.0, 2.0 + i / 1000] for i in range(4)}
    axes = drawn(charts.lines([0, 1], ends))
    boxes = sorted((t.get_window_extent() for t in axes.texts), key=lambda b: b.y0)
    assert len(boxes) == 4
    for lower, upper in itertools.pairwise(boxes):
        assert upper.y0 > lower.y1


def test_a_curve_that_ends_in_nan_is_labelled_at_its_last_number():
    axes = drawn(charts.lines([0, 1, 2], {"a": [0.0, 1.0, np.nan]}))
    assert axes.texts[0].xy[1] == pytest.approx(1.0)


def test_a_label_stays_at_its_curve_within_the_limits():
    axes = drawn(charts.lines([0, 1], {"a": [0, 1], "b": [0, 0.2]}, y_limits=(-4, 4)))
    shown = axes.texts[0].get_window_extent()
    height = axes.transData.transform((0, 1.0))[1]
    assert (shown.y0 + shown.y1) / 2 == pytest.approx(height, abs=9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.3))
def test_spread_keeps_the_order_the_gap_and_the_mean(heights, gap):
    heights = sorted(heights)
    placed = matplotlib_charts.move_apart(heights, gap)
    assert all(b - a >= gap - 1e-9 for a, b in itertools.pairwise(placed))
    assert np.mean(placed) == pytest.approx(np.mean(heights))
    if all(b - a >= gap + 1e-9 for a, b in itertools.pairwise(heights)):
        assert placed == pytest.approx(heights)


def test_cells_have_row_0_on_top_their_names_and_a_scale_centred_on_zero():
    matrix = np.array([[1.0, -2.0, 0.5], [0.0, 0.25, -0.75]])
    axes = drawn(
        charts.heat_map(
            matrix, ["a", "b"], ["x", "y", "z"], "weight", signed=True, number=".2f"
        )
    )
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), matrix)
    assert image.get_clim() == (-2, 2)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["x", "y", "z"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    assert axes.transData.transform((0, 0))[1] > axes.transData.transform((0, 1))[1]
    written = {t.get_position(): t.get_text() for t in axes.texts}
    assert {t.get_color() for t in axes.texts}.isdisjoint(style.DARK)
    assert written[(1, 0)] == "-2.00" and written[(2, 1)] == "-0.75"
    assert image.colorbar.ax.get_ylabel() == "weight"


@pytest.mark.parametrize("signed", [True, False])
def test_numbers_in_cells_are_legible_on_their_cell(signed):
    values = [np.linspace(-1, 1, 9)]
    axes = drawn(charts.heat_map(values, signed=signed, number=".1f"))
    (image,) = axes.images
    assert len(axes.texts) == 9
    for text in axes.texts:
        cell = image.cmap(image.norm(float(text.get_text())))
        assert contrast(to_hex(cell), text.get_color()) >= 4.0


def test_limits_of_a_colour_scale_come_from_the_data_or_the_caller():
    matrix = [[0.2, 0.8]]
    assert drawn(charts.heat_map(matrix)).images[0].get_clim() == (0.2, 0.8)
    fixed = charts.heat_map(matrix, limits=(0, 1))
    assert drawn(fixed).images[0].get_clim() == (0, 1)


def test_limits_may_leave_one_end_to_the_data():
    axes = drawn(charts.lines(X, {"a": X}, y_limits=(0, None)))
    assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] > 4


def test_matplotlib_draws_all_that_a_chart_describes():
    made = charts.beside(
        charts.lines(X, {"a": X}, "x", "y", {"b": 2}, y_scale="log", title="left"),
        charts.lines(X, {"c": X}, bands={"c": (X - 1, X + 1)}, x_ticks=[1, 4]),
        charts.heat_map(np.eye(2), number=".0f"),
        columns=2,
    )
    first, second, third, fourth, *_ = matplotlib_charts.draw(made).axes
    assert (first.get_title(loc="left"), first.get_yscale()) == ("left", "log")
    assert [t.get_text() for t in first.texts] == ["a", "b"]
    np.testing.assert_array_equal(first.lines[0].get_ydata(), X)
    assert first.lines[0].get_color() == style.COLOURS["blue"]
    assert len(second.collections) == 1
    assert [t.get_text() for t in second.get_xticklabels()] == ["1", "4"]
    assert [t.get_text() for t in third.texts] == ["1", "0", "0", "1"]
    assert not fourth.get_visible()


def test_the_svg_carries_the_description_and_is_the_same_each_time():
    made = charts.lines(X, {"a < b & c": X})
    svg = matplotlib_charts.svg(made)
    assert svg == matplotlib_charts.svg(made)
    data = svg.partition('<metadata id="chart">')[2].partition("</metadata>")[0]
    data = data.replace("&lt;", "<").replace("&amp;", "&")
    assert data == made.to_json()
    assert repr(made) == "<Chart of 1 panel>"
