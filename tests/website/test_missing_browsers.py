"""A browser that is missing is named, with the package to install."""

import pytest

from tests.support import firefox, webkit
from tests.support.missing_browsers import skipped_without

NEEDS = {
    "firefox-esr": (firefox.NoFirefoxError, lambda: firefox.running(None)),
    "webkit2gtk-driver and xvfb": (webkit.NoWebKitError, webkit.screen),
}


@pytest.mark.parametrize("package", NEEDS)
@pytest.mark.parametrize("ci", [False, True])
def test_a_missing_browser_is_named_with_its_package(
    package, ci, monkeypatch, tmp_path
):
    missing, start = NEEDS[package]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("UNROLLED_FIREFOX", raising=False)
    monkeypatch.setenv("CI", "true" if ci else "")
    outcome = pytest.fail.Exception if ci else pytest.skip.Exception
    with pytest.raises(outcome) as error, skipped_without(missing), start():
        raise AssertionError("a browser was started")
    assert package in str(error.value)
