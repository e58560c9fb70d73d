"""Charts: what they describe, and what they refuse."""

import json

import numpy as np
import pytest

from unrolled.drawing import chart, charts

X = np.arange(1, 5)


def test_lines_describe_curves_baselines_and_axes():
    made = charts.lines(
        X,
        {"a": X, "b": X**2},
        "steps",
        "loss",
        {"chance": 0.5},
        bands={"b": (X, X**3)},
        verticals={"": 2},
        y_scale="log",
        x_limits=(0, 5),
        x_ticks=X,
        markers=True,
    )
    (panel,) = made.panels
    band, first, second, baseline, vertical = panel.marks
    assert isinstance(band, chart.Band)
    assert band.colour == second.colour != first.colour
    assert (first.name, second.name) == ("a", "b")
    assert first.marker != second.marker
    np.testing.assert_array_equal(second.y, X**2)
    assert baseline == chart.Reference("y", 0.5, "chance", "dashed")
    assert vertical == chart.Reference("x", 2.0, "", "dotted")
    assert panel.y == chart.Axis("loss", "log")
    assert panel.x == chart.Axis("steps", "linear", (0, 5), (1, 2, 3, 4))


def test_each_curve_can_have_its_own_positions():
    made = charts.loss_curves({"a": [0, 1], "b": [0, 1, 2]}, {"a": [2, 1], "b": X[:3]})
    assert [len(line.x) for line in made.panels[0].marks] == [2, 3]
    assert made.panels[0].y.label == "loss (nats per token)"


def test_a_diagonal_is_a_dashed_curve_without_a_name():
    line = charts.lines(X, {"a": X**2}, diagonal=True).panels[0].marks[-1]
    assert (line.name, line.dash, line.colour) == ("", "dashed", "grey")
    np.testing.assert_array_equal(line.x, line.y)


def test_a_look_changes_one_curve_and_marks_lie_below_the_curves():
    run = charts.line(X, X + 1, "run 1", "grey", labelled=False)
    made = charts.lines(
        X,
        {"a": X, "b": X**2},
        looks={"b": {"dash": "dotted", "marker": "cross", "colour": "pale"}},
        marks=[run, charts.note(2, 3, "here", side="above")],
        bands={"b": (X, X**3)},
    )
    band, below, note, first, second = made.panels[0].marks
    assert below is run and (run.width, run.labelled) == (1.8, False)
    assert note == chart.Note(2.0, 3.0, "here", "ink", "above", 0.0)
    assert (first.dash, first.marker, first.colour) == ("solid", "", "blue")
    assert (second.dash, second.marker, second.width) == ("dotted", "cross", 1.2)
    assert (band.name, band.colour) == ("b", "pale")


def test_points_are_a_curve_without_a_line():
    made = charts.points(X, X, "a", marker="square", hollow=True)
    assert (made.dash, made.marker, made.hollow) == ("none", "square", True)
    assert made.colour == "blue"


def test_a_panel_keeps_what_it_is_told_of_its_axes():
    (panel,) = charts.panel(
        [charts.points(X, X)],
        x_ticks={1: "one", 4: "four"},
        y_limits=(0, None),
        legend=True,
        equal=True,
    ).panels
    assert (panel.x.ticks, panel.x.names) == ((1, 4), ("one", "four"))
    assert (panel.y.limits, panel.y.ticks) == ((0, None), None)
    assert panel.legend and panel.equal


def test_bars_and_cells_carry_the_literals_of_a_knob():
    to = ["a b", 2, None, [1, 0.5]]
    made = charts.bars(dict.fromkeys("abcd", 1), sets="words", to=to)
    (bars,) = made.panels[0].marks
    assert bars.sets == "words"
    assert bars.to == ('"a b"', "2", None, "[1, 0.5]")
    described = json.loads(made.to_json())["panels"][0]["marks"][0]
    assert described["to"] == list(bars.to)
    to = [[True, np.float64(0.5)]]
    (cells,) = charts.heat_map([[1, 2]], sets="clip", to=to).panels[0].marks
    assert cells.to == (("True", "0.5"),)


