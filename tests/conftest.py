"""What all tests share: paths and settings, the built book, a browser."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Threads that wait for each other cost more than they bring at the sizes of tests.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels run on NumPy arrays

pytest_plugins = ["tests.recorded_run", "tests.side_by_side"]

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "book/_ext"))

# How long an example takes says how busy the machine is and nothing about the code.
settings.register_profile(
    "unhurried",
    parent=settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def site():
    """The built book: the folder _build/html, brought up to date by the one build there is."""
    command = [sys.executable, str(ROOT / "book/_ext/build.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    return ROOT / "_build/html"


def chromium_path():
    """Returns the system's Chromium, or None to let Playwright look for its own."""
    for name in (os.environ.get("UNROLLED_CHROMIUM"), "chromium", "chromium-browser"):
        if name and (path := shutil.which(name)):
            return path
    return shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that asks for nothing by itself."""
    from playwright.sync_api import Error, sync_playwright

    flags = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(executable_path=chromium_path(), args=flags)
        except Error as error:
            line = "no Chromium: install one (`make browser` fetches it) or set UNROLLED_CHROMIUM"
            if os.environ.get("CI"):
                pytest.fail(f"{line}\n{error}", pytrace=False)
            pytest.skip(line)
        yield running
        running.close()
