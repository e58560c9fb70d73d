"""Every live cell of the chapters is run in a browser, in order, by its button.

Without ``PAGES`` in the environment a few pages are opened, with ``PAGES=all`` every page
(``make cells``), and with ``PAGES="book/intro book/04-gates/the-lstm"`` those are.
A figure that a cell draws again has to have the built figure's description, unless the cell's
metadata says why it ``varies``.
"""

import contextlib
import json
import time

import jupytext
import psutil
import pytest

from tests.support.chart_differences import differences
from tests.support.live_pages import chosen
from tests.support.live_reader import Reader
from tests.support.marks import IN_BROWSER
from tests.support.paths import ROOT

FEW = (
    "book/intro",
    "book/02-language-model/generating",
    "book/03-bptt/far-words",
    "book/03-bptt/vanishing-and-exploding",
    "book/05-attention/attention",
)
SECONDS = 60  # of a processor, for a cell that does not say how long it takes

pytestmark = IN_BROWSER


def live_cells(page):
    """{id: seconds that its run may take} of the cells that run in the page, in order."""
    listed = page.page.query_selector(".live-cells")
    about = json.loads(listed.text_content())["cells"] if listed else []
    return {
        cell["id"]: max(SECONDS, 2 * cell.get("seconds", 0))
        for cell in about
        if not {"needs", "check", "exercise"} & cell.keys()
    }


# Keeps the descriptions that the worker sends to be drawn: {"cell 3": JSON}.
KEEPING = """
window.descriptions = {};
const asked = {};
window.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      if (data.type === "chart") descriptions[asked[data.id]] = data.json;
    });
  }
  postMessage(message) {
    asked[message.id] = message.where;
    super.postMessage(message);
  }
};
"""

ENDED = """(id) => !document.querySelector(".cell[aria-busy=true]")
  && document.querySelector(`#${id} .live-buttons [aria-disabled=true]`)?.textContent !== "Run" """


def begin(page):
    """Opens every fold and starts Python."""
    page.page.evaluate(
        "for (const fold of document.querySelectorAll('details')) fold.open = true"
    )
    page.ask().wait_until_ready()


def processor_seconds():
    """What the browser has used: a machine with other work takes longer for the same."""
    used = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may just have ended
            used += sum(process.cpu_times()[:2])
    return used


def pressed(page, name, seconds):
    """Presses Run on a cell; returns (processor seconds, what is wrong or None)."""
    from playwright.sync_api import TimeoutError

    cell = page.cell(name.removeprefix("cell-"))
    begun, before, ended = time.monotonic(), processor_seconds(), False
    cell.press("Run", wait=False)
    while not ended:
        with contextlib.suppress(TimeoutError):
            page.page.wait_for_function(ENDED, arg=name, timeout=1000)
            ended = True
        took = processor_seconds() - before
        if took > seconds or time.monotonic() - begun > 10 * seconds:
            return took, "it is too long" if ended else "it has not ended"
    if cell.status.startswith("Ran"):
        return took, None
    return took, " ".join([cell.status, *cell.output.strip().splitlines()[-1:]])


def varying(name):
    """{name of a figure: why its numbers differ from run to run} of a page."""
    cells = jupytext.read(ROOT / f"{name}.md").cells
    return {
        cell.metadata["mystnb"]["figure"]["name"]: cell.metadata["varies"]
        for cell in cells
        if "varies" in cell.metadata
    }


def drawn_otherwise(page, site, name, varies=()):
    """What is wrong with the figure that a cell has drawn again, or None."""
    picture = page.page.query_selector(f"#{name} :is(img.chart, img.sketch)")
    if not picture:
        return None
    if not page.cell(name.removeprefix("cell-")).status.endswith("drawn again."):
        return "its figure is not drawn again"
    if picture.evaluate("e => e.closest('figure').id") in varies:
        return None
    drawn = page.page.evaluate("where => descriptions[where]", name.replace("-", " "))
    stem = picture.get_attribute("src").rpartition("/")[2].removesuffix(".svg")
    built = json.loads((site / f"_charts/{stem}.json").read_text("utf-8"))
    found = differences(json.loads(drawn), built)
    return f"its figure differs in {', '.join(found[:3])}" if found else None


def faults(page, site, varies):
    """Yields (cell, processor seconds, what is wrong or None) until a cell does not end."""
    cells = live_cells(page)
    if not cells:
        return
    begin(page)
    for name, seconds in cells.items():
        took, fault = pressed(page, name, seconds)
        yield name, took, fault or drawn_otherwise(page, site, name, varies)
        if fault == "it has not ended":
            return


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", chosen(FEW))
def test_every_live_cell_of_a_page_runs(browser, origin, site, name):
    with Reader(browser, origin, f"{name}.html", KEEPING) as page:
        found = list(faults(page, site, varying(name)))
        for cell, took, fault in found:
            print(f"{cell}: {took:.1f} s", fault or "")
        assert [f"{cell}: {fault}" for cell, _, fault in found if fault] == []
        assert page.troubles == []


def test_a_cell_that_raises_or_does_not_end_is_found(browser, origin):
    with Reader(browser, origin, "book/02-language-model/the-gradient.html") as page:
        begin(page)
        first, second, *_ = live_cells(page)
        cells = [page.cell(name.removeprefix("cell-")) for name in (first, second)]
        cells[0].write("1 / 0")
        cells[1].write("while True:\n    pass")
        assert pressed(page, first, SECONDS)[1] == (
            "It raised an error, shown below. ZeroDivisionError: division by zero"
        )
        assert pressed(page, second, 2)[1] == "it has not ended"


def test_a_figure_that_is_not_the_built_one_is_found(browser, origin, site):
    name, figure = "book/01-introduction/sequences-and-memory.html", "fig-window"
    with Reader(browser, origin, name, KEEPING) as page:
        begin(page)
        box = page.page.query_selector(f".cell:has(#{figure})").get_attribute("id")
        assert pressed(page, box, SECONDS)[1] is None
        assert drawn_otherwise(page, site, box) is None
        cell = page.cell(box.removeprefix("cell-"))
        cell.write(cell.text().replace(": accuracy", ": accuracy[::-1]"))
        assert pressed(page, box, SECONDS)[1] is None
        assert "differs in /panels/0/marks/" in drawn_otherwise(page, site, box)
        assert drawn_otherwise(page, site, box, {figure: "times"}) is None
        cell.write("1")
        assert pressed(page, box, SECONDS)[1] is None
        assert drawn_otherwise(page, site, box) == "its figure is not drawn again"


def test_figures_that_vary_are_named_with_a_reason():
    name = "book/03-bptt/the-delta-recursion"
    assert varying(name) == {"fig-bptt-time": "measured times"}
    assert varying("book/01-introduction/sequences-and-memory") == {}
