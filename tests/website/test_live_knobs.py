"""Knobs: what the build refuses, and their use in a browser, on a small book."""

import re
import time

import pytest

from book._ext.build import build
from book._ext.live import knobs, live_files, smaller_settings
from tests.support import knob_book
from tests.support.live_reader import Reader
from tests.support.paths import AXE
from tests.support.serving import serving
from tests.support.waiting import settle

# --- What the build reads -----------------------------------------------------------------------

SLIDER = {"name": "gain", "from": 1, "to": 20, "step": 0.5}
KIND = {"name": "kind", "choices": ["tanh", "relu"]}
CLIP = {"name": "clip", "checkbox": True}
TEXT = {"name": "words", "text": 8}
SERIES = {"name": "forget", "series": True, "from": 0, "to": 1, "step": 0.5}
RECORDED = {"recorded": True}


@pytest.mark.parametrize(
    ("metadata", "text", "built", "slider"),
    [
        (SLIDER, "gain = 5", "5", ("1", "20", "0.5")),
        (SLIDER, "x = 1\ngain = 20.0  # high\n", "20.0", ("1", "20", "0.5")),
        (SLIDER | {"from": -1, "step": 0.1}, "gain=-0.9", "-0.9", ("-1", "20", "0.1")),
        (KIND, "kind = 'tanh'", '"tanh"', None),
        (KIND | {"choices": [0.1, 1, None]}, "kind = 1", "1", None),
        (CLIP, "clip = False", "False", None),
        (TEXT, "words = 'don t'  # of them", "'don t'", None),
        (TEXT, 'words = ""', '""', None),
        (SERIES, "forget = (1.0, 0.5, 0)", "(1.0, 0.5, 0)", ("0", "1", "0.5")),
        (SERIES, "forget = [ 1, 0, ]  # all", "[ 1, 0, ]", ("0", "1", "0.5")),
        (SLIDER | {"play": True}, "gain = 5", "5", ("1", "20", "0.5")),
    ],
)
def test_a_knob_is_read_with_its_literal(metadata, text, built, slider):
    (knob,) = knobs.read([metadata], text)
    assert (knob.built, knob.slider) == (built, slider)


