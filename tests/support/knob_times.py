"""How long a knob's figure takes to follow it, in a browser, and the record of all knobs.

``python -m tests.support.knob_times`` opens every page of the built site that has knobs, moves
each knob five times, and writes results/knob_times.json. It wants a machine without other work.
``PAGES="book/03-bptt/the-cliff"`` measures some pages, says what it finds and leaves the record as
it is. What an interrupted run had measured is kept, unless the page has changed by then.
"""

import datetime
import hashlib
import json
import os
import statistics
import sys
import time

from book._live import live_runner
from tests.support.live_pages import chapters
from tests.support.live_reader import Reader
from tests.support.paths import ROOT
from tests.support.turned_knobs import Chapter
from unrolled import files, records

MOVES = 5
NATIVE_RUNS = 3
QUICK, REDRAWN = (
    100,
    150,
)  # milliseconds: of a quick cell in Python itself, and of its figure
RECORD = ROOT / "results/knob_times.json"
HALF_DONE = ROOT / "_build/knob_times.json"

# When each message to the worker was sent and answered, in milliseconds.
TIMING = """
window.asked = [];
const open = {};
window.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      const request = open[data.id];
      if (request && data.type === "chart") request.chart = performance.now();
      if (request && data.type === "done") request.done = performance.now();
    });
  }
  postMessage(message) {
    if (message.id) {
      const kind = message.question ?? message.where;
      open[message.id] = { kind, sent: performance.now() };
      asked.push(open[message.id]);
    }
    super.postMessage(message);
  }
};
"""

# Moves a knob by a step, as a key does, until its cell and those below have run. Resolves to the
# milliseconds until what the cell shows last was painted, and to its requests to the worker.
MOVE = """async ([id, name]) => {
  const box = document.getElementById(id);
  const knob = document.querySelector(`.live-knobs[data-cell="${id}"] [data-name="${name}"]`);
  const input = knob.querySelector("input") ?? knob;
  const from = performance.now();
  let shown;
  const isShown = ({ target, addedNodes }) => target.closest(".live-output") ||
    [...addedNodes].some((node) => node.classList?.contains("live-chart"));
  const painted = () => setTimeout(() => (shown = performance.now() - from));
  const observer = new MutationObserver((changes) =>
    changes.some(isShown) && requestAnimationFrame(painted));
  observer.observe(box, { childList: true, subtree: true });
  asked.length = 0;
  if (input.type === "checkbox") input.checked = !input.checked;
  else if (input.type === "text") {
    const built = input.dataset.built.slice(1, -1);
    input.value = input.value === built ? built.slice(0, -1) : built;
  } else if (input.type === "range") {
    const { value } = input;
    input.stepUp();
    if (input.value === value) input.value = input.min;
  } else input.selectedIndex = (input.selectedIndex + 1) % input.options.length;
  for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
  const isBusy = () => !asked.length || asked.some(({ done }) => !done);
  const isOver = () => performance.now() - from > 60_000;
  for (let calm = 0; calm < (shown ? 10 : 500) && !isOver(); calm = isBusy() ? 0 : calm + 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  observer.disconnect();
  const since = ({ kind, sent, done }) => ({ kind, sent: sent - from, done: done - from });
  return { shown, asked: asked.map(since) };
}"""


def has_knobs(name):
    return "\nknobs:\n" in (ROOT / f"{name}.md").read_text("utf-8")


def knobs(page):
    """[(cell, the names of its knobs)] of a page."""
    return page.page.evaluate("""() =>
      [...document.querySelectorAll(".live-knobs:has(> button)")].map((box) =>
        [box.dataset.cell, [...box.querySelectorAll("[data-name]")].map((e) => e.dataset.name)])""")


