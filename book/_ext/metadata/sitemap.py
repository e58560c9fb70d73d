"""The files that lead browsers and search engines in: index.html, robots.txt, sitemap.xml."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from book._ext.metadata.descriptions import ABOUT
from book._ext.metadata.page_metadata import chapters
from book._ext.page import policy
from book._ext.source import source_pages
from book._ext.source.citation_file import citation

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
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