@pytest.mark.parametrize(
    ("metadata", "text", "message"),
    [
        (SLIDER, "other = 5", "no line `gain = …` of its own"),
        (SLIDER, "gain = other = 5", "no line `gain = …`"),
        (SLIDER, "if True:\n    gain = 5", "no line `gain = …`"),
        (SLIDER, "gain = 5\ngain = 6", "no line `gain = …`"),
        (SLIDER, "gain = f(5)", "no line `gain = …`"),
        (SLIDER, '"""\ngain = 5\n"""', "no line `gain = …`"),
        (SLIDER, "gain = 0.5", "outside its range from 1 to 20"),
        (SLIDER, "gain = 5.2", "do not both lie on steps of 0.5"),
        (SLIDER | {"to": 20.2}, "gain = 5", "do not both lie on steps of 0.5"),
        (SLIDER | {"to": 1}, "gain = 1", "the range of the knob gain is empty"),
        (SLIDER | {"to": "20"}, "gain = 1", "made of numbers, not 20"),
        (SLIDER, "gain = 'x'", "a slider sets a number"),
        (SLIDER, "gain = True", "a slider sets a number"),
        (SLIDER | {"choices": [5]}, "gain = 5", "needs from, to and step, or choices"),
        ({"name": "gain"}, "gain = 5", "needs from, to and step, or choices"),
        (KIND, "kind = 'sigmoid'", "not among its choices"),
        (KIND | {"choices": [[1]]}, "kind = 1", "a knob cannot set [1]"),
        (CLIP, "clip = 0", "a checkbox sets True or False"),
        ({"from": 1}, "gain = 5", "a knob needs a name"),
        (KIND | RECORDED, "kind = 'tanh'", "needs `recorded: true`, of a slider"),
        (SERIES | RECORDED, "forget = (0, 1)", "needs `recorded: true`, of a slider"),
        (SLIDER | {"recorded": [1]}, "gain = 5", "needs `recorded: true`, of a slider"),
        (SLIDER | RECORDED | {"step": 0.1}, "gain = 5", "191 steps, and at most 50"),
        (TEXT | RECORDED, "words = 'a'", "not among its recorded texts"),
        (TEXT | {"recorded": ["b"]}, "words = 'a'", "not among its recorded texts"),
        (TEXT | {"recorded": ["a", "nine char"]}, "words = 'a'", "more than 8 charact"),
        (TEXT | {"recorded": ["a", 'b"']}, "words = 'a'", "a knob cannot set 'b\"'"),
        (TEXT, "words = 5", "has at most 8 characters"),
        (TEXT, "words = 'nine char'", "has at most 8 characters"),
        (TEXT, "words = 'a \"b\"'", 'none of them "'),
        (TEXT, "words = 'a\\tb'", "no line `words = …`"),
        (TEXT | {"text": True}, "words = 'a'", "needs its most characters"),
        (SERIES, "forget = 0.5", "a series sets several numbers"),
        (SERIES, "forget = (0.5, 2)", "outside its range from 0 to 1"),
        (SERIES, "forget = (0.5, 0.2)", "do not both lie on steps of 0.5"),
        (SERIES, "forget = (0.5, half)", "no line `forget = …`"),
        (SERIES | {"play": True}, "forget = (0, 1)", "needs from, to and step, or"),
    ],
)
def test_a_knob_that_does_not_fit_its_cell_is_one_clear_line(metadata, text, message):
    with pytest.raises(knobs.KnobError, match="^[^\n]*$") as error:
        knobs.read([metadata], text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("metadata", "text", "recorded"),
    [
        (SLIDER | RECORDED | {"step": 9.5}, "gain = 1", ("1.0", "10.5", "20.0")),
        (SLIDER | RECORDED | {"to": 3, "step": 1}, "gain = 2", ("1", "2", "3")),
        (SLIDER | RECORDED | {"to": 2, "step": 1}, "gain = 2.0", ("1.0", "2.0")),
        (TEXT | {"recorded": ["", "a"]}, "words = ''", ('""', '"a"')),
        (SLIDER, "gain = 1", ()),
    ],
)
def test_the_recorded_values_are_literals_of_the_knob(metadata, text, recorded):
    (knob,) = knobs.read([metadata], text)
    assert knob.recorded == recorded
    for literal in recorded:
        changed = knobs.with_literal(knob.name, f"{text}  # so\nx = 1", literal)
        assert changed == f"{knob.name} = {literal}  # so\nx = 1"


def test_one_knob_of_a_cell_is_recorded():
    both = [SLIDER | RECORDED | {"step": 1}, TEXT | {"recorded": ["a"]}]
    with pytest.raises(knobs.KnobError, match="two knobs of one cell are recorded"):
        knobs.read(both, "gain = 5\nwords = 'a'")


def test_a_list_of_knobs_is_asked_for():
    with pytest.raises(knobs.KnobError, match="is no list"):
        knobs.read(SLIDER, "gain = 5")


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        (["gain = 5\nrng = default_rng(0)\nx = rng.normal()"], None),
        (["rng = default_rng(0)", "gain = 5\nx = rng.normal()"], "`rng` of cell 1"),
        (["x = []", "gain = 5", "x.append(gain)"], "`x` of cell 1"),
        (["x = []", "gain = 5", "x.append(1)"], None),  # it does not run again
    ],
)
def test_cells_that_run_again_change_nothing_of_others(texts, wrong):
    (index,) = (i for i, text in enumerate(texts) if "gain = 5" in text)
    found = knobs.changes_others(texts, index)
    assert found is None if wrong is None else wrong in found


# --- In a browser -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def knob_site(tmp_path_factory):
    build.npm_packages(build.ROOT)
    folder = knob_book.write(tmp_path_factory.mktemp("knobs"))
    assert build.run_sphinx(folder) == []
    with serving(folder / "_build/html") as address:
        yield address


@pytest.fixture
def opened(browser, knob_site):
    with Reader(browser, knob_site, "book/knobs.html") as page:
        yield page


