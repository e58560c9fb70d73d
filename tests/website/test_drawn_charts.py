"""Charts and diagrams as the page draws them, in a browser without the built site."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from book._ext.live import editor_bundle, live_files
from book._ext.page import figures_on_page
from book._ext.source import node
from tests.support import serving
from tests.support.paths import AXE, ROOT
from unrolled.drawing import (
    cell_graph,
    charts,
    diagrams,
    graph,
    matplotlib_charts,
    matplotlib_sketches,
    style,
)
from unrolled.drawing.sketch import Box, Ellipse, Path, Sketch, Text

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


def test_the_numbers_become_a_file():
    made = charts.bars({'a, "b"': 2, "c": np.nan}, "size")
    lines = computed("charts.csv(c[0].panels[0])", made).split("\r\n")
    assert lines == [",size", '"a, ""b""",2', "c,", ""]


def test_arrow_keys_lead_along_a_curve_and_to_the_nearest_point_of_the_next():
    made = charts.lines({"a": X, "b": [3, 4, 6]}, {"a": X, "b": X[:3]})

    def led(at, key):
        found = computed(
            f"charts.step(charts.series(c[0].panels[0]), {json.dumps(at)}, '{key}')",
            made,
        )
        return found["of"], found["at"]

    start, end = {"of": 0, "at": 0}, {"of": 0, "at": 3}
    assert led(start, "ArrowRight") == (0, 1) and led(start, "ArrowLeft") == (0, 0)
    assert led(end, "ArrowRight") == (0, 3) and led(start, "End") == (0, 3)
    assert led(end, "ArrowDown") == (1, 1) and led(start, "ArrowUp") == (0, 0)
    assert led(end, "Home") == (0, 0)


def test_a_formula_is_written_without_the_signs_of_tex():
    written = r"['$\\log_{10}\\ \\|W_h\\|$', '$x^2$ and $\\partial h_t$'].map(charts.plainText)"
    assert computed(written) == ["log₁₀ ‖W_h‖", "x² and ∂h_t"]


def pieces(label):
    """(text, how it is raised, whether it is in italics) of each piece of a label."""
    found = computed(f"charts.pieces({json.dumps(label)})")
    return [(piece["text"], piece["raised"], piece["italic"]) for piece in found]


def test_indices_and_letters_of_a_formula_are_set_apart():
    assert pieces("step $W_h^\\top$") == [
        ("step ", 0, False),
        ("W", 0, True),
        ("h", -1, True),
        ("⊤", 1, False),
    ]
    assert pieces("$h_{t-1}^{(2)}$") == [
        ("h", 0, True),
        ("t", -1, True),
        ("−1", -1, False),
        ("(2)", 1, False),
    ]
    assert pieces(r"$\overrightarrow{h}_{3}$") == [
        ("h\u20d7", 0, True),
        ("3", -1, False),
    ]
    assert pieces(r"$-\log p_t - \mathrm{onehot}$")[0] == ("−", 0, False)
    upright = [text for text, _, is_italic in pieces(r"$\log\,p$") if not is_italic]
    assert "".join(upright).strip() == "log"


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
    assert count(page, '[data-mark="line"]') == 2
    assert count(page, '[data-mark="dot"] path') == 4
    assert count(page, '[data-mark="link"] path') > 2
    assert (
        page.get_by_text("a W_h note")
        .get_attribute("transform")
        .endswith("rotate(-30)")
    )
    assert page.get_by_text("ring", exact=True).count() == 1
    assert page.get_by_text("run", exact=True).count() == 0
    page = draws(charts.bars({"a": 2, "b": 1}, "size", {"level": 1.5}, number=".1f"))
    assert count(page, '[data-mark="rect"] rect') == 2
    for written in ("2.0", "1.0", "level", "a", "b"):
        assert page.get_by_text(written, exact=True).count()
    page = draws(charts.columns(X, X))
    assert count(page, '[data-mark="rect"] rect') == 4
    page = draws(charts.field(X, X, np.outer(X, X), "u"))
    assert count(page, '[data-mark="raster"] image') == 1
    page = draws(charts.heat_map(np.eye(3), number=".1f", bar=False))
    assert count(page, '[data-mark="rect"] rect') == 9
    assert page.get_by_text("1.0", exact=True).count() == 3
    assert not page.locator("figure").count()
    page = draws(charts.heat_map(np.eye(3)))
    assert page.get_by_role("img").locator("rect").count() == 9  # not its colour bar


