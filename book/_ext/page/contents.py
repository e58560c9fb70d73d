"""The table of contents for templates: the parts, their numbers, their pages, a page's place.

The sidebar lists it; above a chapter's title stands "Part 3 · Backpropagation … · 2 of 8".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple


class Part(NamedTuple):
    """A part of the book; front matter and reference have no number."""

    caption: str
    number: int | None
    pages: list[str]


def parts(site_map: Any) -> list[Part]:
    """Return the parts in the order of _toc.yml; a part's chapters lie in book/NN-name."""
    found = []
    for subtree in site_map.root.subtrees:
        pages = [str(page).removesuffix(".md") for page in subtree.items]
        folder = re.match(r"book/(\d\d)-", pages[0])
        found.append(
            Part(subtree.caption or "", int(folder[1]) if folder else None, pages)
        )
    return found


def number_of(env: Any, page: str) -> str:
    """Return the number of a chapter, such as "2.4"; empty outside numbered parts."""
    return ".".join(map(str, env.toc_secnumbers.get(page, {}).get("", ())))


class Place(NamedTuple):
    """A page's place in its part: number and title of the part, its first page, place, count."""

    part: int
    title: str
    first: str
    here: int
    of: int


def place(parts: list[Part], docname: str) -> Place | None:
    """Return where a page stands, or None if it is in no numbered part."""
    for part in parts:
        if part.number and docname in part.pages:
            here = part.pages.index(docname) + 1
            first, count = part.pages[0], len(part.pages)
            return Place(part.number, part.caption, first, here, count)
    return None


@lru_cache(maxsize=1000)
def rendered(builder: Any, title: Any) -> str:
    """Return a title as HTML; every page shows those of all."""
    return builder.render_partial(title)["title"]


def navigation(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Give the sidebar its parts, the current one open, and a chapter the line above its title."""
    toc = parts(app.config.external_site_map)
    context["contents"] = [
        {
            "caption": part.caption,
            "number": part.number,
            "open": pagename in part.pages,
            "pages": [
                (page, rendered(app.builder, app.env.titles[page]))
                for page in part.pages
                if page in app.env.titles
            ],
        }
        for part in toc
    ]
    found = place(toc, pagename)
    if doctree is None or found is None or app.builder.name != "html":
        return
    line = app.builder.templates.render(
        "part-progress.html", {"place": found, "first": context["pathto"](found.first)}
    )
    context["body"] = line + (context.get("body") or "")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", navigation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
