"""Charts: what they describe, and what they refuse."""

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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: charts.lines(X, {"a": X[1:]}), r"curve 'a': x has shape \(4,\)"),
        (lambda: charts.lines(X, {"a": X * np.nan}), "curve 'a' has no finite value"),
        (lambda: charts.lines(X, {"a": X}, y_scale="logit"), "'linear' or 'log'"),
        (lambda: charts.lines(X, {"a": X}, bands={"b": (X, X)}), "'b', which is no"),
        (lambda: charts.heat_map(X), r"needs a matrix, got shape \(4,\)"),
        (lambda: charts.heat_map(np.eye(2), rows="abc"), "3 row names for a matrix"),
    ],
)
def test_a_chart_refuses_what_does_not_fit_together(call, message):
    with pytest.raises(ValueError, match=message):
        call()
