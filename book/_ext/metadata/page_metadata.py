"""What search engines, catalogues and people who share a link read of a page, all in its head.

A title and a description; Open Graph; who is to be cited; and the book with its chapters as
structured data. What needs the site's address (canonical links, the picture that goes with a link)
appears once the repository's address, from which it derives, is decided.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from book._ext.metadata.descriptions import description, page_title, title
from book._ext.source.citation_file import author, citation

PICTURE = ("_static/social.png", 1200, 630)  # drawn by social.py
LICENCES = (
    "https://creativecommons.org/licenses/by/4.0/",
    "https://opensource.org/license/bsd-3-clause",
)


def chapters(app: Any) -> list[str]:
    """Return the pages of the book in the order of reading, the first being the book's own."""
    # A build that had no page to write has not collected them.
    return list(getattr(app.builder, "relations", None) or app.env.collect_relations())


def structured(app: Any, pagename: str, text: str, pages: list[str]) -> dict[str, Any]:
    """Return the page as schema.org describes books."""
    about = citation()

    def to(page: str) -> str:
        base = app.config.html_baseurl
        uri = app.builder.get_target_uri(page)
        return f"{base}{uri}" if base else app.builder.get_relative_uri(pagename, page)

    def name(page: str) -> str:
        return app.env.titles[page].astext()

    made = {
        "author": {"@type": "Organization", "name": author()},
        "inLanguage": app.config.language,
        "license": LICENCES[0],
    }
    if pagename == app.config.root_doc:
        parts = [
            {
                "@type": "Chapter",
                "position": number,
                "name": name(page),
                "url": to(page),
            }
            for number, page in enumerate(pages[1:], 1)
        ]
        return {
            "@context": "https://schema.org",
            "@type": "Book",
            "name": about["title"],
            "description": text,
            **made,
            "license": LICENCES,
            "datePublished": year(app),
            "keywords": about["keywords"],
            "hasPart": parts,
        }
    return {
        "@context": "https://schema.org",
        "@type": "Chapter",
        "headline": name(pagename),
        "position": pages.index(pagename),
        "description": text,
        **made,
        "isPartOf": {"@type": "Book", "name": about["title"], "url": to(pages[0])},
    }


def year(app: Any) -> str:
    """Return the year of publication."""
    return str(app.config.copyright)


def tags(app: Any, pagename: str, context: dict, text: str, pages: list[str]) -> str:
    """Return everything as elements."""
    config = app.config
    name = (
        context["page_title"]
        if pagename == config.root_doc
        else title(app, pagename, context)
    )
    named = [("name", "description", text)]
    named += [
        ("property", "og:title", name),
        ("property", "og:description", text),
        ("property", "og:type", "book" if pagename == config.root_doc else "article"),
        ("property", "og:site_name", config.html_title),
    ]
    if pagename in pages:
        book = [("citation_inbook_title", citation()["title"])]
        named += [
            ("name", key, value)
            for key, value in [
                ("citation_title", name),
                ("citation_author", author()),
                ("citation_publication_date", year(app)),
                ("citation_language", config.language),
                *(book if pagename != config.root_doc else []),
            ]
        ]
    if context.get("pageurl"):
        path, width, height = PICTURE
        named += [
            ("property", "og:url", context["pageurl"]),
            ("property", "og:image", f"{config.html_baseurl}{path}"),
            ("property", "og:image:width", str(width)),
            ("property", "og:image:height", str(height)),
            (
                "property",
                "og:image:alt",
                "Unrolled: a recurrent network drawn step by step.",
            ),
            ("name", "twitter:card", "summary_large_image"),
        ]
        if pagename in pages:
            named.append(("name", "citation_public_url", context["pageurl"]))
    lines = [
        f'<meta {kind}="{key}" content="{_quoted(value)}"/>'
        for kind, key, value in named
    ]
    if pagename in pages:
        data = json.dumps(
            structured(app, pagename, text, pages),
            ensure_ascii=False,
            separators=(",", ":"),
        ).replace("</", "<\\/")
        lines.append(f'<script type="application/ld+json">{data}</script>')
    return "".join(f"\n    {line}" for line in lines)


def _quoted(value: str) -> str:
    return html.escape(value, quote=False).replace('"', "&quot;")


def describe(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Give a page its title and its descriptions."""
    if not templatename.endswith(".html"):
        return
    context["page_title"] = page_title(app, pagename, context)
    if app.builder.name != "html":  # the EPUB has its own metadata
        return
    text = description(app, pagename, doctree)
    # Sphinx and docutils each add a viewport; the layout has one already.
    width = r'<meta name="viewport"[^>]*>\s*'
    others = re.sub(width, "", context.get("metatags") or "").strip()
    context["metatags"] = others + tags(app, pagename, context, text, chapters(app))


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", describe, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
