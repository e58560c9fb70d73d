"""A figure follows its knob quickly: the time from a move to the new figure, in a browser.

Without ``PAGES`` in the environment a few pages are opened, with ``PAGES=all`` every page that has
knobs, and with ``PAGES="book/03-bptt/the-cliff"`` those are. Each knob is moved five times.
"""

import json

import pytest

from tests.support import knob_times
from tests.support.live_pages import chosen
from tests.support.live_reader import Reader
from tests.support.marks import in_browser
from tests.support.paths import ROOT

FEW = ("book/01-introduction/sequences-and-memory", "book/08-today/the-scan")
# Milliseconds that the page may add to the cell's own. A person sees no delay below 150; a
# machine on which other tests run is slower.
ADDED = 250


def written(parts):
    return ", ".join(f"{name} {value:.0f}" for name, value in parts.items())


@in_browser
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "name", [page for page in chosen(FEW) if knob_times.has_knobs(*page.values)]
)
def test_a_figure_follows_its_knob(browser, origin, name):
    with Reader(browser, origin, f"{name}.html", knob_times.TIMING) as page:
        page.context.set_default_timeout(600_000)
        page.ask().wait_until_ready()
        slow = []
        for cell, knob, best, median, worst in knob_times.measured(page):
            print(f"{cell} {knob}: {written(median)}")
            print(f"  best {written(best)}; worst {written(worst)}")
            if median["shown"] - median["cell"] > ADDED:
                slow.append(f"{cell} {knob}: {written(median)}")
        assert slow == []
        assert page.troubles == []


def shown(milliseconds):
    return {"shown": {"median": milliseconds}}


def test_a_late_figure_of_a_quick_cell_is_named():
    cells = {
        "cell-2": {"native": 20, "knobs": {"gain": shown(151), "count": shown(150)}},
        "cell-3": {"native": 400, "knobs": {"slow": shown(900)}},
    }
    late = knob_times.slow({"pages": {"book/page": cells}})
    assert late == ["book/page cell-2 gain: 151 ms"]


def test_a_cell_is_timed_without_a_browser():
    name = "book/08-today/the-scan"
    found = knob_times.native(name)
    assert len(found) == (ROOT / f"{name}.md").read_text("utf-8").count("\nknobs:\n")
    assert all(0 < took < 5_000 for took in found.values())


@pytest.mark.skipif(
    not knob_times.RECORD.is_file(), reason="the times of knobs are not recorded"
)
def test_recorded_figures_follow_their_knobs_in_time():
    assert knob_times.slow(json.loads(knob_times.RECORD.read_text("utf-8"))) == []
