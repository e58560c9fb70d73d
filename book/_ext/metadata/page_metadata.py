"""What search engines, catalogues and people who share a link read of a page, all in its head.

A title and a description of its own; Open Graph; who is to be cited; and the book with its chapters
as structured data. What needs the site's address (canonical links, the sitemap, the picture that
goes with a link) appears once the repository's address, from which it derives, is decided.

The description is `description` in the page's front matter, or else the first whole sentences of
its first paragraph.
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from docutils import nodes

from book._ext.page import policy
from book._ext.source import source_pages

LONGEST = 160  # characters of a description taken from a text
PICTURE = ("_static/social.png", 1200, 630)  # drawn by social.py
LICENCES = (
    "https://creativecommons.org/licenses/by/4.0/",
    "https://opensource.org/license/bsd-3-clause",
)
ABOUT = {
    "search": "Search all pages of the book Unrolled: chapters, exercises, glossary and code.",
    "genindex": "The index of the book Unrolled: its terms, with the places that explain them.",
}


@lru_cache(maxsize=1)
def citation() -> dict[str, Any]:
    """Return what CITATION.cff says of the book."""
    return yaml.safe_load(
        (Path(__file__).resolve().parents[3] / "CITATION.cff").read_text("utf-8")
    )


def author() -> str:
    """Return whom to cite."""
    return citation()["authors"][0]["name"]


# --- Titles and descriptions --------------------------------------------------------------------


def title(app: Any, pagename: str, context: dict) -> str:
    """Return a page's title as text."""
    if pagename in app.env.titles:
        return app.env.titles[pagename].astext()
    names = {"search": "Search", "genindex": "Index"}
    # of an index: of proofs
    given = context.get("title") or context.get("indextitle") or pagename
    return names.get(pagename) or html.unescape(re.sub("<[^>]+>", "", str(given)))


def page_title(app: Any, pagename: str, context: dict) -> str:
    """Return what stands in a tab and in a list of results: *The LSTM · Unrolled*."""
    if pagename == app.config.root_doc:
        return citation()["title"]
    return f"{title(app, pagename, context)} · {app.config.html_title}"


def description(app: Any, pagename: str, doctree: nodes.document | None) -> str:
    """Return one or two whole sentences about a page."""
    if given := app.env.metadata.get(pagename, {}).get("description"):
        return str(given)
    if doctree is not None:
        name = app.env.titles[pagename].astext()
        return opening(doctree) or f"{name}, in the book {app.config.html_title}."
    if pagename.startswith("source/"):
        return of_source(Path(app.srcdir), pagename, app.config.html_title)
    return ABOUT.get(
        pagename, f"An index of the book {app.config.html_title}: {pagename}."
    )


def of_source(root: Path, pagename: str, book: str) -> str:
    """Return what the first paragraph of a file's docstring says, whole."""
    name = pagename.removeprefix("source/") + ".py"
    text = ast.get_docstring(ast.parse((root / name).read_text("utf-8"))) or ""
    first = " ".join(text.partition("\n\n")[0].split()).rstrip(".:")
    return f"{name}, a file of the book {book}" + (f": {first}." if first else ".")


def opening(doctree: nodes.document) -> str:
    """Return the first whole sentences of the text, as many as fit, one at least."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            found = ""
            for sentence in readable(paragraph):
                if found and len(found) + len(sentence) >= LONGEST:
                    break
                found = f"{found} {sentence}".strip()
            if found:
                return found
    return ""


def readable(paragraph: nodes.paragraph) -> Iterator[str]:
    """Yield the whole sentences of a paragraph that can be read without their mathematics set."""
    text = "".join(map(_text, paragraph.children))
    for sentence in re.findall(r"[^.!?]+(?:[.!?](?!\s|$)[^.!?]*)*[.!?](?=\s|$)", text):
        if "\0" not in sentence:
            yield " ".join(sentence.split())


def _text(node: nodes.Node) -> str:
    """Return a node as text; a formula that is more than a symbol is marked as unreadable."""
    if isinstance(node, nodes.math | nodes.math_block):
        latex = node.astext()
        return latex if re.fullmatch(r"\w+(?: [=<>] \w+)?", latex) else "\0"
    if isinstance(node, nodes.Text | nodes.literal):
        return node.astext()
    if isinstance(node, nodes.footnote_reference | nodes.raw | nodes.image):
        return ""
    return "".join(map(_text, node.children))


# --- The head of a page -------------------------------------------------------------------------


def chapters(app: Any) -> list[str]:
    """Return the pages of the book in the order of reading, the first being the book's own."""
    # A build that had no page to write has not collected them.
    relations = getattr(app.builder, "relations", None) or app.env.collect_relations()
    found = [app.config.root_doc]
    while following := relations.get(found[-1], (None, None, None))[2]:
        found.append(following)
    return found


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
    if app.builder.name != "html":  # an e-book says this elsewhere
        return
    text = description(app, pagename, doctree)
    # Sphinx and docutils each say how wide the page is; the layout says it already.
    width = r'<meta name="viewport"[^>]*>\s*'
    others = re.sub(width, "", context.get("metatags") or "").strip()
    context["metatags"] = others + tags(app, pagename, context, text, chapters(app))


# --- The site -----------------------------------------------------------------------------------

FIRST = """\
<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
{policy}
<title>{title}</title>
<meta name="description" content="The way to the first page of {about}.">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={page}">{canonical}
</head>
<body><h1><a href="{page}">{title}</a></h1></body>
</html>
"""


def finish(app: Any, exception: Exception | None) -> None:
    """Write the page that leads to the first, robots.txt and the sitemap."""
    if exception or app.builder.name != "html":
        return
    out, base = Path(app.outdir), app.config.html_baseurl
    page = app.builder.get_target_uri(app.config.root_doc)
    first = FIRST.format(
        lang=app.config.language,
        policy=policy.META,
        title=html.escape(app.config.html_title),
        about=html.escape(citation()["title"]),
        page=page,
        canonical=f'\n<link rel="canonical" href="{base}{page}">' if base else "",
    )
    if app.config.root_doc != "index":
        (out / "index.html").write_text(first, "utf-8")
    robots = "User-agent: *\nAllow: /\n"
    if base:
        (out / "sitemap.xml").write_bytes(sitemap(app))
        robots += f"\nSitemap: {base}sitemap.xml\n"
    else:
        (out / "sitemap.xml").unlink(missing_ok=True)
    (out / "robots.txt").write_text(robots, "utf-8")


def sitemap(app: Any) -> bytes:
    """Return every page that one may want to find, also those that this build did not write."""
    pages = [
        *chapters(app),
        *map(source_pages.page_of, source_pages.names(Path(app.srcdir))),
    ]
    top = ElementTree.Element(
        "urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
    )
    for page in [*pages, *(name for name in ABOUT if name != "search")]:
        url = ElementTree.SubElement(top, "url")
        place = ElementTree.SubElement(url, "loc")
        place.text = app.config.html_baseurl + app.builder.get_target_uri(page)
    ElementTree.indent(top, "")
    return ElementTree.tostring(top, "utf-8", xml_declaration=True)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", describe, priority=950)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
