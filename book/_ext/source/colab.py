"""Colab: the address that opens the executed notebook of a page there."""

from __future__ import annotations

from urllib.parse import urlsplit

BRANCH = "notebooks"  # formats/notebook_branch.py writes it
ADDRESS = "https://colab.research.google.com/github"


def url(repository: str, page: str) -> str | None:
    """Return the address that opens a page in Colab, None except on GitHub.

    Only GitHub's workflow publishes the notebooks.
    """
    parts = urlsplit(repository)
    if parts.netloc != "github.com":
        return None
    return f"{ADDRESS}{parts.path}/blob/{BRANCH}/{page}.ipynb"
