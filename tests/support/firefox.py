"""The system's Firefox, driven by Playwright."""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.support.paths import ROOT

START = """#!/bin/sh
export UNROLLED_FIREFOX='{firefox}' PYTHONPATH='{root}'
exec '{python}' -m tests.support.firefox_relay "$@"
"""
SETTINGS = {"ui.prefersReducedMotion": 1}


class NoFirefoxError(Exception):
    """There is no Firefox; the message says what to do."""


def path():
    """Returns the system's Firefox, or None."""
    for name in (os.environ.get("UNROLLED_FIREFOX"), "firefox-esr", "firefox"):
        if name and (found := shutil.which(name)):
            return found
    return None


@contextlib.contextmanager
def running(playwright):
    """Yields a headless Firefox that asks for nothing by itself."""
    firefox = path()
    if firefox is None:
        raise NoFirefoxError(
            "no Firefox: install the package firefox-esr or set UNROLLED_FIREFOX"
        )
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "firefox"
        start.write_text(
            START.format(firefox=firefox, root=ROOT, python=sys.executable)
        )
        start.chmod(0o755)
        browser = playwright.firefox.launch(
            executable_path=start,
            channel="moz-firefox",
            firefox_user_prefs=SETTINGS,
            timeout=120_000,
        )
        try:
            yield browser
        finally:
            browser.close()
