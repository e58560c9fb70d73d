"""Knobs, redrawn charts and recorded runs in Firefox and WebKit, on a small book.

Chromium does more of it in `test_live_knobs.py` and `test_recorded_runs.py`.
"""

import re

import pytest

from book._ext.build import build
from tests.support import knob_book
from tests.support.serving import serving
from tests.website.conftest import windows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("knobs-in-browsers"),
]

ROWS = """chart => [...document.querySelectorAll(`${chart} tbody tr`)].map(
  (row) => [...row.cells].map((cell) => cell.textContent))"""
# Files of Python that the page has loaded.
PYTHON = """performance.getEntriesByType("resource").map(({ name }) => name)
  .filter((name) => /pyodide|worker|cells\\.js/.test(name))"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    build.npm_packages(build.ROOT)
    folder = knob_book.write(tmp_path_factory.mktemp("knobs-in-browsers"))
    assert build.run_sphinx(folder) == []
    with serving(folder / "_build/html") as address:
        yield address


@pytest.fixture(params=["firefox", "webkit"])
def window(request, address):
    with windows(request, address) as open_window:
        window = open_window()
        window.open("book/knobs.html")
        yield window


def said(cell):
    return f".live-knobs[data-cell=cell-{cell}] [role=status]"


def rows(window, cell):
    """The numbers of the chart that a cell shows, from its table."""
    chart = f"#cell-{cell} .live-chart"
    window.press(f"{chart} summary")
    return window.wait_for(ROWS, chart)


def test_a_recorded_run_is_shown_without_python(window):
    window.press('[data-cell=cell-9] [aria-label="height: one step forward"]')
    window.wait_for_text(said(9), "height is 3, from a recorded run.")
    assert rows(window, 9) == [["low", "1"], ["high", "3"]]
    assert window.text("#cell-9 .live-chart > .live-output") == "3 by 1\n"
    assert window.evaluate(PYTHON) == []
    assert window.troubles() == []


def test_a_knob_redraws_its_chart(window):
    window.press("#cell-5-slope")  # in its middle, which is 0
    done = "The figure is drawn again."
    (slope,) = re.findall(r"^slope is (\S+)\. ", window.wait_for_text(said(5), done))
    assert abs(float(slope)) <= 0.5
    assert rows(window, 5) == [[str(x), f"{float(slope) * x:g}"] for x in range(5)]
    window.evaluate("document.getElementById('cell-5-slope').focus()")
    window.key("ArrowRight")
    slope = float(slope) + 0.25
    window.wait_for_text(said(5), f"slope is {slope:g}. {done}")
    assert rows(window, 5) == [[str(x), f"{slope * x:g}"] for x in range(5)]
    hidden = "[...document.querySelectorAll('#cell-5 img.plot')].map((e) => e.hidden)"
    assert window.evaluate(hidden) == [True, True]
    assert window.sideways() <= 0
    assert window.troubles() == []
