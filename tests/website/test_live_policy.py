"""Code in a cell sends nothing to another host, even where the server sends no policy."""

import http.server

import pytest
from tornado.web import StaticFileHandler

from tests.support.live_reader import Reader
from tests.support.marks import IN_BROWSER
from tests.support.serving import answering, serving

CHAPTER = "book/02-language-model/the-gradient.html"

pytestmark = IN_BROWSER


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Another host, which everybody may ask, and which notes what it was asked."""

    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def elsewhere():
    with answering(Elsewhere) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser, site):
    with (
        serving(site, StaticFileHandler) as without_policy,
        Reader(browser, without_policy, CHAPTER) as page,
    ):
        yield page.ask().wait_until_ready()


WAYS = {
    "request": """
request = js.XMLHttpRequest.new()
request.open("GET", there, False)
request.send()
""",
    "fetch": "js.fetch(there)",
    "script": "js.importScripts(there)",
    "socket": 'js.WebSocket.new(there.replace("http", "ws"))',
    "events": "js.EventSource.new(there)",
    # Our own worker's file, told to load Python from elsewhere.
    "worker": """
from pyodide.ffi import to_js
inner = js.Worker.new(f"{here}{files['scripts']}worker.js")
start = {"type": "start", "folder": f"{there}/", "wheel": there, "runner": there}
inner.postMessage(to_js(start, dict_converter=js.Object.fromEntries))
""",
    "module": 'js.eval(f"import({there!r})")',
}


@pytest.mark.parametrize("way", WAYS)
def test_no_cell_reaches_another_host(page, elsewhere, way):
    files = page.page.evaluate(
        "fetch('/_static/live/files.json').then((r) => r.json())"
    )
    here = f"{page.page.evaluate('location.origin')}/_static/"
    before = (
        f"import js\nthere = '{elsewhere}/{way}'\nhere = {here!r}\nfiles = {files!r}\n"
    )
    cell = page.cell(5)
    cell.write(before + WAYS[way])
    cell.press("Run")
    page.page.wait_for_timeout(500)
    assert [path for path in Elsewhere.asked if path.startswith(f"/{way}")] == []


def test_a_cell_reaches_the_files_of_its_own_site(page):
    cell = page.cell(5)
    cell.write(
        "import js\nrequest = js.XMLHttpRequest.new()\n"
        f"request.open('GET', '{page.origin}/{CHAPTER}', False)\nrequest.send()\nrequest.status"
    )
    assert cell.press("Run").output == "200\n"


def test_the_page_says_so(page):
    said = page.page.inner_text(".live-help")
    assert "Your edits stay in this browser" in said
    assert "no cell can send anything to another site" in said
