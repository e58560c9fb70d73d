"""Where a chapter stands: "Part 3 · Backpropagation through time · 2 of 8", above its title.

Part and place are read from the table of contents; a part is numbered as its folder is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from book._ext.page import contents


class Place(NamedTuple):
    """A page's place in its part: number and title of the part, its first page, place, count."""

    part: int
    title: str
    first: str
    here: int
    of: int


def place(parts: list[contents.Part], docname: str) -> Place | None:
    """Return where a page stands, or None if it is in no numbered part."""
    for part in parts:
        if part.number and docname in part.pages:
            here = part.pages.index(docname) + 1
            return Place(
                part.number, part.caption, part.pages[0], here, len(part.pages)
            )
    return None


def show(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Put the line above the page's title."""
    found = place(contents.parts(app.config.external_site_map), pagename)
    if doctree is None or found is None or app.builder.name != "html":
        return
    line = app.builder.templates.render(
        "part-progress.html", {"place": found, "first": context["pathto"](found.first)}
    )
    context["body"] = line + (context.get("body") or "")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", show)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
