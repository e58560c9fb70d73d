"""Recorded runs of knobs: how they are made with the book, and what a reader sees of them."""

import json

import nbformat
import pytest

from book._ext.build import build
from book._ext.execution import fingerprint, recorded_runs
from book._ext.live import knob_elements, knobs
from book._ext.page import figures_on_page
from tests.support import knob_book
from tests.support.live_reader import Reader
from tests.support.paths import AXE
from tests.support.seeded_book import HEADER, code, seed
from tests.support.serving import serving
from tests.support.waiting import settle
from unrolled.drawing import charts

# --- How they are made --------------------------------------------------------------------------

STEPS = {"name": "step", "from": 0, "to": 2, "step": 1, "recorded": True}
CELL = "step = 1\nx = step\ncharts.bars({'a': x})  # the last"


def cell_of(text, *knob):
    cell = nbformat.v4.new_code_cell(text)
    if knob:
        cell.metadata["knobs"] = list(knob)
    return cell


def opened(text):
    """Returns the frames of a recorded run, each part in its places."""
    found = json.loads(text)
    parts = []

    def whole(value):
        if isinstance(value, list):
            return [whole(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if "part" in value:
            return parts[value["part"]]
        return {name: whole(inner) for name, inner in value.items()}

    for part in found["parts"]:
        parts.append(whole(part))
    return whole(found["frames"])


def test_a_copy_of_the_cell_runs_with_each_value_and_the_cell_comes_last():
    own = [cell_of("y = 1"), cell_of(CELL, STEPS), cell_of("z = 1")]
    cells = recorded_runs.with_copies(own)
    assert [cell for cell in cells if "recorded_value" not in cell.metadata] == own
    firsts = [cell.source.split("\n")[0] for cell in cells]
    assert firsts == ["y = 1", *(f"step = {k}" for k in range(3)), "step = 1", "z = 1"]


def test_a_cell_ends_in_the_description_of_its_chart():
    text = "x = 1\ncharts.bars(\n    {'a': x},\n)  # the last"
    ending = recorded_runs.described(text)
    assert ending == "x = 1\n(charts.bars(\n    {'a': x},\n)  # the last\n).to_json()"
    assert eval(ending.partition("\n")[2], {"charts": charts, "x": 1}).startswith("{")
    assert recorded_runs.described("step = 1\nx = step") is None


def test_what_the_copies_showed_is_kept_with_the_cell():
    text = "step = 1\nx = step\ncharts.bars(\n{'a': x})"
    cells = recorded_runs.with_copies([cell_of("y = 1"), cell_of(text, STEPS)])
    for number, cell in enumerate(cells, start=1):
        cell.execution_count = number
        if "recorded_value" in cell.metadata:
            names = {"charts": charts}
            head, last = cell.source.split("\n(", 1)
            exec(head, names)
            shown = {"text/plain": repr(eval("(" + last, names))}
            printed = nbformat.v4.new_output("stream", name="stdout", text="said\n")
            cell.outputs = [printed, nbformat.v4.new_output("execute_result", shown)]
    first, cell = own = recorded_runs.without_copies(cells)
    assert [part.execution_count for part in own] == [1, 2]
    assert "recorded_run" not in first.metadata
    frames = opened(cell.metadata["recorded_run"])
    assert [(f["value"], f["said"]) for f in frames] == [(v, "said\n") for v in "012"]
    for x, frame in enumerate(frames):
        assert frame["chart"] == json.loads(charts.bars({"a": x}).to_json())


def test_a_copy_that_failed_leaves_no_run():
    cells = recorded_runs.with_copies([cell_of(CELL, STEPS)])
    cells[0].outputs = [
        nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    ]
    (cell,) = recorded_runs.without_copies(cells)
    assert "recorded_run" not in cell.metadata


def test_a_long_part_stands_once():
    matrix = [[k / 7 for k in range(30)] for _ in range(2)]
    frames = [
        {"value": str(k), "said": "", "chart": {"matrix": matrix}} for k in (1, 2)
    ]
    written = recorded_runs.written(frames)
    assert opened(written) == frames
    assert written.count(json.dumps(matrix[0][-1])) == 1


def test_a_fingerprint_covers_the_recorded_values(tmp_path):
    reach = fingerprint.Reach(seed(tmp_path, {"page": "# Page\n"}))

    def of(knob, alt="A line."):
        head = f'---\nknobs:\n  - {knob}\nmystnb:\n  image: {{alt: "{alt}"}}\n---\n'
        return reach.fingerprint(HEADER + code("step = 1", head))

    recorded = of("{name: step, from: 0, to: 2, step: 1, recorded: true}")
    assert recorded != of("{name: step, from: 0, to: 3, step: 1, recorded: true}")
    same = of("{name: step, from: 0, to: 2, step: 1, recorded: true}", "Another.")
    assert recorded == same
    assert of("{name: step, from: 0, to: 2, step: 1}") == of(
        "{name: step, from: 0, to: 3, step: 1}"
    )


def test_bars_in_the_page_say_their_words_and_lengths():
    chart = charts.bars({"a & b": 0.25, "c": 0.5}, x_limits=(0, 1))
    found = figures_on_page.inline_bars(chart.to_json(), "Bars after <so>.")
    assert "<p>Bars after &lt;so&gt;.</p>" in found
    assert "<span>a &amp; b</span>" in found and "0.25</li>" in found
    (short, long) = (int(part.split("%")[0]) for part in found.split("width:")[1:])
    assert long == 2 * short - 1 or long == 2 * short
    whole = figures_on_page.inline_bars(charts.bars({"c": 3}).to_json(), "Bars.")
    assert "width:70%" in whole


def test_the_elements_of_a_recorded_knob():
    text = {"name": "said", "text": 20, "recorded": ["so", "so it's"]}
    made = knobs.read([text], "said = 'so'")
    live = knob_elements.box("cell-1", made, "abc.recorded.json")
    assert 'data-recorded="abc.recorded.json"' in live and "Run it yourself" in live
    assert "the knob <code>said</code> shows a recorded run" in live
    assert "[&quot;so&quot;, &quot;so it&#x27;s&quot;]" in live


# --- In a browser -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded_site(tmp_path_factory):
    build.npm_packages(build.ROOT)
    folder = knob_book.write(tmp_path_factory.mktemp("recorded"))
    assert build.run_sphinx(folder) == []
    with serving(folder / "_build/html") as address:
        yield address, folder / "_build/html"


@pytest.mark.slow
def test_the_notebook_of_a_page_has_its_outputs_alone(recorded_site):
    path = recorded_site[1] / "_sources/book/knobs.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) == len(knob_book.CELLS)
    assert "recorded_run" not in path.read_text("utf-8")
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    assert cells[8].outputs[0].text == "2 by 1\n"


@pytest.fixture
def opened_page(browser, recorded_site):
    with Reader(browser, recorded_site[0], "book/knobs.html") as page:
        yield page


IN_BROWSER = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("recorded"),
]


def in_browser(test):
    for mark in IN_BROWSER:
        test = mark(test)
    return test


class Box:
    """The box of a recorded knob."""

    def __init__(self, page, number, name):
        self.page, self.tab, self.number, self.name = page, page.page, number, name
        self.box = f".live-knobs[data-cell=cell-{number}]"
        self.input = self.tab.locator(f"#cell-{number}-{name}")

    def press(self, what):
        labels = {"Back": "one step back", "Forward": "one step forward"}
        label = f"{self.name}: {labels.get(what, what)}"
        self.tab.locator(self.box).get_by_label(label, exact=True).click()
        return self

    def wait_for(self, text):
        self.page.wait_for(text, f"{self.box} [role=status]")

    def shown(self):
        """Returns the numbers of the chart that is shown, and what is printed with it."""
        chart = f"#cell-{self.number} .live-chart"
        self.tab.wait_for_selector(chart)
        texts = self.tab.locator(f"{chart} g[data-mark=text] text").all_text_contents()
        said = self.tab.locator(f"{chart} > .live-output").all_text_contents()
        return texts, "".join(said)


def python_files(page):
    asked = [url.rsplit("/live/")[-1] for url in page.requests if "/live/" in url]
    others = ("before_python.js", "recorded.js", "knobs.js", "charts.js")
    return [name for name in asked if not name.endswith((".json", *others))]


@in_browser
def test_a_recorded_run_is_shown_without_python(opened_page):
    height = Box(opened_page, 9, "height")
    assert "Until Python is started, the knob height" in opened_page.page.inner_text(
        height.box
    )
    assert not [url for url in opened_page.requests if "_charts" in url]
    height.press("Forward")
    height.wait_for(
        "height is 3, from a recorded run. “Run it yourself” starts Python."
    )
    assert height.shown() == (["1.00", "3.00"], "3 by 1\n")
    height.press("Back").press("Back")
    height.wait_for("height is 1,")
    assert height.shown() == (["1.00", "1.00"], "1 by 1\n")
    height.input.fill("0")
    height.wait_for("height is 0,")
    assert height.shown()[1] == "0 by 1\n"
    tab = opened_page.page
    assert tab.locator("#cell-9 .live-chart").count() == 1
    assert tab.locator("#cell-9 :is(img, .output.stream):visible").count() == 0
    assert python_files(opened_page) == [] and opened_page.troubles == []


@in_browser
def test_play_goes_through_a_recorded_run_and_begins_again(opened_page):
    sentence = Box(opened_page, 11, "sentence")
    sentence.press("Play")
    sentence.wait_for("sentence is “we see it”, from a recorded run.")
    opened_page.page.locator(f"{sentence.box} >> text=Play").wait_for()
    sentence.press("Play")
    sentence.wait_for("sentence is “we”,")
    sentence.press("Pause")
    assert sentence.input.input_value() in ("we", "we see")
    assert python_files(opened_page) == []


@in_browser
def test_with_reduced_motion_a_recorded_run_is_stepped_through(browser, recorded_site):
    with Reader(
        browser, recorded_site[0], "book/knobs.html", reduced_motion="reduce"
    ) as page:
        assert page.page.locator(".live-run:visible").count() == 0
        sentence = Box(page, 11, "sentence")
        sentence.press("Back")
        sentence.wait_for("sentence is “we”,")
        sentence.press("Back")  # there is nothing before it
        sentence.press("Forward").press("Forward").press("Forward")
        sentence.wait_for("sentence is “we see it”,")


@in_browser
def test_python_takes_over_at_the_value_that_is_shown(opened_page):
    height, tab = Box(opened_page, 9, "height"), opened_page.page
    height.press("Play")
    height.wait_for("height is 3, from a recorded run.")
    tab.click(f"{height.box} .live-own")
    height.wait_for("height is 3. The figure is drawn again. Cell 10 ran as well.")
    assert opened_page.cell(9).text().splitlines()[2] == "height = 3"
    assert opened_page.cell(9).output == "3 by 1\n"
    assert opened_page.cell(10).output == "the last height is 3\n"
    assert height.shown()[0] == ["1.00", "3.00"]
    assert tab.locator(".live-own").count() == 0
    assert tab.evaluate("document.activeElement.id") == "cell-9-height"
    Box(opened_page, 11, "sentence").press("Play")  # Python plays it
    opened_page.wait_for(
        "sentence is “we see it”. The figure is drawn again.",
        "[data-cell=cell-11] [role=status]",
    )
    assert 'sentence = "we see it"' in opened_page.cell(11).text()
    tab.locator(height.box).get_by_text("Reset").click()
    height.wait_for("height is 2, width is 1.")
    assert opened_page.troubles == []


@in_browser
def test_what_was_not_recorded_starts_python(opened_page):
    height = Box(opened_page, 9, "height")
    height.press("Back")
    height.wait_for("height is 1, from a recorded run.")
    opened_page.page.locator("#cell-9-width").fill("2")
    height.wait_for("height is 1, width is 2. The figure is drawn again.")
    assert opened_page.cell(9).output == "1 by 2\n"


@in_browser
def test_a_text_that_was_not_recorded_starts_python(opened_page):
    sentence = Box(opened_page, 11, "sentence")
    sentence.input.fill("we know")
    sentence.wait_for("sentence is “we know”. The figure is drawn again.")


@in_browser
def test_bars_in_the_page_give_way_to_a_recorded_run_and_to_python(opened_page):
    said, tab = Box(opened_page, 12, "said"), opened_page.page
    bars = "#cell-12 .chart-bars"
    assert tab.inner_text(f"{bars} li") == "so\n0.50"
    assert tab.locator("#cell-12 img").count() == 0
    said.press("Forward")
    assert said.shown()[0] == ["0.20", "0.20"]
    assert said.input.input_value() == "so it" and tab.is_hidden(bars)
    opened_page.ask().wait_until_ready()
    assert tab.is_hidden(bars)
    said.input.fill("so do I")
    said.wait_for("said is “so do I”. The figure is drawn again.")
    assert said.shown()[0] == ["0.14"] * 3 and tab.is_hidden(bars)
    tab.locator(said.box).get_by_text("Reset").click()
    said.wait_for("said is “so”.")
    assert said.shown()[0] == ["0.50"]
    assert opened_page.troubles == []


@in_browser
def test_a_recorded_run_that_does_not_come_is_said_and_can_be_asked_for_again(
    opened_page,
):
    height = Box(opened_page, 9, "height")
    opened_page.page.route("**/*.recorded.json", lambda route: route.abort())
    height.press("Back")
    height.wait_for("The recorded run did not come. Is there a connection?")
    opened_page.page.unroute("**/*.recorded.json")
    height.press("Back")
    height.wait_for("height is 0, from a recorded run.")


@in_browser
def test_axe_finds_nothing_in_a_recorded_run(browser, recorded_site):
    with Reader(browser, recorded_site[0], "book/knobs.html", has_touch=True) as page:
        Box(page, 9, "height").press("Back").wait_for("height is 1,")
        Box(page, 12, "said").press("Forward").shown()
        page.page.evaluate(AXE.read_text("utf-8"))
        for width in (390, 1280):
            page.page.set_viewport_size({"width": width, "height": 800})
            settle(page.page)
            for box in ("#cell-9", "#cell-12"):
                found = page.page.evaluate(f"axe.run('{box}', {{preload: false}})")
                assert [
                    (v["id"], v["nodes"][0]["html"]) for v in found["violations"]
                ] == []
            assert page.page.evaluate("document.documentElement.scrollWidth") <= width
