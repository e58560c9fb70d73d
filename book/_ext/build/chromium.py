"""The Chromium that prints the book and drives its tests."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


class NoChromiumError(Exception):
    """There is no Chromium; the message says what to do."""


def path() -> str | None:
    """Return the system's Chromium, or None to let Playwright look for its own."""
    for name in (os.environ.get("UNROLLED_CHROMIUM"), "chromium", "chromium-browser"):
        if name and (found := shutil.which(name)):
            return found
    return shutil.which("google-chrome")


@contextlib.contextmanager
def running(playwright: Any = None, flags: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield a headless browser that makes no requests of its own; for root, without its sandbox.

    Only one Playwright can run in a thread: give the one that runs, if there is one.
    """
    from playwright.sync_api import Error, sync_playwright

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with contextlib.ExitStack() as stack:
        playwright = playwright or stack.enter_context(sync_playwright())
        try:
            browser = playwright.chromium.launch(
                executable_path=path(), args=[*FLAGS, *flags] + ["--no-sandbox"] * root
            )
        except Error as error:
            raise NoChromiumError(
                "no Chromium: install one (`make browser` fetches it) or set UNROLLED_CHROMIUM"
            ) from error
        stack.callback(browser.close)
        yield browser