@pytest.mark.browser
def test_the_two_renderers_give_a_signed_cell_the_same_colour(draws):
    page = draws(charts.heat_map([[-1.0, 1.0]], signed=True))
    low, high = page.locator('[data-mark="rect"] rect').evaluate_all(
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
    assert count(page, '[data-mark="dot"] circle') == 2
    page = draws(charts.panel([dots], y_limits=(0, None)))
    assert count(page, '[data-mark="dot"] circle') == 3


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
    places = page.locator('[data-mark="dot"] circle').evaluate_all(
        "dots => dots.map((dot) => [dot.getBoundingClientRect().x, dot.getBoundingClientRect().y])"
    )
    (x, y), *_, (last_x, last_y) = places
    assert abs((last_x - x) - (y - last_y)) < 1


@pytest.mark.browser
def test_arrow_keys_announce_values_and_show_where_they_are(draws):
    page = draws(charts.lines(X, {"a": X, "b": X**2}))
    panel = page.locator(".live-chart-panel")
    panel.focus()
    for key, says in (
        ("ArrowRight", "a: 1, 1"),
        ("ArrowRight", "a: 2, 2"),
        ("ArrowDown", "b: 2, 4"),
    ):
        page.keyboard.press(key)
        assert page.locator("[aria-live=polite]").inner_text() == says
    ring = page.locator("svg > circle[visibility=visible]")
    line = page.locator('[data-mark="line"] path').nth(1).bounding_box()
    circle = ring.bounding_box()
    share = (circle["x"] + circle["width"] / 2 - line["x"]) / line["width"]
    assert abs(share - 1 / 3) < 0.02  # the second of four points
    page.keyboard.press("Tab")
    assert page.locator("svg > circle[visibility=visible]").count() == 0


@pytest.mark.browser
def test_the_numbers_can_be_downloaded(draws):
    both = charts.beside(charts.lines(X, {"a": X}), charts.lines(X, {"b": X**2}))
    page = draws(both, file="fig-two")
    page.get_by_text("Show the numbers").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="numbers of Panel 2 as CSV").click()
    assert waiting.value.suggested_filename == "fig-two-2.csv"
    text = pathlib.Path(waiting.value.path()).read_text("utf-8")
    assert text.split() == ["x,b", "1,1", "2,4", "3,9", "4,16"]


DIAGRAM = Sketch(
    (
        Path(((1, 1), (3, 1), (5, 1, 5, 3)), "bent", "vermilion", head=True),
        Path(((0, 0), (1, 0), (1, 0.5)), "area", "blue", "pale"),
        Box(1, 2, 1.0, 0.5, "box", "blue", dash="dashed", corner=0.1),
        Ellipse(3, 2, 1.0, 0.5, "ring", fill=""),
        Text(1, 2, "$W_h$"),
        Text(6, 2, "far to the right", "grey", 10, "right", 4),
        Text(3, 3, "up", side="above", angle=30),
    ),
    6,
    4,
    1.0,
)


