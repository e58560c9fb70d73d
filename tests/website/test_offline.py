"""The site without a server: unpacked from its one archive and opened as files.

The folder has a space and letters beyond ASCII in its name. Nothing may be written to the console,
no request may fail, and none may leave the folder.
"""

import zipfile
from urllib.parse import quote

import pytest

from book._ext.build import archives
from book._ext.formats import site_zip
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.site, pytest.mark.slow, pytest.mark.browser]

PAGES = (
    "index.html",
    "book/04-gates/the-lstm.html",
    "book/03-bptt/vanishing-and-exploding.html",
    "book/exercises/bptt.html",
    "book/reference/other-forms.html",
    "source/code/unrolled/cells/rnn.html",
)
FONTS = (
    '400 16px "Source Serif 4"',
    '600 16px "Source Sans 3"',
    '400 16px "Source Code Pro"',
)


@pytest.fixture(scope="module")
def offline(site, tmp_path_factory):
    """The archive of the site, unpacked; its address as a file."""
    folder = tmp_path_factory.mktemp("out") / "Bücher, neu 学"
    archives.write(folder / "site.zip", site_zip.files(site))
    with zipfile.ZipFile(folder / "site.zip") as archive:
        archive.extractall(folder)
    return f"file://{quote(str(folder / 'unrolled'))}/"


class Tab:
    """A browser's tab that notes what goes wrong in it."""

    def __init__(self, page, home):
        self.page, self.home, self.troubles = page, home, []
        page.on(
            "console", lambda message: self.troubles.append(f"console: {message.text}")
        )
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on(
            "requestfailed",
            lambda request: self.troubles.append(f"failed: {request.url}"),
        )
        page.on("request", self.note)

    def note(self, request):
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.troubles.append(f"foreign: {request.url}")

    def open(self, name):
        self.page.goto(self.home + name, wait_until="load")
        if name == "index.html":  # which leads on
            self.page.wait_for_url("**/book/intro.html")
        self.page.evaluate("document.fonts.ready.then(() => 0)")


@pytest.fixture
def tab(browser, offline):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Tab(context.new_page(), offline)
    context.close()


def test_pages_open_as_files_with_their_fonts_and_figures(tab):
    for name in PAGES:
        tab.open(name)
        page = tab.page
        assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith(
            '"Source'
        )
        loaded = page.evaluate(
            "fonts => Promise.all(fonts.map((font) => document.fonts.load(font)))"
            ".then(() => [...document.fonts].filter((f) => f.status === 'loaded').length)",
            FONTS,
        )
        assert loaded >= 3, name
        assert page.evaluate(
            "fonts => fonts.every((font) => document.fonts.check(font))", FONTS
        )
        hidden = page.evaluate(
            "() => [...document.querySelectorAll('article img.light-twin')].map((image) => {"
            " image.loading = 'eager'; return image.decode().then(() => image.naturalWidth); })"
            ".reduce(async (all, one) => [...await all, await one], [])"
        )
        assert all(hidden), name
        assert tab.troubles == [], name
    assert tab.page.evaluate("location.protocol") == "file:"


def test_a_fault_is_noted(tab):
    tab.open("book/notation.html")
    tab.page.evaluate("fetch('intro.html').catch(() => console.log('refused'))")
    tab.page.evaluate("new Image().src = 'http://127.0.0.1:9/foreign.png'")
    tab.page.wait_for_timeout(300)
    kinds = {trouble.partition(":")[0] for trouble in tab.troubles}
    assert kinds == {"console", "failed", "foreign"}


def test_a_font_that_is_not_there_is_noticed(tab):
    tab.page.route("**/*.woff2", lambda route: route.abort())
    tab.open("book/notation.html")
    assert not tab.page.evaluate("document.fonts.check('16px \"Source Serif 4\"')")


def test_the_search_finds_a_term(tab):
    tab.open("search.html?q=softmax")
    tab.page.wait_for_selector("#search-results li a")
    tab.page.wait_for_timeout(500)
    assert tab.page.locator("#search-results li").count() > 0
    assert tab.troubles == []
    tab.page.locator("#search-results li a").first.click()
    tab.page.wait_for_load_state()
    assert tab.page.evaluate(
        "document.body.textContent.toLowerCase().includes('softmax')"
    )
    assert tab.troubles == []


def test_the_theme_button_and_the_menu_work(tab):
    tab.open("book/04-gates/the-lstm.html")
    page = tab.page
    themes = set()
    for _ in range(3):
        themes.add(page.evaluate("document.documentElement.dataset.theme"))
        page.locator("button.theme-switch-button").first.click()
    assert themes == {"light", "dark"}
    page.locator(".article-header-buttons details.page-actions summary").first.click()
    assert page.get_by_text("Download as a notebook").is_visible()
    assert tab.troubles == []


def test_running_code_says_that_it_needs_a_server(tab):
    tab.open("book/exercises/bptt.html")
    tab.page.get_by_role("button", name="Run the code on this page").click()
    said = tab.page.locator(".live-bar [role=status]")
    wait_until(
        tab.page,
        "() => document.querySelector('.live-bar [role=status]').textContent.length > 10",
    )
    assert "serve" in said.text_content()
    assert tab.troubles == []
