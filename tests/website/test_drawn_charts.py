"""Charts as the page draws them, with Observable Plot, in a browser without the built site."""

import json

import numpy as np
import pytest

from book._ext.live import editor_bundle, live_files
from book._ext.source import node
from unrolled.drawing import charts, style

pytestmark = pytest.mark.slow
X = np.arange(1, 5)


def computed(expression, *charts_given):
    """What the script of the page computes in node; `c` is the list of the charts given."""
    script = (editor_bundle.charts() / "charts.js").as_uri()
    given = f"[{','.join(made.to_json() for made in charts_given)}]"
    code = (
        f"import * as charts from {json.dumps(script)}; const c = {given};"
        f"console.log(JSON.stringify({expression}));"
    )
    return json.loads(node.run([node.NODE, "--input-type=module", "--eval", code]))


def numbers(made):
    return computed("charts.numbers(c[0].panels[0])", made)


def test_the_numbers_of_curves_have_columns_for_bands_and_levels():
    run = charts.line(X[:2], X[:2], "run", "grey", labelled=False)
    made = charts.lines(
        X,
        {"a": X**2},
        "steps",
        "",
        {"chance": 0.5},
        bands={"a": (X, X**3)},
        marks=[run],
    )
    heads, rows = numbers(made)
    assert heads == ["steps", "run", "a", "a, low", "a, high", "chance"]
    assert rows[1] == [2, 2, 4, 2, 8, 0.5]
    assert rows[3] == [4, None, 16, 4, 64, 0.5]


def test_the_numbers_of_points_have_a_row_for_each():
    dots = charts.points([2, 1, 1], [5, 6, 7], "a")
    assert numbers(charts.panel([dots], "$x$", "y")) == [
        ["", "x", "y"],
        [["a", 2, 5], ["a", 1, 6], ["a", 1, 7]],
    ]


def test_the_numbers_of_bars_columns_cells_and_fields():
    bars = charts.bars({"a": 2, "b": 1}, "size", {"chance": 1.5})
    assert numbers(bars) == [["", "size", "chance"], [["a", 2, 1.5], ["b", 1, 1.5]]]
    assert numbers(charts.columns([1, 2], [3, 4], "x", "n")) == [
        ["x", "n"],
        [[1, 3], [2, 4]],
    ]
    assert numbers(charts.heat_map([[1, 2]], ["r"], ["a", "b"])) == [
        ["", "a", "b"],
        [["r", 1, 2]],
    ]
    field = charts.field([0, 1], [0, 2], [[1, 2], [3, 4]], "", "w", "b")
    assert numbers(field) == [["b \\ w", "0", "1"], [[0, 1, 2], [2, 3, 4]]]


def test_a_contour_runs_where_the_level_is():
    grid = np.linspace(-2, 2, 41)
    circle = charts.contour(grid, grid, grid**2 + grid[:, None] ** 2, 0.955)
    pieces = computed(
        "charts.crossings(c[0].panels[0].marks[0])", charts.panel([circle])
    )
    ends = np.array(pieces).reshape(-1, 2)
    np.testing.assert_allclose(np.linalg.norm(ends, axis=1), 0.955**0.5, atol=2e-3)
    found, often = np.unique(ends.round(9), axis=0, return_counts=True)
    assert len(found) > 40 and set(often) == {2}  # a closed curve


def test_a_logarithmic_axis_has_few_plain_numbers():
    long, short, huge = computed("[[1e-9, 2], [0.3, 3], [1, 1e20]].map(charts.powers)")
    assert long == [10.0**k for k in range(-9, 1, 2)]
    assert short == [0.5, 1, 2]
    assert len(huge) <= 8
    assert computed("[1e-9, 0.01, 200, 2e6].map(charts.power)") == [
        "10⁻⁹",
        "0.01",
        "200",
        "2·10⁶",
    ]


# --- In a browser -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty_page(browser):
    page = browser.new_page(viewport={"width": 900, "height": 700})
    page.add_script_tag(
        content=(editor_bundle.charts() / "charts.js").read_text("utf-8"), type="module"
    )
    yield page
    page.close()


