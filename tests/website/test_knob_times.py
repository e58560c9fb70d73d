"""A figure follows its knob quickly: the time from a move to the new figure, in a browser.

Without ``PAGES`` in the environment a few pages are opened, with ``PAGES=all`` every page that has
knobs, and with ``PAGES="book/03-bptt/the-cliff"`` those are. Each knob is moved five times.
"""

import time

import pytest

from tests.support.live_pages import chosen
from tests.support.live_reader import Reader
from tests.support.marks import IN_BROWSER
from tests.support.paths import ROOT

FEW = ("book/01-introduction/sequences-and-memory", "book/08-today/the-scan")
MOVES = 5
# Milliseconds that the page may add to the cell's own. A person sees no delay below 150; a
# machine on which other tests run is slower.
ADDED = 250

pytestmark = IN_BROWSER

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


def knobs(page):
    """[(cell, the names of its knobs)] of a page."""
    return page.page.evaluate("""() =>
      [...document.querySelectorAll(".live-knobs:has(> button)")].map((box) =>
        [box.dataset.cell, [...box.querySelectorAll("[data-name]")].map((e) => e.dataset.name)])""")


def moved(page, cell, name):
    """The milliseconds of each part of a move, of the best, the median and the worst move.

    "shown" is the time until the figure has changed, "cell" that of its code in the worker,
    "order" that of the questions before it, and "all" the time until every cell has run.
    """
    found = []
    where = cell.replace("-", " ")
    for _ in range(MOVES):
        made = page.page.evaluate(MOVE, [cell, name])
        assert made["shown"], f"{cell}: nothing changes with {name}"
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


def written(parts):
    return ", ".join(f"{name} {value:.0f}" for name, value in parts.items())


def has_knobs(name):
    return "\nknobs:\n" in (ROOT / f"{name}.md").read_text("utf-8")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "name", [page for page in chosen(FEW) if has_knobs(*page.values)]
)
def test_a_figure_follows_its_knob(browser, origin, name):
    with Reader(browser, origin, f"{name}.html", TIMING) as page:
        page.context.set_default_timeout(600_000)
        page.ask().wait_until_ready()
        slow = []
        for cell, names in knobs(page):
            page.page.evaluate(
                "id => document.querySelectorAll(`#${id} details`).forEach((e) => (e.open = true))",
                cell,
            )
            begun = time.monotonic()
            page.cell(cell.removeprefix("cell-")).press("Run")
            print(f"{cell}: first {1000 * (time.monotonic() - begun):.0f}")
            for knob in names:
                best, median, worst = moved(page, cell, knob)
                print(f"{cell} {knob}: {written(median)}")
                print(f"  best {written(best)}; worst {written(worst)}")
                if median["shown"] - median["cell"] > ADDED:
                    slow.append(f"{cell} {knob}: {written(median)}")
        assert slow == []
        assert page.troubles == []