@pytest.fixture(scope="module")
def running(browser, knob_site):
    """One page for the tests that leave its cells as they find them."""
    settings = {"reduced_motion": "reduce", "has_touch": True}
    with Reader(browser, knob_site, "book/knobs.html", **settings) as page:
        yield page.ask().wait_until_ready()
        assert page.troubles == []


class Knob:
    """A knob on a page."""

    def __init__(self, page, number, name):
        self.page = page
        self.input = page.page.locator(f"#cell-{number}-{name}")
        self.box = f".live-knobs[data-cell=cell-{number}]"

    def drag(self, *values):
        """Moves a slider without letting it go."""
        self.input.evaluate(
            """(input, values) => { for (const value of values) {
              input.value = value;
              input.dispatchEvent(new Event("input", { bubbles: true }));
            } }""",
            values,
        )

    def release(self):
        self.input.dispatch_event("change")

    def wait_for(self, text):
        self.page.wait_for(text, f"{self.box} [role=status]")

    def said(self):
        return self.page.page.inner_text(f"{self.box} [role=status]")

    def reset(self):
        self.page.page.click(f"{self.box} > button")


IN_BROWSER = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("knobs")]


def in_browser(test):
    for mark in IN_BROWSER:
        test = mark(test)
    return test


@in_browser
def test_a_knob_moved_at_first_starts_python_and_runs_what_depends_on_it(opened):
    asked = [url for url in opened.requests if "/live/" in url]
    knob = Knob(opened, 2, "gain")
    assert knob.input.is_visible() and asked == []
    knob.input.fill("7.5")
    assert opened.page.inner_text("#cell-2 output") == "7.5"
    knob.wait_for("gain is 7.5. The output is computed again. Cell 3 ran as well.")
    first, second, other = map(opened.cell, (2, 3, 4))
    assert first.output == "(22.5, 'tanh', False)\n"
    assert first.text().startswith("gain = 7.5  # of the input\n")
    assert second.output == "twice: 45.0\n"
    assert other.output == ""
    assert opened.troubles == []


# Keeps what the bar shows of the loading.
WATCH_LOADING = """() => {
  window.loading = { said: [], loaded: [] };
  const note = (list, text) => text && text !== list.at(-1) && list.push(text);
  const bar = document.querySelector(".live-bar");
  new MutationObserver(() => {
    note(loading.said, bar.querySelector("[role=status]").textContent);
    note(loading.loaded, bar.querySelector(".live-loaded")?.textContent);
  }).observe(bar, { childList: true, characterData: true, subtree: true });
}"""


@in_browser
def test_the_page_says_how_much_of_python_has_come(opened):
    opened.page.evaluate(WATCH_LOADING)
    opened.ask().wait_until_ready()
    seen = opened.page.evaluate("loading")
    files = opened.page.request.get(f"{opened.origin}/_static/live/files.json").json()
    total = f"{files['loads']['all'] / 1e6:.1f}"
    asked = ["Loading …", f"Loading Python, {total} MB …"]
    assert seen["said"] == [*asked, "Starting NumPy …", "Python is ready."]
    loaded = [float(text.removesuffix(" MB loaded")) for text in seen["loaded"]]
    assert loaded == sorted(loaded) and len(loaded) > 4
    assert abs(loaded[-1] - float(total)) < 0.15  # both are rounded
    counter = opened.page.locator(".live-loaded")
    assert counter.get_attribute("aria-hidden") == "true"
    assert counter.text_content() == ""
    assert opened.troubles == []


@in_browser
def test_a_knob_obeys_the_keyboard_and_keeps_the_focus(running):
    knob, cell = Knob(running, 2, "gain"), running.cell(2)
    knob.input.focus()
    running.page.keyboard.press("ArrowRight")
    knob.wait_for("gain is 5.5.")
    assert cell.output == "(16.5, 'tanh', False)\n"
    running.page.keyboard.press("End")
    knob.wait_for("gain is 20.")
    assert "gain = 20.0 " in cell.text()
    assert running.page.evaluate("document.activeElement.id") == "cell-2-gain"
    knob.reset()
    knob.wait_for("gain is 5, count is 3, kind is tanh, clip is False.")
    assert cell.output == "(15.0, 'tanh', False)\n"


