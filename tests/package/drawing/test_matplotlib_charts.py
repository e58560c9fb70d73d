"""Charts as Matplotlib draws them."""

import numpy as np
from matplotlib.colors import to_hex

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
