"""Charts as Matplotlib draws them."""

import numpy as np

from unrolled.drawing import charts, matplotlib_charts, style

X = np.arange(1, 5)


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