@in_browser
def test_choices_and_checkboxes_write_their_literals(running):
    cell = running.cell(2)
    Knob(running, 2, "kind").input.select_option("relu")
    knob = Knob(running, 2, "clip")
    knob.wait_for("kind is relu.")
    knob.input.check()
    knob.wait_for("clip is True.")
    assert cell.output == "(15.0, 'relu', True)\n"
    assert 'kind = "relu"\nclip = True\n' in cell.text()
    Knob(running, 2, "count").input.fill("4")
    knob.wait_for("count is 4.")
    assert cell.output == "(20.0, 'relu', True)\n"  # a whole number stays one
    knob.reset()
    knob.wait_for("clip is False.")
    assert knob.input.is_checked() is False


@in_browser
def test_a_figure_follows_while_the_slider_moves(running):
    knob = Knob(running, 5, "slope")
    knob.drag(1.25, 1.5)
    knob.wait_for("slope is 1.5. The figure is drawn again.")
    chart = running.page.locator("#cell-5 .live-chart")
    assert chart.count() == 1 and chart.is_visible()  # though the code is folded
    assert running.page.locator("#cell-5 img:visible").count() == 0
    # What the book printed goes with the book's figure.
    printed = running.page.locator("#cell-5 :text('slope'):visible")
    assert printed.all_text_contents()[-1].endswith("slope 1.5\n")
    assert "slope 1.0" not in running.page.inner_text("#cell-5")
    values = [-2 + n / 4 for n in range(10)]
    knob.drag(*values)  # faster than it can be drawn: the last one is
    knob.release()  # on a busy machine, it would not be drawn before
    knob.wait_for("slope is 0.25. The figure is drawn again.")
    knob.reset()
    knob.wait_for("slope is 1.")
    assert chart.count() == 1


@in_browser
def test_a_slow_cell_runs_when_the_slider_is_let_go(running):
    knob, cell = Knob(running, 6, "pause"), running.cell(6)
    knob.input.fill("0.6")
    knob.wait_for("pause is 0.6. The output is computed again.")
    knob.drag(0.7)
    running.page.wait_for_timeout(1200)
    assert cell.output == "slept 0.6\n"
    knob.release()
    knob.wait_for("pause is 0.7. The output is computed again.")
    assert cell.output == "slept 0.7\n"


# Keeps what the clock beside a status shows, and what the status says.
WATCH_CLOCK = """([status, names]) => {
  const line = document.querySelector(status);
  const clock = line.parentElement.querySelector(":scope > .live-clock");
  const seen = (window[names] = { clock: [], said: [] });
  const note = (list, text) => text && text !== list.at(-1) && list.push(text);
  new MutationObserver(() => {
    note(seen.clock, clock.checkVisibility() && clock.textContent);
    note(seen.said, line.textContent);
  }).observe(line.parentElement, { childList: true, characterData: true, subtree: true });
}"""


@in_browser
def test_a_slow_cell_has_a_smaller_setting_and_says_so(running):
    built = running.page.locator("#cell-13 pre").first.text_content()
    assert built.startswith("epochs = 40")
    cell = running.cell(13)
    assert cell.text().startswith("epochs = 4\n")
    said = running.page.inner_text("#cell-13 .live-needs")
    assert said == (
        "In the page, this cell begins with epochs = 4, to end sooner. The book's output was "
        "computed with epochs = 40. In the page, this cell takes about 30 seconds."
    )
    cell.press("Run")
    assert cell.output == "4 epochs\n"
    cell.write("epochs = 40\nprint(epochs, 'of the book')")
    cell.press("Run")
    assert cell.output == "40 of the book\n"
    cell.press("Reset", wait=False)
    assert cell.text().startswith("epochs = 4\n")


