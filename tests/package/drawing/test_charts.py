"""Charts: what they describe, their JSON, and what Matplotlib makes of them."""

import json

import numpy as np
import pytest

from unrolled.drawing import chart, charts, matplotlib_charts, style

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


def test_json_holds_the_numbers_and_null_for_what_is_not_finite():
    both = charts.beside(
        charts.lines(X[:3], {"a": [1 / 3, np.nan, np.inf]}),
        charts.heat_map(np.eye(2, dtype=int), columns=[7, 8], signed=True),
        width=7,
    )
    read = json.loads(both.to_json())
    line, cells = (panel["marks"][0] for panel in read["panels"])
    assert line["kind"] == "line" and line["y"] == [0.333333, None, None]
    assert line["x"] == [1, 2, 3]
    assert cells["kind"] == "cells" and cells["matrix"] == [[1, 0], [0, 1]]
    assert cells["columns"] == ["7", "8"] and cells["signed"] is True
    assert (read["width"], read["columns"]) == (7, 2)


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
    svg = made._repr_svg_()
    assert svg == made._repr_svg_()
    data = svg.partition('<metadata id="chart">')[2].partition("</metadata>")[0]
    data = data.replace("&lt;", "<").replace("&amp;", "&")
    assert data == made.to_json()
    assert repr(made) == "<Chart of 1 panel>"
