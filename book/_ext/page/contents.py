"""The book's table of contents for templates: the parts, their numbers and their pages."""

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


@lru_cache(maxsize=1000)
def rendered(builder: Any, title: Any) -> str:
    """Return a title as HTML; every page shows those of all."""
    return builder.render_partial(title)["title"]


def navigation(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Give the sidebar its parts; only the part of the current page is open."""
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
        for part in parts(app.config.external_site_map)
    ]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", navigation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
