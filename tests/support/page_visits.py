"""Pages opened in a browser one after the other, as wide as a telephone, and what was wrong.

A browser opens one page, the visitor, which shows each page in a frame, tells the server that it
comes from how wide the page is, and goes on to the next. What the console says is the browser's
to tell; the server itself notices what is missing.
"""

import contextlib
import json
import queue
from typing import NamedTuple

from tornado.web import RequestHandler, StaticFileHandler

from book._ext.build import serve

WIDTHS = (390, 320)
PATIENCE = 120  # seconds for a page
MARK = "the visitor opens "
VISITOR = """<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>visitor</title>
<style>iframe {border: 0; height: 700px}</style><body><script>
const {names, widths, mark} = SETTINGS;
const tell = (what) => fetch(`/found?${new URLSearchParams({what: JSON.stringify(what)})}`);
const frames = (window) => new Promise((done) =>
  window.requestAnimationFrame(() => window.requestAnimationFrame(done)));

async function visit(name) {
  console.log(mark + name);
  const frame = document.createElement("iframe");
  frame.style.width = `${widths[0]}px`;
  const loaded = new Promise((done) => frame.addEventListener("load", done));
  frame.src = name;
  document.body.append(frame);
  await loaded;
  const page = frame.contentDocument;
  // what the page would lay out later, when there is time, and with it the fonts
  for (const part of page.querySelectorAll(".bd-article, .bd-article > section > section"))
    part.classList.add("laid-out");
  page.documentElement.getBoundingClientRect();
  await page.fonts.ready;
  // a search that fails never says that it is finished
  for (let i = 0; i < 50 && page.querySelector(".search-summary")?.textContent.trim() === ""; i++)
    await new Promise((done) => setTimeout(done, 100));
  const found = {};
  for (const width of widths) {
    frame.style.width = `${width}px`;
    await frames(frame.contentWindow);
    found[width] = page.documentElement.scrollWidth;
  }
  await tell({name, title: page.title, found});
  frame.remove();
}

(async () => { for (const name of names) await visit(name); })();
</script></html>"""


class Report(NamedTuple):
    """What visits to some pages found."""

    titles: dict[str, str]  # of the pages that were seen
    console: dict[str, list[str]]  # by page
    missing: list[str]  # addresses
    wide: dict[str, dict[int, int]]  # by page, how wide it is where it should be less


class Visitor(RequestHandler):
    """Answers with the visitor."""

    def get(self):
        self.write(self.settings["visitor"])


class Found(RequestHandler):
    """Hears what the visitor tells."""

    def get(self):
        self.settings["found"].put(json.loads(self.get_query_argument("what")))


class Page(StaticFileHandler):
    """Answers with a file of the folder, and notes which are missing."""

    def write_error(self, status, **about):
        self.settings["missing"].append(self.request.path)
        super().write_error(status, **about)


def visit(show, folder, names):
    """Returns the report of a browser about pages of a folder.

    Args:
        show: opens an address while its context lasts; gives a function that returns what the
            console has said so far, one line a message.
        folder: the folder of the pages.
        names: the addresses of the pages in it.
    """
    found, missing, titles, wide = queue.Queue(), [], {}, {}
    settings = json.dumps({"names": names, "widths": WIDTHS, "mark": MARK})
    visitor = VISITOR.replace("SETTINGS", settings)
    noted = {"visitor": visitor, "found": found, "missing": missing}
    added = ("/visitor.html", Visitor), ("/found", Found)
    answers = serve.application(folder, Page, *added, **noted)
    with (
        serve.running(answers) as address,
        show(f"{address}/visitor.html") as said,
    ):
        for name in names:
            try:
                one = found.get(timeout=PATIENCE)
            except queue.Empty:
                raise TimeoutError(f"no word of {name}: {said()[-9:]}") from None
            titles[one["name"]] = one["title"]
            widths = {int(key): value for key, value in one["found"].items()}
            if any(is_ > allowed for allowed, is_ in widths.items()):
                wide[one["name"]] = widths
        return Report(titles, by_page(said()), missing, wide)


def by_page(said):
    """Returns the messages that came after a page was opened, and before the next was."""
    messages, page = {}, ""
    for line in said:
        if MARK in line:
            page = line.partition(MARK)[2]
        else:
            messages.setdefault(page, []).append(line)
    return messages


@contextlib.contextmanager
def shown_by_playwright(browser, address):
    """Shows an address to `visit` in a browser that Playwright drives."""
    with contextlib.closing(
        browser.new_context(viewport={"width": 800, "height": 800})
    ) as context:
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)

        def so_far():
            page.wait_for_timeout(0)  # hears what has come meanwhile
            return said

        yield so_far