@pytest.mark.parametrize(
    ("smaller", "message"),
    [
        ({}, "needs texts and what stands in their place"),
        (["epochs = 4"], "needs texts and what stands in their place"),
        ({"epochs = 50": "epochs = 5"}, "'epochs = 50', which stands 0 times in it"),
        ({"epochs": "e"}, "'epochs', which stands 2 times in it"),
        ({"epochs = 40": "epochs = "}, "with 'epochs = ' for 'epochs = 40'"),
        # the second replacement is one of the text that the first has made
        ({"epochs = 40": "epochs = 4", "= 40": "= 5"}, "'= 40', which stands 0 times"),
        ({"rate = 1": "rate = 2"}, "sets rate, as its knob does"),
        ({"rate = 1": "r = 1"}, "the knob rate has no line `rate = …` of its own"),
    ],
)
def test_a_smaller_setting_that_does_not_fit_is_one_clear_line(smaller, message):
    text = "epochs = 40\nrate = 1\nprint(epochs)"
    knob = {"name": "rate", "from": 1, "to": 3, "step": 1}
    with pytest.raises(ValueError, match=re.escape(message)):
        smaller_settings.in_the_page(text, {"in_the_page": smaller, "knobs": [knob]})


def test_smaller_settings_are_made_one_after_the_other():
    metadata = {"in_the_page": {"epochs = 40": "epochs = 4", "s = 4": "s = 5"}}
    made, smaller = smaller_settings.in_the_page("epochs = 40", metadata)
    assert made == "epochs = 5" and smaller == metadata["in_the_page"]


@in_browser
def test_a_run_shows_its_seconds_beside_the_status_and_says_them_at_its_end(running):
    cell, status = running.cell(4), "#cell-4 .live-buttons [role=status]"
    original = cell.text()
    cell.write("import time\ntime.sleep(2.2)\nprint('slept')")
    running.page.evaluate(WATCH_CLOCK, [status, "seen"])
    cell.press("Run")
    took = re.fullmatch(r"Ran in (\d+) s\.", cell.status)
    seen = running.page.evaluate("seen")
    assert seen["said"] == ["Running …", cell.status] and int(took[1]) >= 2
    assert seen["clock"][:2] == ["1 s", "2 s"]
    clock = running.page.locator("#cell-4 .live-clock")
    assert clock.get_attribute("aria-hidden") == "true"
    assert clock.text_content() == ""
    cell.write("print('at once')")
    cell.press("Run")
    assert cell.status == "Ran."
    cell.write(original)


@in_browser
def test_a_run_that_is_stopped_no_longer_counts(opened):
    opened.ask().wait_until_ready()
    cell, clock = opened.cell(4), opened.page.locator("#cell-4 .live-clock")
    cell.write("while True:\n    pass")
    cell.press("Run", wait=False)
    clock.filter(has_text="1 s").wait_for()
    cell.press("Stop")
    assert cell.status.startswith("Stopped.") and clock.text_content() == ""
    opened.page.wait_for_timeout(1200)
    assert clock.text_content() == ""


@in_browser
def test_a_run_that_follows_a_knob_shows_its_seconds_at_the_knob(running):
    knob, cell = Knob(running, 2, "count"), running.cell(2)
    cell.write(cell.text() + "\nimport time; time.sleep(1.4 * (count == 4))")
    running.page.evaluate(WATCH_CLOCK, [f"{knob.box} [role=status]", "atKnob"])
    knob.input.fill("4")
    knob.wait_for("count is 4. The output is computed again.")
    seen = running.page.evaluate("atKnob")
    assert seen["clock"][0] == "1 s" and "count is 4. Running …" in seen["said"]
    assert re.match(r"Ran in \d+ s", cell.status)
    cell.press("Reset", wait=False)
    knob.wait_for("count is 3,")


ENDLESS = "\nwhile count == 4:\n    pass"


