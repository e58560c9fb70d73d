"""Marks of the tests that read the built site, alone or in a browser."""

import pytest

ON_SITE = [pytest.mark.site, pytest.mark.slow]
IN_BROWSER = [*ON_SITE, pytest.mark.browser]


def on_site(test):
    """Marks a test of the built site that stands among tests of other things."""
    for mark in ON_SITE:
        test = mark(test)
    return test


def in_browser(test):
    """Marks a test of the built site in a browser."""
    return pytest.mark.browser(on_site(test))
