"""Pages and windows, opened in a browser for a test or for all tests of a file."""

import contextlib
from functools import partial

import pytest

from tests.support import page_visits, webkit
from tests.support.live_reader import EXERCISES, Reader
from tests.support.webkit_window import WebKitWindow
from tests.support.windows import PlaywrightWindow


@pytest.fixture
def live_page(browser, origin):
    opened = []

    def open_(name=EXERCISES, **settings):
        opened.append(Reader(browser, origin, name, **settings))
        return opened[-1]

    yield open_
    for each in opened:
        each.context.close()


@pytest.fixture(scope="module")
def exercise_page(browser, origin):
    """One page for all tests that leave Python as they find it."""
    with Reader(
        browser, origin, EXERCISES, color_scheme="light", reduced_motion="reduce"
    ) as page:
        yield page.ask().wait_until_ready()


def in_every_browser(group, names):
    """The parameters of a fixture that is made for each browser, one process for each."""
    return [
        pytest.param(name, marks=pytest.mark.xdist_group(f"{group}-{name}"))
        for name in names
    ]


@contextlib.contextmanager
def windows(request, origin):
    """Opens windows of the browser that a request names, at a site."""
    browser = request.getfixturevalue(request.param)
    with contextlib.ExitStack() as stack:

        def open_(touch=False):
            if request.param == "webkit":
                port = stack.enter_context(webkit.driver(browser))
                window = WebKitWindow(port, webkit.browser(), origin, touch)
            else:
                window = PlaywrightWindow(browser, origin, touch)
            stack.callback(window.close)
            return window

        yield open_


@pytest.fixture(params=in_every_browser("windows", ("browser", "firefox", "webkit")))
def open_window(request, origin):
    """Opens windows of one browser at the built site."""
    with windows(request, origin) as open_:
        yield open_


@pytest.fixture(scope="module", params=in_every_browser("pages", ("firefox", "webkit")))
def show(request):
    """What shows a page in a browser to `page_visits.visit`."""
    browser = request.getfixturevalue(request.param)
    if request.param == "webkit":
        return partial(webkit.console, browser)
    return partial(page_visits.shown_by_playwright, browser)