@in_browser
def test_a_long_run_that_follows_a_knob_is_stopped_at_the_knob(opened):
    opened.ask().wait_until_ready()
    knob, cell = Knob(opened, 2, "count"), opened.cell(2)
    cell.write(cell.text() + ENDLESS)
    stop = opened.page.locator(knob.box).get_by_role("button", name="Stop cell 2")
    begun = time.monotonic()
    knob.input.focus()
    opened.page.keyboard.press("ArrowRight")
    knob.wait_for("count is 4. Running …")
    assert time.monotonic() - begun < 8 and stop.is_visible()
    stop.focus()
    opened.page.keyboard.press("Enter")
    knob.wait_for("count is 4. Stopped. Python starts again.")
    assert stop.count() == 0
    assert opened.page.evaluate("document.activeElement.id").startswith("cell-2-")
    opened.wait_until_ready()
    cell.press("Reset", wait=False)
    knob.wait_for("count is 3, kind is tanh, clip is False. The output is computed")
    assert opened.troubles == []


@in_browser
@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        ("WebAssembly", "This browser has WebAssembly switched off"),
        ("Worker", "This browser is too old to run Python in a page (it lacks workers"),
        ("DecompressionStream", "This browser is too old to run Python in a page"),
    ],
)
def test_what_python_lacks_is_said_at_the_cells_and_at_the_knob(
    browser, knob_site, lacks, said
):
    with Reader(browser, knob_site, "book/knobs.html", f"delete {lacks}") as page:
        page.ask()
        page.wait_for(said)
        knob = Knob(page, 5, "slope")
        assert knob.said() == ""
        knob.input.fill("2")
        knob.wait_for(said)
        assert page.page.locator("#cell-5 img.plot:visible").count() == 1
        assert not [url for url in page.requests if "pyodide" in url]
        assert page.troubles == []


BROKEN = """
class Broken:
    def to_json(self):
        return '{"panels": [{}], "columns": 1}'

slope = 1.0
Broken()"""


@in_browser
def test_a_chart_that_cannot_be_drawn_leaves_the_recorded_figure(running):
    knob, cell = Knob(running, 5, "slope"), running.cell(5)
    pictures = running.page.locator("#cell-5 img.plot:visible")
    running.page.click("#cell-5 summary")
    for slope in ("1.5", "1.75"):
        cell.write(BROKEN)
        knob.input.fill(slope)
        knob.wait_for(f"slope is {slope}. The output is computed again.")
        assert cell.output.startswith("The figure could not be drawn again: ")
        assert pictures.count() == 1
        assert running.page.locator("#cell-5 .live-chart").count() == 0
        cell.press("Reset", wait=False)
        knob.wait_for("slope is 1. The figure is drawn again.")
        assert pictures.count() == 0  # the next one fails after a chart
    running.page.click("#cell-5 summary")