@pytest.fixture
def draws(empty_page):
    """Draws a chart in an empty page, and returns the page."""
    code = (editor_bundle.charts() / "charts.js").read_text("utf-8")

    def draw(made, **settings):
        empty_page.set_content("<main style='width: 800px'></main>")
        settings = {"label": "figure", "palette": live_files.shades(), **settings}
        empty_page.evaluate(
            """async ([code, json, settings]) => {
              const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
              const { draw } = await import(url);
              document.querySelector("main").append(draw(JSON.parse(json), settings));
            }""",
            [code, made.to_json(), settings],
        )
        return empty_page

    return draw


def count(page, selector):
    return page.locator(f".live-chart {selector}").count()


@pytest.mark.browser
def test_each_kind_of_mark_is_drawn(draws):
    run = charts.line(X, X, "run", "grey", dash="dotted", labelled=False)
    ring = charts.points(X, X, "ring", marker="cross")
    text = charts.note(1, 2, "a $W_h$ note", side="above", angle=30)
    grid = charts.contour(X, X, np.outer(X, X), 5)
    page = draws(charts.lines(X, {"a": X}, marks=[run, ring, text, grid]))
    assert count(page, '[aria-label="line"]') == 2
    assert count(page, '[aria-label="dot"] path') == 4
    assert count(page, '[aria-label="link"] path') > 2
    assert (
        page.get_by_text("a W_h note")
        .get_attribute("transform")
        .endswith("rotate(-30)")
    )
    assert page.get_by_text("ring", exact=True).count() == 1
    assert page.get_by_text("run", exact=True).count() == 0
    page = draws(charts.bars({"a": 2, "b": 1}, "size", {"level": 1.5}, number=".1f"))
    assert count(page, '[aria-label="rect"] rect') == 2
    for written in ("2.0", "1.0", "level", "a", "b"):
        assert page.get_by_text(written, exact=True).count()
    page = draws(charts.columns(X, X))
    assert count(page, '[aria-label="rect"] rect') == 4
    page = draws(charts.field(X, X, np.outer(X, X), "u"))
    assert count(page, '[aria-label="raster"] image') == 1
    page = draws(charts.heat_map(np.eye(3), number=".1f", bar=False))
    assert count(page, '[aria-label="rect"] rect') == 9
    assert page.get_by_text("1.0", exact=True).count() == 3
    assert not page.locator("figure").count()


@pytest.mark.browser
def test_the_two_renderers_give_a_signed_cell_the_same_colour(draws):
    page = draws(charts.heat_map([[-1.0, 1.0]], signed=True))
    low, high = page.locator('[aria-label="rect"] rect').evaluate_all(
        "cells => cells.map((cell) => getComputedStyle(cell).fill.match(/\\d+/g).map(Number))"
    )
    import matplotlib as mpl

    for shown, end in ((low, 0.0), (high, 1.0)):
        expected = np.array(mpl.colormaps[style.DIVERGING](end)[:3]) * 255
        np.testing.assert_allclose(shown, expected, atol=6)


@pytest.mark.browser
def test_points_beyond_the_limits_are_left_out(draws):
    dots = charts.points([1, 2, 9], [1, 2, 9], "a")
    page = draws(charts.panel([dots], x_limits=(0, 4), y_limits=(4, 0)))
    assert count(page, '[aria-label="dot"] circle') == 2
    page = draws(charts.panel([dots], y_limits=(0, None)))
    assert count(page, '[aria-label="dot"] circle') == 3


@pytest.mark.browser
def test_a_legend_stands_above_the_panels_with_each_name_once(draws):
    left = charts.lines(X, {"a": X, "b": X}, legend=True)
    right = charts.lines(X, {"b": X, "c": X}, legend=True)
    page = draws(charts.beside(left, right))
    assert page.locator(".live-chart-legend li").all_inner_texts() == ["a", "b", "c"]
    assert "a" not in page.locator("svg text").all_text_contents()


@pytest.mark.browser
def test_a_panel_is_no_wider_than_its_room_and_equal_axes_are_equal(draws):
    dots = charts.points(X, X, "a")
    page = draws(charts.panel([dots], equal=True, width=6), room=350)
    size = page.locator(".live-chart-panel svg").bounding_box()
    assert size["width"] <= 350
    places = page.locator('[aria-label="dot"] circle').evaluate_all(
        "dots => dots.map((dot) => [dot.getBoundingClientRect().x, dot.getBoundingClientRect().y])"
    )
    (x, y), *_, (last_x, last_y) = places
    assert abs((last_x - x) - (y - last_y)) < 1
