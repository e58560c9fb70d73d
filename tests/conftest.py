"""What all tests share: paths and settings, the built book, a browser."""

import contextlib
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.support import site_address
from tests.support.missing_browsers import skipped_without
from tests.support.paths import ROOT

# Threads that wait for each other cost more than they bring at the sizes of tests.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels run on NumPy arrays

site_address.set_aside()

pytest_plugins = ["tests.support.suite_recorder", "tests.support.side_by_side"]

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
    command = [sys.executable, "-m", "book._ext.build.build"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=site_address.of_the_site(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    return ROOT / "_build/html"


@pytest.fixture(scope="session")
def origin(site):
    """The address at which the built book is served."""
    from tests.support.serving import serving

    with serving(site) as address:
        yield address


@pytest.fixture(scope="session")
def playwright():
    """What drives Chromium and Firefox: one for all tests of a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright):
    """A headless Chromium that asks for nothing by itself."""
    from book._ext.build import chromium

    with contextlib.ExitStack() as stack:
        with skipped_without(chromium.NoChromiumError):
            running = stack.enter_context(chromium.running(playwright))
        yield running


@pytest.fixture(scope="session")
def firefox(playwright):
    """A headless Firefox: the one of the system."""
    from tests.support import firefox

    with contextlib.ExitStack() as stack:
        with skipped_without(firefox.NoFirefoxError):
            running = stack.enter_context(firefox.running(playwright))
        yield running


@pytest.fixture(scope="session")
def webkit():
    """The environment of WebKit programs: a screen that nobody sees, and an empty home."""
    from tests.support import webkit

    with contextlib.ExitStack() as stack:
        with skipped_without(webkit.NoWebKitError):
            running = stack.enter_context(webkit.screen())
        yield running


@pytest.fixture(scope="session")
def jax_compilation_cache():
    """Keeps what JAX compiles in .pytest_cache/jax: most of such a test's time is compilation.

    The cache finds an executable by the whole program, the version and the device. It is set in
    this process only, since a page of the book that is executed below shows how long it compiles.
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    jax.config.update("jax_compilation_cache_dir", str(ROOT / ".pytest_cache/jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()  # JAX looks for its folder once


@pytest.fixture
def reader(browser):
    """A window that keeps what the console and the network were asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.console, page.asked = [], []
    page.on("console", lambda message: page.console.append(message.text))
    page.on("pageerror", lambda error: page.console.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()
