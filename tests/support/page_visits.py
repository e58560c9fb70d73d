"""Pages opened in a browser one after the other, as wide as a telephone, and what was wrong.

A browser opens one page, the visitor, which shows each page in a frame, tells the server that it
comes from how wide the page is, and goes on to the next. What the console says is the browser's
to tell; the server itself notices what is missing.
"""

import contextlib
import http.server
import json
import queue
from functools import partial
from typing import NamedTuple

from tests.support.serving import answering

WIDTHS = (390, 320)
PATIENCE = 120  # seconds for a page
MARK = "the visitor opens "
VISITOR = """<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>visitor</title>
<style>iframe {border: 0; height: 700px}</style><body><script>
const {names, widths, mark} = SETTINGS;
const tell = (what) => fetch("/found", {method: "POST", body: JSON.stringify(what)});
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


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and the visitor, and hears what the visitor tells."""

    def __init__(self, *request, visitor, found, missing, **settings):
        self.visitor, self.found, self.missing = visitor, found, missing
        super().__init__(*request, **settings)

    def do_GET(self):
        if self.path != "/visitor.html":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.visitor.encode())

    def do_POST(self):
        self.found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def send_error(self, code, *reason):
        self.missing.append(self.path)
        super().send_error(code, *reason)

    def log_message(self, format, *arguments):
        pass


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
    handler = partial(
        Handler, visitor=visitor, found=found, missing=missing, directory=folder
    )
    with answering(handler) as address, show(f"{address}/visitor.html") as said:
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
    context = browser.new_context(viewport={"width": 800, "height": 800})
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)

    def so_far():
        page.wait_for_timeout(0)  # hears what has come meanwhile
        return said

    yield so_far
    context.close()
