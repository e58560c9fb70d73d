"""Waiting for a page, which under its own policy may not evaluate what it is told to wait for."""


def wait_until(page, script, argument=None, seconds=30):
    """Asks a page again and again, as a debugger would, until the answer is true."""
    for _ in range(seconds * 50):
        if page.evaluate(script, argument):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {script}")


def settle(page):
    """Waits until a page has marked what scrolls at its width, if it has our script."""
    wait_until(
        page,
        "!document.documentElement.classList.contains('scripted')"
        " || document.documentElement.dataset.laidOut == innerWidth",
    )
