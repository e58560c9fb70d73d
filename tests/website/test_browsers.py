"""The built site in Chromium, Firefox and WebKit: one description, three browsers.

`test_site.py` opens every page in Chromium and asks much more. Here Firefox and WebKit open every
page, as wide as a telephone, and readers of all three browsers use what can be used.
"""

import json
import time

import pytest

from tests.exercises.attempt import wrong_attempts
from tests.support import page_visits, site_pages
from tests.support.live_reader import EXERCISES
from tests.support.marks import IN_BROWSER
from unrolled import exercises

CHAPTER = "book/03-bptt/the-delta-recursion.html"
SHORT = "book/01-introduction/shapes-of-sequence-problems.html"
TELEPHONE = (390, 700)
STATUS = ".live-bar [role=status]"

pytestmark = IN_BROWSER

# --- Every page, as it comes ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(site, show):
    # a word that every object of JavaScript has
    names = [*site_pages.worth_a_visit(site), "search.html?q=constructor"]
    return page_visits.visit(show, site, names), names


def test_every_page_is_seen(report):
    found, names = report
    assert list(found.titles) == names and len(names) > 60
    assert [name for name in names if not found.titles[name]] == []


def test_the_console_stays_empty(report):
    assert report[0].console == {}


def test_nothing_is_missing(report):
    assert report[0].missing == []


def test_no_page_is_wider_than_a_telephone(report):
    assert report[0].wide == {}


FAULTY = {
    "fine": "fine",
    "console": "<script>console.log('chatter')</script>",
    "error": "<script>nothing.there</script>",
    "blocked": (
        """<meta http-equiv="Content-Security-Policy" content="img-src 'none'">"""
        '<img alt="" src="fine.html">'
    ),
    "missing": '<img alt="" src="missing.png">',
    "wide": '<div style="position: absolute; left: 0; width: 350px">wide</div>',
    "wider": '<div style="position: absolute; left: 0; width: 400px">wider</div>',
}


def test_each_fault_is_found(show, tmp_path):
    """Whether an image that is missing is a matter for the console, browsers see differently."""
    for name, body in FAULTY.items():
        text = f"<!doctype html><meta charset=utf-8><title>{name}</title>{body}"
        (tmp_path / f"{name}.html").write_text(text, "utf-8")
    found = page_visits.visit(show, tmp_path, [f"{name}.html" for name in FAULTY])
    assert list(found.titles.values()) == list(FAULTY)
    loud = ["blocked.html", "console.html", "error.html"]
    assert sorted({*found.console} - {"missing.html"}) == loud
    assert found.missing == ["/missing.png"]
    assert found.wide == {
        "wide.html": {390: 390, 320: 350},
        "wider.html": {390: 400, 320: 400},
    }


# --- What a reader does --------------------------------------------------------------------------


class LiveCell:
    """A cell of a page whose code runs, in any browser."""

    def __init__(self, window, number):
        self.window, self.box = window, f"#cell-{number}"
        self.status = f"{self.box} .live-buttons [role=status]"

    def write(self, code):
        self.window.write(f"{self.box} .cm-content", code)

    def press(self, name):
        self.window.press(f'{self.box} .live-buttons button[aria-label^="{name} "]')

    def says(self, part):
        return self.window.wait_for_text(self.status, part)

    @property
    def output(self):
        return self.window.text(f"{self.box} .live-output")


def start_python(window):
    window.press(".live-bar button")
    window.wait_for_text(STATUS, "Python is ready.")


def test_code_runs_is_checked_stopped_and_kept_on_a_telephone(open_window):
    """At a larger screen, Chromium does more of it in test_live_page."""
    window = open_window(touch=True)
    window.resize(*TELEPHONE)
    window.open(EXERCISES)
    start_python(window)
    described = json.loads(window.text(".live-cells"))["cells"]
    name, cell = described[1]["exercise"], LiveCell(window, 2)
    cell.write("for i in range(2):\n    print(6 * 7 + i)")
    cell.press("Run")
    cell.says("Ran")
    assert cell.output == "42\n43\n"
    solution, wrong = exercises.load(name).SOLUTION, wrong_attempts(name)[0]
    cell.write(wrong.text(solution))
    cell.press("Check")
    cell.says(wrong.says)
    cell.write(solution)
    cell.press("Check")
    cell.says("Right.")
    cell.write("while True:\n    pass")
    cell.press("Run")
    cell.says("Running")
    cell.press("Stop")
    cell.says("Stopped. Python starts again.")
    window.wait_for_text(STATUS, "Python is ready.")
    cell.write("'alive'")
    cell.press("Run")
    cell.says("Ran")
    assert cell.output == "'alive'\n"
    cell.write("'edited'")  # and the page is left at once
    window.reload()
    kept = window.wait_for_text(STATUS, "Your edits of a cell are kept")
    assert "Solved in this browser: 1 of" in kept
    window.press(".live-bar button")
    window.wait_for_text(f"{cell.box} .cm-content", "'edited'")
    assert window.sideways() <= 0
    assert window.troubles() == []