def moved(page, cell, name):
    """The milliseconds of each part of a move, of the best, the median and the worst move.

    "shown" is the time until the figure has changed, "cell" that of its code in the worker,
    "order" that of the questions before it, and "all" the time until every cell has run.

    Raises:
        ValueError: what the cell shows does not change.
    """
    found = []
    where = cell.replace("-", " ")
    for _ in range(MOVES):
        made = page.page.evaluate(MOVE, [cell, name])
        if not made["shown"]:
            raise ValueError(f"{cell}: nothing changes with {name}")
        asked = made["asked"]
        own = next(each for each in asked if each["kind"] == where)
        before = [each for each in asked if each["sent"] < own["sent"]]
        parts = {
            "shown": made["shown"],
            "cell": own["done"] - own["sent"],
            "order": sum(each["done"] - each["sent"] for each in before),
            "all": max(each["done"] for each in asked),
        }
        found.append(parts)
    found.sort(key=lambda parts: parts["shown"])
    return found[0], found[MOVES // 2], found[-1]


def measured(page):
    """Yields (cell, knob, best, median, worst move) of a page whose Python is ready."""
    for cell, names in knobs(page):
        page.page.evaluate(
            "id => document.querySelectorAll(`#${id} details`).forEach((e) => (e.open = true))",
            cell,
        )
        page.cell(cell.removeprefix("cell-")).press("Run")
        for knob in names:
            yield cell, knob, *moved(page, cell, knob)


def native(name):
    """{cell: milliseconds that its code takes in Python itself} of the cells with knobs."""
    chapter = Chapter(f"{name.removeprefix('book/')}.md")
    found = {}
    for index, cell in enumerate(chapter.cells):
        if "knobs" not in cell.metadata:
            continue

        def run(at, chapter=chapter):
            said = []
            passed, _ = live_runner.run(
                chapter.texts[at],
                f"cell {at + 1}",
                chapter.namespace,
                said.append,
                draw=said.append,
            )
            assert passed, "".join(said)
            chapter.order.ran(chapter.texts, at, passed)

        for at in chapter.order.plan(chapter.texts, index):
            run(at)
        times = []
        for _ in range(NATIVE_RUNS):
            begun = time.perf_counter()
            run(index)
            times.append(1000 * (time.perf_counter() - begun))
        found[f"cell-{index + 1}"] = statistics.median(times)
    return found


def of_page(browser, origin, name):
    """{cell: its native time and those of its knobs} of a page, in milliseconds."""
    by_cell = {
        cell: {"native": round(took, 1), "knobs": {}}
        for cell, took in native(name).items()
    }
    with Reader(browser, origin, f"{name}.html", TIMING) as page:
        page.context.set_default_timeout(900_000)
        page.ask().wait_until_ready()
        for cell, knob, best, median, worst in measured(page):
            times = {"median": median, "best": best, "worst": worst}
            by_cell[cell]["knobs"][knob] = {
                "shown": {
                    which: round(parts["shown"]) for which, parts in times.items()
                },
                "code": round(median["cell"]),
                "all": round(median["all"]),
            }
            print(f"{name} {cell} {knob}: {round(median['shown'])} ms", flush=True)
    return {cell: about for cell, about in by_cell.items() if about["knobs"]}


def slow(record):
    """The knobs of a record whose quick cells are redrawn too late, at the median move."""
    return [
        f"{name} {cell} {knob}: {times['shown']['median']} ms"
        for name, cells in record["pages"].items()
        for cell, about in cells.items()
        for knob, times in about["knobs"].items()
        if about["native"] < QUICK and times["shown"]["median"] > REDRAWN
    ]


def record(names, html, browser, origin):
    """The record of some pages; of a page that has not changed, what was measured before."""
    half = json.loads(HALF_DONE.read_text("utf-8")) if HALF_DONE.is_file() else {}
    pages = {}
    for name in names:
        stamp = hashlib.sha256((html / f"{name}.html").read_bytes()).hexdigest()
        if half.get(name, {}).get("of") != stamp:
            half[name] = {"of": stamp, "cells": of_page(browser, origin, name)}
            files.write_whole(HALF_DONE, json.dumps(half))
        pages[name] = half[name]["cells"]
    described = json.loads((html / "_static/live/files.json").read_text("utf-8"))
    wheel = next((html / "_static" / described["python"]).glob("numpy-*.whl")).name
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    return {
        "date": datetime.date.today().isoformat(),
        "device": records.cpu(),
        "moves": MOVES,
        "unit": "milliseconds",
        "versions": {
            "chromium": browser.version,
            "python": sys.version.split()[0],
            "pyodide": package["dependencies"]["pyodide"],
            "numpy in the page": wheel.split("-")[1],
        },
        "pages": pages,
    }


def main():
    from book._ext.build import chromium
    from tests.support.serving import serving

    asked = os.environ.get("PAGES", "all")
    html = ROOT / "_build/html"
    names = [n for n in chapters() if has_knobs(n)] if asked == "all" else asked.split()
    with serving(html) as origin, chromium.running() as browser:
        made = record(names, html, browser, origin)
    late = slow(made)
    count = sum(len(a["knobs"]) for p in made["pages"].values() for a in p.values())
    print(
        f"{count} knobs, {len(late)} of quick cells later than {REDRAWN} ms",
        *late,
        sep="\n",
    )
    if asked == "all":
        files.write_whole(RECORD, json.dumps(made, indent=1) + "\n")
        HALF_DONE.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