def shade(colour):
    """A colour as a browser writes it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


@in_browser
def test_a_redrawn_chart_has_the_colours_of_the_theme(browser, knob_site):
    light, dark = live_files.shades()["blue"]
    settings = {"color_scheme": "dark"}
    with Reader(browser, knob_site, "book/knobs.html", **settings) as page:
        knob = Knob(page, 5, "slope")
        knob.input.fill("1.5")
        knob.wait_for("slope is 1.5. The figure is drawn again.")
        line = page.page.locator('#cell-5 .live-chart [data-mark="line"] path').first
        stroke = "line => getComputedStyle(line).stroke"
        assert line.evaluate(stroke) == shade(dark)
        letters = page.page.locator("#cell-5 .live-chart svg text").first
        ink = letters.evaluate("text => getComputedStyle(text).fill")
        assert min(map(int, re.findall(r"\d+", ink))) > 128
        page.page.evaluate("document.documentElement.dataset.theme = 'light'")
        assert line.evaluate(stroke) == shade(light) != shade(dark)
        assert page.troubles == []


@in_browser
def test_without_its_line_a_knob_says_so_and_rests_until_reset(running):
    knob, cell = Knob(running, 5, "slope"), running.cell(5)
    knob.input.fill("1.5")
    knob.wait_for("slope is 1.5. The figure is drawn again.")
    running.page.click("#cell-5 summary")
    cell.write("1 + 1")
    knob.wait_for("The code no longer has a line “slope = …” that can be set here.")
    assert knob.input.is_disabled()
    cell.press("Reset", wait=False)
    knob.wait_for("slope is 1.")
    assert knob.input.is_enabled() and knob.input.input_value() == "1"
    running.page.click("#cell-5 summary")


@in_browser
def test_a_value_beyond_the_range_is_held_to_it(running):
    knob, cell = Knob(running, 2, "gain"), running.cell(2)
    text = cell.text()
    cell.write(text.replace("gain = 5.0", "gain = 50"))
    running.wait_for("50", "#cell-2 output")
    beyond = "The knob of gain goes from 1 to 20. The code has 50, and uses it."
    knob.wait_for(beyond)
    assert knob.input.input_value() == "20"
    cell.press("Run")
    assert cell.output == "(150, 'tanh', False)\n"  # as it says
    cell.write(text.replace("gain = 5.0", "gain = 7"))
    running.page.locator(f"{knob.box} [role=status]:empty").wait_for(state="attached")
    cell.write(text.replace("gain = 5.0", "gain = 50"))
    knob.wait_for(beyond)
    Knob(running, 2, "clip").input.check()
    knob.wait_for("clip is True. The output")
    cell.write(cell.text() + "  # the same value")
    running.page.wait_for_timeout(500)  # its knobs have been read again
    assert "clip is True. The output" in knob.said()
    knob.input.focus()
    running.page.keyboard.press("ArrowLeft")
    knob.wait_for("gain is 19.5.")
    assert "gain = 19.5 " in cell.text()
    knob.drag(1e6)
    knob.wait_for("gain is 20.")
    knob.release()
    knob.reset()
    knob.wait_for("gain is 5,")


@in_browser
@pytest.mark.parametrize(
    ("number", "built", "literal", "said"),
    [
        (
            2,
            '"tanh"',
            '"gelu"',
            'The knob of kind has the choices tanh, relu. The code has "gelu", and',
        ),
        (
            7,
            "(1.0, 0.5)",
            "(1.0, -2)",
            "The knob of forget goes from 0 to 1. The code has (1.0, -2), and uses it.",
        ),
    ],
)
def test_what_other_knobs_cannot_show_is_said(running, number, built, literal, said):
    knob, cell = Knob(running, number, ""), running.cell(number)
    cell.write(cell.text().replace(built, literal))
    knob.wait_for(said)
    knob.reset()
    running.page.locator(f"{knob.box} [role=status]", has_text=said).wait_for(
        state="detached"
    )


@in_browser
def test_an_error_is_told_at_the_knob(running):
    knob, cell = Knob(running, 2, "count"), running.cell(2)
    cell.write(cell.text() + "\n1 / (count - 4)")
    knob.input.fill("4")
    knob.wait_for("count is 4. Cell 2 raised an error.")
    assert "ZeroDivisionError" in cell.output
    knob.input.fill("5")
    knob.wait_for("count is 5. The output")
    cell.press("Reset", wait=False)
    knob.wait_for("count is 3,")


@in_browser
def test_edits_are_kept_and_the_places_of_knobs_are_not(opened):
    knob, cell = Knob(opened, 2, "gain"), opened.cell(2)
    knob.input.fill("9")
    knob.wait_for("gain is 9. The output")
    opened.page.reload(wait_until="networkidle")
    assert opened.said() == "" and knob.input.input_value() == "5"
    opened.ask().wait_for_editors()
    cell.write(cell.text() + "\n'mine'")
    knob.input.fill("9")
    knob.wait_for("gain is 9. The output")
    opened.page.reload(wait_until="networkidle")
    assert "Your edits of a cell are kept" in opened.said()
    opened.ask().wait_for_editors()
    assert cell.text().startswith("gain = 5.0 ") and cell.text().endswith("'mine'")


@in_browser
def test_a_text_is_written_and_what_it_cannot_hold_is_refused(running):
    knob, cell = Knob(running, 7, "beginning"), running.cell(7)
    knob.input.fill("the dog's")
    knob.wait_for("beginning is “the dog's”. The figure is drawn again.")
    assert cell.output == '"the dog\'s" (1.0, 0.5) 3\n'
    knob.input.press_sequentially('"')
    knob.wait_for('beginning can hold neither " nor \\.')
    running.page.keyboard.insert_text("12345")  # as pasted
    knob.wait_for("beginning is “the dog's123”")
    knob.reset()
    knob.wait_for("beginning is “the”, forget is 1, 0.5, step is 3.")
    assert knob.input.input_value() == "the"


@in_browser
def test_a_series_has_a_slider_for_each_number(running):
    knob, cell = Knob(running, 7, "forget"), running.cell(7)
    second = running.page.get_by_label("forget, step 2")
    second.focus()
    running.page.keyboard.press("ArrowUp")
    knob.wait_for("forget is 1, 0.75.")
    assert cell.output == "'the' (1.0, 0.75) 3\n"
    assert "forget = (1.0, 0.75)\n" in cell.text()
    box = second.bounding_box()
    assert box["height"] > 1.5 * box["width"]  # upright
    knob.reset()
    knob.wait_for("forget is 1, 0.5,")
    assert second.input_value() == "0.5"


@in_browser
def test_buttons_move_a_slider_by_a_step(running):
    knob = Knob(running, 7, "step")
    press = running.page.get_by_label
    press("step: one step back").click()
    knob.wait_for("step is 2.")
    press("step: one step forward").click()
    knob.wait_for("step is 3.")
    assert running.page.locator(".live-run:visible").count() == 0  # motion is reduced


@in_browser
def test_play_moves_a_slider_to_its_end_and_starts_python(opened):
    knob = Knob(opened, 7, "step")
    opened.page.get_by_label("step: Play").click()
    for step in range(4):  # from its end, it begins again
        knob.wait_for(f"step is {step}.")
    opened.page.get_by_label("step: Play").wait_for()
    opened.page.get_by_label("step: Play").click()
    knob.wait_for("step is 0.")
    opened.page.get_by_label("step: Pause").click()
    assert knob.input.input_value() in "01"
    assert opened.troubles == []


@in_browser
def test_a_bar_sets_a_knob_by_click_and_by_enter(running):
    tab, knob = running.page, Knob(running, 7, "beginning")
    assert tab.locator("#cell-7 img[style*=cursor]").count() == 0
    knob.input.fill("a")
    knob.wait_for("beginning is “a”.")
    chart = tab.locator("#cell-7 .live-chart-panel")
    picture = chart.locator("svg").last

    def click(bar):
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        third = (box["height"] - 64) / 3
        middle = box["y"] + 24 + third * (bar + 0.5)
        tab.mouse.click(box["x"] + box["width"] / 3, middle)

    click(1)
    knob.wait_for("beginning is “dog”.")
    click(2)  # it sets nothing
    chart.focus()
    assert "Enter sets beginning" in chart.get_attribute("aria-label")
    for said in ("is “dog cat”.", "is “dog cat cat”.", "has at most 12 characters."):
        for key in ("Home", "Enter"):
            tab.keyboard.press(key)
        knob.wait_for(f"beginning {said}")
        settle(tab)
        name = tab.evaluate("document.activeElement.className")
        assert name == "live-chart-panel"  # of the chart that is drawn again
    knob.reset()
    knob.wait_for("beginning is “the”,")


@in_browser
def test_weights_come_when_a_cell_loads_them(running):
    cell = running.cell(8)
    cell.press("Run")
    assert cell.output == "4000 words\n"
    assert len({url for url in running.requests if url.endswith(".npz")}) == 1


@in_browser
def test_axe_finds_nothing_and_fingers_find_the_knobs(running):
    tab = running.page
    tab.evaluate(AXE.read_text("utf-8"))
    for width in (390, 1280):
        tab.set_viewport_size({"width": width, "height": 800})
        settle(tab)
        options = "{resultTypes: ['violations'], preload: false}"
        found = tab.evaluate(f"axe.run('.bd-article', {options})")["violations"]
        assert [
            (v["id"], n["target"], n["html"]) for v in found for n in v["nodes"]
        ] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.set_viewport_size({"width": 390, "height": 800})
    small = tab.eval_on_selector_all(
        ".live-knobs :is(input, select, button)",
        "all => all.map((e) => e.getBoundingClientRect())"
        ".filter((r) => r.width && (r.height < 44 || r.width < 44)).length",
    )
    assert small == 0