def test_the_search_finds_a_term(open_window):
    window = open_window()
    window.open("book/notation.html")
    window.key("Control+k")
    window.wait_for("document.activeElement.matches('#pst-search-dialog input')")
    for letter in "softmax":
        window.key(letter)
    window.key("Enter")
    first = window.wait_for(
        "document.querySelector('#search-results li > a')?.getAttribute('href')"
    )
    assert first == "book/reference/glossary.html#term-softmax"
    assert window.troubles() == []


def test_the_theme_changes_and_is_remembered(open_window):
    window = open_window()
    window.open("book/notation.html")
    seen = {}
    for _ in range(3):
        window.press(".theme-switch-button")
        mode, theme, ground = window.evaluate(
            "[document.documentElement.dataset.mode, document.documentElement.dataset.theme,"
            " getComputedStyle(document.body).backgroundColor]"
        )
        seen[mode] = theme, ground
    assert sorted(seen) == ["auto", "dark", "light"]
    assert (seen["light"][0], seen["dark"][0]) == ("light", "dark")
    assert seen["light"][1] != seen["dark"][1]
    while window.evaluate("document.documentElement.dataset.mode") != "dark":
        window.press(".theme-switch-button")
    window.reload()
    assert window.evaluate("document.documentElement.dataset.theme") == "dark"
    assert window.troubles() == []


def test_troubles_are_heard_on_a_page_to_which_a_link_has_led(open_window):
    window = open_window()
    window.open(SHORT)
    window.evaluate("console.log('on the first page')")
    # until then the link may move away between finding it and clicking it
    window.wait_for("document.documentElement.dataset.laidOut == innerWidth")
    window.press("a.right-next")
    window.wait_for("name => !location.pathname.endsWith(name)", SHORT)
    window.wait_for("document.readyState === 'complete'")
    window.evaluate("console.log('on the second page')")
    assert window.troubles() == ["on the first page", "on the second page"]


POINT = """kind => document.querySelector("article a.term-link").dispatchEvent(
  new PointerEvent("pointerover", { pointerType: kind, bubbles: true }))"""
PREVIEW = "!!document.querySelector('#preview:popover-open')"


def test_a_telephone_has_the_contents_and_no_previews(open_window):
    window = open_window(touch=True)
    window.resize(*TELEPHONE)
    window.open(SHORT)
    window.evaluate(POINT, "touch")  # nothing hovers on a telephone
    window.press("button.primary-toggle")
    link = '#pst-primary-sidebar-modal a[href$="03-bptt/the-delta-recursion.html"]'
    window.wait_for("selector => !!document.querySelector(selector)", link)
    time.sleep(0.5)  # longer than a preview waits
    assert not window.evaluate(PREVIEW)
    window.evaluate(
        "document.querySelectorAll('#pst-primary-sidebar-modal details')"
        ".forEach((part) => { part.open = true })"
    )
    window.press(link)
    window.wait_for(
        "name => location.pathname.endsWith(name) && document.readyState === 'complete'",
        CHAPTER,
    )
    window.evaluate(POINT, "mouse")
    window.wait_for(PREVIEW)
    assert window.sideways() <= 0
    assert window.troubles() == []


def test_a_browser_without_a_gpu_says_what_it_lacks(open_window):
    """No WebGPU at all, or one without an adapter, of which Chromium also tells the console."""
    window = open_window()
    window.open("book/07-gpu/on-your-own-gpu.html")
    has = window.evaluate("'gpu' in navigator")
    window.press(".own-gpu button")
    lacks = "it gives no adapter: " if has else "This browser has no WebGPU. "
    said = window.wait_for_text(".own-gpu [role=status]", lacks)
    assert said.startswith("This browser has ") and "\n" not in said
    assert window.text(".own-gpu-results") == ""
    # it can be pressed again
    window.wait_for("!document.querySelector('.own-gpu button[aria-disabled]')")
    assert {*window.troubles()} <= {"No available adapters."}
