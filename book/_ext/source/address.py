"""Everything that depends on the repository's address, `repository.url` in _config.yml.

While the address is undecided (its owner is the placeholder OWNER) nothing that would not work is
shown: no Binder button, no link to the repository, no canonical address.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

PLACEHOLDER = "OWNER"


def repository(config: Any) -> str | None:
    """Return the repository's address without a trailing slash, or None while it is undecided."""
    url = config.html_theme_options.get("repository_url", "").rstrip("/")
    return None if not url or PLACEHOLDER in urlsplit(url).path.split("/") else url


def branch(config: Any) -> str:
    """Return the branch that links name."""
    return config.html_theme_options.get("repository_branch") or "main"


def file_url(config: Any, path: str) -> str | None:
    """Return the address of a file of the repository, or None while the address is undecided."""
    url = repository(config)
    return f"{url}/blob/{branch(config)}/{path}" if url else None


def binder_url(config: Any, path: str) -> str | None:
    """Return the address that opens a file of the repository in JupyterLab on Binder."""
    url = repository(config)
    hub = config.html_theme_options.get("launch_buttons", {}).get("binderhub_url")
    if not url or not hub or urlsplit(url).netloc != "github.com":
        return None
    return (
        f"{hub}/v2/gh/{urlsplit(url).path[1:]}/{branch(config)}?urlpath=lab/tree/{path}"
    )


def derive(app: Any, config: Any) -> None:
    """Set the canonical address, which GitHub Pages derives from the repository's."""
    url = repository(config)
    if url and not config.html_baseurl and urlsplit(url).netloc == "github.com":
        owner, name = urlsplit(url).path[1:].split("/")
        config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"


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
        if url := binder_url(app.config, path):
            actions.append(("Open in JupyterLab on Binder", url, ""))
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
        actions.append(("Source on GitHub", url, ""))


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("config-inited", derive)
    app.connect("html-page-context", buttons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
