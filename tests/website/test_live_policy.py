"""Code in a cell sends nothing to another host, even where the server sends no policy."""

import pytest
from tornado.web import Application, RequestHandler, StaticFileHandler

from book._ext.build import serve
from book._ext.page import policy
from tests.support.live_reader import Reader
from tests.support.marks import IN_BROWSER
from tests.support.serving import serving

CHAPTER = "book/02-language-model/the-gradient.html"

pytestmark = IN_BROWSER


class Elsewhere(RequestHandler):
    """Answers at another host, which everybody may ask, and notes what was asked."""

    def get(self):
        self.settings["asked"].append(self.request.path)
        self.set_header("Access-Control-Allow-Origin", "*")


class Unprotected(RequestHandler):
    """Answers with a page from which the policy has been removed."""

    def get(self):
        self.write(self.settings["page"])


@pytest.fixture(scope="module")
def elsewhere():
    """The address of another host, and the paths for which it was asked."""
    asked = []
    with serve.running(Application([("/.*", Elsewhere)], asked=asked)) as address:
        yield address, asked


@pytest.fixture(scope="module")
def page(browser, site):
    with (
        serving(site, StaticFileHandler) as without_policy,
        Reader(browser, without_policy, CHAPTER) as page,
    ):
        yield page.ask().wait_until_ready()


@pytest.fixture(scope="module")
def unprotected_page(browser, site):
    text = (site / CHAPTER).read_text("utf-8").replace(policy.META, "")
    added = (f"/{CHAPTER}", Unprotected)
    answers = serve.application(site, StaticFileHandler, added, page=text)
    with (
        serve.running(answers) as address,
        Reader(browser, address, CHAPTER) as page,
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
start = {"type": "start", "folder": f"{there}/", "wheel": there, "loads": {"scripts": 0}}
inner.postMessage(to_js(start, dict_converter=js.Object.fromEntries))
""",
    "module": 'js.eval(f"import({there!r})")',
}


def try_to_reach(page, address, way):
    """Runs a cell that asks a host for something in one way."""
    files = page.page.evaluate(
        "fetch('/_static/live/files.json').then((r) => r.json())"
    )
    here = f"{page.page.evaluate('location.origin')}/_static/"
    before = f"import js\nthere = '{address}'\nhere = {here!r}\nfiles = {files!r}\n"
    cell = page.cell(5)
    cell.write(before + WAYS[way])
    cell.press("Run")


@pytest.mark.parametrize("way", WAYS)
def test_no_cell_reaches_another_host(page, elsewhere, way):
    address, asked = elsewhere
    try_to_reach(page, f"{address}/with-policy/{way}", way)
    page.page.wait_for_timeout(500)
    assert [path for path in asked if path.startswith(f"/with-policy/{way}")] == []


@pytest.mark.parametrize("way", WAYS)
def test_each_way_reaches_another_host_from_a_page_without_the_policy(
    unprotected_page, elsewhere, way
):
    address, asked = elsewhere
    try_to_reach(unprotected_page, f"{address}/without-policy/{way}", way)
    for _ in range(100):
        if any(path.startswith(f"/without-policy/{way}") for path in asked):
            return
        unprotected_page.page.wait_for_timeout(50)
    raise AssertionError(f"{way} asked for nothing: {unprotected_page.cell(5).output}")


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
