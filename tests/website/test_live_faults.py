"""What a reader is told when code that runs in the page fails, or cannot run."""

import json
import re

import pytest

from tests.support.live_reader import EXERCISES
from tests.support.marks import IN_BROWSER

pytestmark = IN_BROWSER


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("def f(x):\n    return {}[x]\n\nf('key')", "    return {}[x]"),
        ("{}['key']", "KeyError: 'key'"),
        ("def f(): f()\nf()", "RecursionError"),
        ("import numpy as np\nnp.ones(10**9)", "Error"),
        ("input()", "nobody to ask"),
        ("import nowhere", "ModuleNotFoundError"),
    ],
)
def test_code_that_raises_shows_the_readers_lines(exercise_page, code, shown):
    cell = exercise_page.cell(1)
    cell.write(code)
    cell.press("Run")
    assert cell.status == "It raised an error, shown below."
    assert shown in cell.output
    assert "_pyodide" not in cell.output and "live_runner" not in cell.output
    cell.write("'still here'")
    assert cell.press("Run").output == "'still here'\n"


def test_megabytes_are_cut_and_the_page_goes_on(exercise_page):
    cell = exercise_page.cell(1)
    cell.write("print('x' * 5_000_000)")
    cell.press("Run")
    assert 50_000 < len(cell.output) < 70_000
    assert "cut here: more is printed than a page can show" in cell.output
    assert "… 4,940,001 more characters" in cell.output


def test_a_check_of_a_cell_that_defines_nothing_says_what_to_define(exercise_page):
    cell = exercise_page.cell(2)
    cell.write("")
    cell.press("Check")
    assert re.search("Not yet. .*(Define|Set)", cell.status)
    cell.write("1 / 0")
    cell.press("Check")
    assert "raised an error" in cell.status and "ZeroDivisionError" in cell.output


FORBIDDEN = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("no", "SecurityError"); } });"""


HUGE = json.dumps("x" * 4_000_000)
# As the page does when a check passes.
SOLVE = """async () => {
  const answer = await fetch("/_static/live/files.json");
  const { scripts } = await answer.json();
  const { Kept } = await import(`/_static/${scripts}kept.js`);
  new Kept("page", () => {}).solve("added");
}"""


FULL = """Storage.prototype.setItem = () => {
  throw new DOMException("no", "QuotaExceededError"); }"""


@pytest.mark.parametrize(
    ("script", "message"),
    [(FORBIDDEN, "forbids the page to store anything"), (FULL, "storage is full")],
    ids=["forbidden", "full"],
)
def test_without_storage_it_works_and_says_that_nothing_is_kept(
    live_page, script, message
):
    page = live_page(script=script).ask().wait_until_ready()
    cell = page.cell(2)
    cell.write("1 + 1")
    assert cell.press("Run").output == "2\n"
    page.wait_for(message, ".live-trouble")
    ours = [
        trouble
        for trouble in page.troubles
        if "live" in trouble or "cells.js" in trouble
    ]
    assert ours == []


@pytest.mark.parametrize(
    "stored",
    ["null", "[1, 2]", '"text"', "5", "true", "{", "", '{"delta_by_hand": null}', HUGE],
    ids=lambda stored: stored[:20],
)
def test_what_is_stored_and_no_list_of_exercises_counts_as_nothing(live_page, stored):
    script = f"localStorage.setItem('unrolled.solved', {json.dumps(stored)})"
    page = live_page(script=script)
    assert page.said() == ""
    page.ask().wait_for_editors()
    page.page.evaluate(SOLVE)
    kept = json.loads(page.page.evaluate("localStorage.getItem('unrolled.solved')"))
    assert kept["added"] is True and len(kept) <= 2
    assert page.troubles == []


def test_an_edit_of_any_size_and_under_any_name_is_offered(live_page):
    page = live_page()
    name = "unrolled.edit:book/exercises/language-model:"
    for key in (name, f"{name}:", f"{name}nowhere:1:2", f"{name}constructor"):
        page.page.evaluate("key => localStorage.setItem(key, 'x'.repeat(5e5))", key)
    page.page.reload(wait_until="networkidle")
    assert "Your edits of 4 cells are kept" in page.said()
    page.ask().wait_for_editors()
    assert page.page.locator(".live-old").count() == 4
    assert page.troubles == []


def test_without_webassembly_one_sentence_says_so(live_page):
    page = live_page(script="delete window.WebAssembly").ask()
    page.wait_for("WebAssembly")
    assert page.page.is_visible(".live-bar button")


def test_a_page_opened_as_a_file_says_what_to_do(browser, site):
    page = browser.new_page()
    page.goto((site / EXERCISES).as_uri())
    page.click(".live-bar button")
    assert "make serve" in page.inner_text(".live-bar [role=status]")
    page.close()


def test_what_does_not_come_is_named_and_can_be_tried_again(live_page):
    page = live_page()
    for name, message in (
        ("files.json", "The files that run the code did not come"),
        ("editor.js", "The files that run the code did not come"),
        ("worker.js", "worker.js did not come"),
        ("pyodide.js", "pyodide.js did not come"),
        ("pyodide.asm.wasm.gzip", "pyodide.asm.wasm did not come"),
        (
            "numpy-*.whl",
            "numpy-1.25.2-cp311-cp311-emscripten_3_1_46_wasm32.whl did not come",
        ),
        ("unrolled-*.whl", "the package did not come"),
    ):
        page.page.route(f"**/{name}", lambda route: route.abort())
        page.ask()
        page.wait_for(message)
        page.wait_for("Try again", ".live-bar button")
        page.page.unroute(f"**/{name}")
    cell = page.cell(2)
    cell.write("3")
    page.ask().wait_until_ready()
    assert cell.press("Run").output == "3\n"
