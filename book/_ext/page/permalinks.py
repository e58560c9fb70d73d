"""Permanent links: each says what it links to, and exercises and theorems have one too.

Ids that their extensions give to several places of a page are taken away.
"""

from __future__ import annotations

import re
from typing import Any

BETTER = {
    "Permalink to this equation": "Link to this equation",
    "Link to this image": "Link to this figure",
}

LINK = re.compile(r'<a class="headerlink" href="([^"]*)" title="([^"]*)">')
BOX = re.compile(
    r'(<div class="(exercise|proof (?P<kind>\w+)) admonition" id="([^"]+)">\s*'
    r'<p class="admonition-title">(?:(?!</p>).)*)</p>',
    re.DOTALL,
)


def headerlink(anchor: str, what: str) -> str:
    """Return a link to a place of the page, as Sphinx writes them."""
    return f'<a class="headerlink" href="#{anchor}" title="Link to this {what}">#</a>'


def linked(body: str) -> str:
    """Return a page's HTML with a link on every exercise and theorem, and a name for every link."""
    body = re.sub(
        r'(<section[^>]*) id="(?:exercise|solution|proof)-content"', r"\1", body
    )
    body = BOX.sub(lambda m: f"{m[1]}{headerlink(m[4], m['kind'] or m[2])}</p>", body)
    return LINK.sub(named, body)


def named(match: re.Match[str]) -> str:
    """Return the start of a permanent link with a name that can be read out: its text is a sign."""
    title = BETTER.get(match[2], match[2])
    return (
        f'<a class="headerlink" href="{match[1]}" title="{title}" aria-label="{title}">'
    )


def improve(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Improve the links of one page of the site."""
    if doctree is not None and app.builder.name == "html":
        context["body"] = linked(context.get("body") or "")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", improve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