def test_the_picture_of_a_diagram_is_told_from_that_of_a_chart(tmp_path):
    svg = matplotlib_sketches.svg(DIAGRAM)
    picture = tmp_path / "abc.svg"
    assert figures_on_page.put_description(svg, picture, tmp_path) == "sketch"
    described = (tmp_path / "_charts/abc.json").read_text("utf-8")
    assert described == DIAGRAM.to_json()
    # The page is written again, from a picture without its description.
    bare = figures_on_page.without_description(svg)
    assert figures_on_page.put_description(bare, picture, tmp_path) == "sketch"
    other = tmp_path / "other.svg"
    assert figures_on_page.put_description(bare, other, tmp_path) is None


@pytest.mark.browser
def test_each_shape_of_a_diagram_is_drawn_where_its_description_says(draws):
    page = draws(DIAGRAM)
    boxes = page.evaluate(
        """() => {
          const named = [...document.querySelectorAll("[data-name]")];
          const sizes = ({ x, y, width, height }) => [x, y, width, height];
          return Object.fromEntries(named.map((e) => [e.dataset.name, sizes(e.getBBox())]));
        }"""
    )
    inch = 96
    assert boxes["box"] == pytest.approx([0.5 * inch, 1.75 * inch, inch, inch / 2])
    assert boxes["ring"] == pytest.approx([2.5 * inch, 1.75 * inch, inch, inch / 2])
    assert boxes["area"] == pytest.approx([0, 3.5 * inch, inch, inch / 2])
    x, y, width, height = boxes["bent"]
    assert (x, y + height) == pytest.approx((inch, 3 * inch))
    assert x + width == pytest.approx(5 * inch, abs=2)
    assert 0 < y - inch < 4  # the line ends where its arrowhead has its tip
    dashes = page.locator('[data-name="box"]').get_attribute("stroke-dasharray")
    assert len(dashes.split(",")) == 2
    assert (
        page.locator("text").nth(2).get_attribute("transform").endswith("rotate(-30)")
    )


@pytest.mark.browser
def test_a_diagram_has_room_for_its_texts_and_is_no_wider_than_its_column(draws):
    page = draws(DIAGRAM)
    picture = page.get_by_role("img", name="figure").bounding_box()
    assert picture["width"] <= 800
    for text in page.locator("text").all():
        box = text.bounding_box()
        assert picture["x"] < box["x"]
        assert box["x"] + box["width"] < picture["x"] + picture["width"]
    page.evaluate("document.querySelector('main').style.width = '300px'")
    narrow = page.get_by_role("img", name="figure").bounding_box()
    assert narrow["width"] <= 300
    ratio = picture["height"] / picture["width"]
    assert narrow["height"] / narrow["width"] == pytest.approx(ratio, rel=0.01)


@pytest.mark.browser
def test_a_diagram_follows_the_theme_and_says_what_is_written_in_it(draws):
    page = draws(DIAGRAM)
    box = page.locator('[data-name="box"]')

    def shades():
        return box.evaluate(
            "e => [getComputedStyle(e).stroke, getComputedStyle(e).fill]"
        )

    light = shades()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = shades()
    page.evaluate("delete document.documentElement.dataset.theme")
    rgb = [
        [
            f"rgb({', '.join(str(int(c[i : i + 2], 16)) for i in (1, 3, 5))})"
            for c in pair
        ]
        for pair in (
            (style.COLOURS["blue"], style.GROUND),
            (style.DARK[style.COLOURS["blue"]], style.DARK[style.GROUND]),
        )
    ]
    assert [light, dark] == rgb
    assert "W_h, far to the right, up" in page.locator("desc").text_content()
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run('.live-chart')")["violations"]
    assert [fault["id"] for fault in found] == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "made",
    [
        diagrams.diagram(graph.rolled()),
        diagrams.cell_diagram(cell_graph.PEEPHOLE_LSTM, highlight={"i", "f"}),
    ],
    ids=["graph", "cell"],
)
def test_the_book_s_diagrams_are_drawn_whole(draws, made):
    page = draws(made)
    named = [shape for shape in made.shapes if not isinstance(shape, Text)]
    outlines = page.locator(".live-sketch svg :is(rect, ellipse, path)")
    heads = sum(isinstance(shape, Path) and shape.head for shape in named)
    assert outlines.count() == len(named) + heads
    written = sum(isinstance(shape, Text) for shape in made.shapes)
    assert page.locator(".live-sketch svg text").count() == written