def test_bars_keep_the_order_of_their_names():
    bars, level = charts.bars({"b": 2, "a": 1}, "size", {"chance": 1.5}).panels[0].marks
    assert bars.names == ("b", "a")
    np.testing.assert_array_equal(bars.values, [2, 1])
    assert level == chart.Reference("x", 1.5, "chance")


def test_columns_stand_on_numbers():
    made = charts.columns(X, X**2, "steps", "sentences").panels[0]
    np.testing.assert_array_equal(made.marks[0].heights, X**2)
    assert (made.x.label, made.y.label) == ("steps", "sentences")


def test_a_field_keeps_as_many_digits_as_a_colour_shows():
    grid = np.linspace(0, 1, 5)
    made = charts.field(grid, grid[:3], np.outer(grid[:3], grid) / 3 + 1, "u")
    (field,) = made.panels[0].marks
    assert field.values[2, 4] == 1.1667 != 1 + 0.5 / 3
    assert field.values.shape == (3, 5)


def test_a_contour_keeps_its_grid_and_level():
    made = charts.contour(X, X[:2], np.outer(X[:2], X), 3, "blue", width=1)
    assert (made.level, made.colour, made.width) == (3.0, "blue", 1.0)
    assert made.values.shape == (2, 4)


def test_pairs_draw_the_lower_triangle_row_0_on_top():
    panel = charts.pairs(np.eye(3), "own step").panels[0]
    kept, rest = panel.marks
    assert (kept.name, rest.name, rest.hollow) == ("kept", "left out", True)
    assert np.stack([rest.y, rest.x]).T.tolist() == [[2, 1], [3, 1], [3, 2]]
    assert panel.y.limits[0] > panel.y.limits[1]
    assert panel.equal and not panel.frame
    assert len(charts.pairs(np.ones((3, 3))).panels[0].marks) == 1


GRID = np.zeros((4, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: charts.lines(X, {"a": X[1:]}), r"curve 'a': x has shape \(4,\)"),
        (lambda: charts.lines(X, {"a": X * np.nan}), "curve 'a' has no finite value"),
        (lambda: charts.lines(X, {"a": X}, y_scale="logit"), "a scale is one of"),
        (lambda: charts.lines(X, {"a": X}, looks={"b": {}}), "look of 'b', which is"),
        (lambda: charts.line(X, X, colour="mauve"), "a colour is one of blue"),
        (lambda: charts.line(X, X, dash="long"), "a dash is one of solid"),
        (lambda: charts.line(X, X, marker="star"), "a marker is one of"),
        (lambda: charts.note(1, 1, "a", side="top"), "a side is one of right"),
        (lambda: charts.note(1, 1, "a", "mauve"), "a colour is one of"),
        (lambda: charts.bars({}), "needs a value"),
        (lambda: charts.bars({"a": 1}, colour="mauve"), "a colour is one of"),
        (lambda: charts.bars({"a": 1}, to=[1]), "1 values of a knob for 1 bars"),
        (lambda: charts.bars({"a": 1}, sets="n", to=[]), "0 values of a knob"),
        (lambda: charts.bars({"a": 1}, sets="n", to=['"']), "cannot be set to"),
        (lambda: charts.heat_map([[1]], sets="n", to=[[1, 2]]), "do not fit a matrix"),
        (lambda: charts.columns(X, X, colour="mauve"), "a colour is one of"),
        (lambda: charts.field(X, X[:2], GRID), "are no grid of values"),
        (lambda: charts.field(X, X**2, GRID), "rise in equal steps"),
        (lambda: charts.contour(X, X, GRID, colour="mauve"), "a colour is one of"),
        (lambda: charts.pairs(np.eye(3)[:2]), r"keep must be \(T, T\)"),
        (lambda: charts.lines(X, {"a": X}, bands={"b": (X, X)}), "'b', which is no"),
        (
            lambda: charts.heat_map(np.ones((0, 2))),
            r"needs a matrix, got shape \(0, 2\)",
        ),
        (lambda: charts.heat_map(X), r"needs a matrix, got shape \(4,\)"),
        (lambda: charts.heat_map(np.eye(2), rows="abc"), "3 row names for a matrix"),
    ],
)
def test_a_chart_refuses_what_does_not_fit_together(call, message):
    with pytest.raises(ValueError, match=message):
        call()
