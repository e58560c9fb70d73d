"""The Chromium that prints the book and drives its tests."""

from __future__ import annotations

import os
import shutil

MISSING = "no Chromium: install one (`make browser` fetches it) or set UNROLLED_CHROMIUM"
FLAGS = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]


def path() -> str | None:
    """Return the system's Chromium, or None to let Playwright look for its own."""
    for name in (os.environ.get("UNROLLED_CHROMIUM"), "chromium", "chromium-browser"):
        if name and (found := shutil.which(name)):
            return found
    return shutil.which("google-chrome")


def flags() -> list[str]:
    """Return the options of a browser that asks for nothing by itself; root has no sandbox."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return FLAGS + ["--no-sandbox"] * root
