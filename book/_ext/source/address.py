"""Everything that depends on the repository's address, which `repository.py` finds.

While the address is undecided, nothing that would not work is shown: no Binder button, no link to
the repository, no canonical address.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sphinx.util import logging

from book._ext.source import binder, colab
from book._ext.source import repository as found_repository

logger = logging.getLogger(__name__)


def repository(config: Any) -> str | None:
    """Return the repository's address without a trailing slash, or None while it is undecided."""
    return config.repository_address or None


def branch(config: Any) -> str:
    """Return the branch that links name."""
    return config.html_theme_options.get("repository_branch") or "main"


def file_url(config: Any, path: str) -> str | None:
    """Return the address of a file of the repository, or None while the address is undecided."""
    url = repository(config)
    return found_repository.file_url(url, branch(config), path) if url else None


def binder_url(app: Any, path: str) -> str | None:
    """Return the address that opens a page in JupyterLab on Binder."""
    url = repository(app.config)
    if not url:
        return None
    hub = app.config.html_theme_options.get("launch_buttons", {}).get("binderhub_url")
    return binder.url(url, branch(app.config), hub or "", path, Path(app.srcdir))


def derive(app: Any, config: Any) -> None:
    """Find the repository's address, and set the canonical one, which derives from it."""
    configured = config.html_theme_options.get("repository_url", "")
    found = found_repository.find(Path(app.srcdir), configured)
    logger.info(found.line)
    config.repository_address = found.url or ""
    if found.url and not config.html_baseurl:
        config.html_baseurl = found_repository.pages_url(found.url) or ""


def buttons(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Replace the theme's header buttons by the few that work."""
    pathto = context["pathto"]
    context["page_actions"] = actions = []
    if doctree is None or not context.get("page_source_suffix"):
        return
    path = f"{pagename}{context['page_source_suffix']}"
    if context.get("executed_notebook"):
        if url := binder_url(app, path):
            actions.append(("Open in JupyterLab on Binder", url, ""))
        if url := colab.url(repository(app.config) or "", pagename):
            actions.append(("Open in Colab", url, ""))
        actions.append(
            (
                "Download as a notebook",
                pathto(context["executed_notebook"], 1),
                "download",
            )
        )
    actions.append(
        (
            "Download as MyST Markdown",
            pathto(f"_sources/{context['sourcename']}", 1),
            "download",
        )
    )
    if url := file_url(app.config, path):
        host, _ = found_repository.HOSTS[urlsplit(url).netloc]
        actions.append((f"Source on {host}", url, ""))


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    # all pages are written again when it changes: the site has no .buildinfo
    app.add_config_value("repository_address", "", "env")
    app.connect("config-inited", derive)
    app.connect("html-page-context", buttons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