@pytest.mark.browser
@pytest.mark.parametrize(
    "made",
    [charts.bars({"a": 2}, "size"), charts.heat_map([[1, 2]], ["r"], ["a", "b"])],
)
def test_axe_finds_nothing_in_a_table_with_names_of_rows(draws, made):
    page = draws(made)
    page.get_by_text("Show the numbers").click()
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run('.live-numbers')")["violations"]
    assert [fault["id"] for fault in found] == []
    assert page.locator("thead tr > *").count() == page.locator("tbody td").count()


@pytest.fixture
def small_site(tmp_path):
    """A page with one picture of a chart, as the build makes it."""
    made = charts.lines(X, {"a": X**2})
    picture = tmp_path / "cells" / "abc.svg"
    picture.parent.mkdir()
    picture.write_text(matplotlib_charts.svg(made), "utf-8")
    described = picture.read_text("utf-8")
    assert figures_on_page.put_description(described, picture, tmp_path) == "chart"
    images, static = tmp_path / "_images", tmp_path / "_static"
    images.mkdir()
    shutil.copy(picture, images)
    shutil.copytree(editor_bundle.charts(), static / "live/charts-1")
    described = {
        "charts": "live/charts-1/charts.js",
        "scripts": "live/scripts-1/",
        "palette": live_files.shades(),
    }
    (static / "live/scripts-1").mkdir()
    shutil.copy(ROOT / "book/_live/numbers.js", static / "live/scripts-1")
    (static / "live/files.json").write_text(json.dumps(described), "utf-8")
    for name in ("chart-numbers.js", "live.css"):
        shutil.copy(ROOT / "book/_static" / name, static)
    twins = "".join(
        f'<img class="plot {name}" alt="a rises" src="_images/abc.svg">'
        for name in ("light-twin chart", "dark-twin")
    )
    (tmp_path / "index.html").write_text(
        "<!doctype html><meta charset=utf-8><link rel=stylesheet href=_static/live.css>"
        f"<main class=bd-article><figure id=fig-a>{twins}</figure></main>"
        "<script src=_static/chart-numbers.js></script>"
    )
    with serving.serving(tmp_path) as address:
        yield tmp_path, address


@pytest.mark.browser
def test_the_numbers_of_a_picture_come_when_asked_for(small_site, browser):
    site, address = small_site
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    assert not [url for url in asked if "_charts" in url or "live/" in url]
    page.get_by_text("Show the numbers").click()
    page.wait_for_selector("table")
    rows = page.locator("tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["1", "1"],
        ["2", "4"],
        ["3", "9"],
        ["4", "16"],
    ]
    assert page.locator("img.plot:visible").count() == 0
    assert page.get_by_role("img", name="a rises").count() == 1
    assert page.locator("summary:visible").count() == 1
    page.locator(".live-chart-panel").focus()
    page.keyboard.press("ArrowRight")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run('.live-chart')")["violations"]
    assert [fault["id"] for fault in found] == []
    page.close()


@pytest.mark.browser
def test_missing_numbers_are_said_to_be_missing_and_can_be_asked_for_again(
    small_site, browser
):
    site, address = small_site
    described = site / "_charts/abc.json"
    kept = described.read_text("utf-8")
    described.unlink()
    page = browser.new_page()
    page.goto(address)
    page.get_by_text("Show the numbers").click()
    page.get_by_text("The numbers did not come").wait_for(state="attached")
    assert page.locator("img.plot:visible").count() == 2
    described.write_text(kept, "utf-8")
    page.get_by_text("Show the numbers").click()
    page.wait_for_selector("table")
    page.close()
