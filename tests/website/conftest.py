"""Pages whose code runs in the browser, opened for a test or for all tests of a file."""

import pytest

from tests.support.live_reader import EXERCISES, Reader


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
