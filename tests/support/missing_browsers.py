"""What happens to a test whose browser is not installed."""

import contextlib
import os

import pytest


@contextlib.contextmanager
def skipped_without(missing):
    """Skips a test for an error that names what to install; where CI is set, fails it."""
    try:
        yield
    except missing as error:
        if os.environ.get("CI"):
            pytest.fail(f"{error}\n{error.__cause__ or ''}", pytrace=False)
        pytest.skip(str(error))
