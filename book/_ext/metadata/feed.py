"""The files for programs that read: changes.xml, an Atom feed, and llms.txt, a list of all pages.

A feed names addresses that hold everywhere, so there is none while the site's address is not
decided. llms.txt then has relative links.
"""

from __future__ import annotations

import datetime
import html
import uuid
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from book._ext.metadata.descriptions import description
from book._ext.metadata.page_metadata import chapters
from book._ext.source import changelog
from book._ext.source.citation_file import author, citation
from book._ext.source.drawn_cells import ROOT

NAME, LIST = "changes.xml", "llms.txt"
CORRECTIONS = "book/reference/corrections.html"
# When the book has had no change yet: the day on which its files are dated (build.QUIET).
FIRST_DAY = datetime.date(2026, 1, 1)


def entries(root: Path) -> list[tuple[datetime.date, str, str]]:
    """Return the day, the title and the text of each release and correction, newest first."""
    found = [
        (change.day, f"Release {change.name}", change.text)
        for change in changelog.releases(root)
        if change.day
    ]
    found += [
        (change.day, f"Correction: {change.name}", change.text)
        for change in changelog.corrections(root)
        if change.day
    ]
    return sorted(found, reverse=True)


def feed(
    base: str, changes: list[tuple[datetime.date, str, str]], language: str
) -> str:
    """Return an Atom feed of changes, for the site at an address."""
    top = ElementTree.Element(
        "feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": language}
    )

    def add(parent: ElementTree.Element, tag: str, text: str = "", **keys: str) -> None:
        ElementTree.SubElement(parent, tag, keys).text = text or None

    def moment(day: datetime.date) -> str:
        return f"{day.isoformat()}T00:00:00Z"

    add(top, "title", f"{citation()['title'].partition(':')[0]}: changes")
    add(top, "id", base)
    add(top, "link", rel="self", type="application/atom+xml", href=f"{base}{NAME}")
    add(top, "link", rel="alternate", type="text/html", href=f"{base}{CORRECTIONS}")
    add(top, "updated", moment(changes[0][0] if changes else FIRST_DAY))
    by = ElementTree.SubElement(top, "author")
    add(by, "name", author())
    for day, title, text in changes:
        entry = ElementTree.SubElement(top, "entry")
        add(entry, "title", title)
        # The same change keeps its name when its text is improved.
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{base}{day}/{title}")
        add(entry, "id", name.urn)
        add(entry, "updated", moment(day))
        add(
            entry,
            "link",
            rel="alternate",
            type="text/html",
            href=f"{base}{CORRECTIONS}",
        )
        add(entry, "content", text, type="text")
    ElementTree.indent(top, "")
    return ElementTree.tostring(top, "unicode", xml_declaration=True) + "\n"


def listed(app: Any) -> str:
    """Return llms.txt: the title, the abstract, and each page with its description."""
    base, about = app.config.html_baseurl or "", citation()
    lines = [f"# {about['title']}", "", f"> {' '.join(about['abstract'].split())}", ""]
    lines += ["## Pages", ""]
    for page in chapters(app):
        title = app.env.titles[page].astext()
        said = description(app, page, app.env.get_doctree(page))
        # As Markdown (formats.markdown_pages), which is what the readers of this list ask for.
        lines.append(f"- [{title}]({base}{page}.md): {said}")
    return "\n".join(lines) + "\n"


def finish(app: Any, exception: Exception | None) -> None:
    """Write the feed and the list."""
    if exception or app.builder.name != "html":
        return
    out, base = Path(app.outdir), app.config.html_baseurl
    (out / LIST).write_text(listed(app), "utf-8")
    if base:
        text = feed(base, entries(ROOT), app.config.language)
        (out / NAME).write_text(text, "utf-8")
    else:
        (out / NAME).unlink(missing_ok=True)


def link(app: Any, page: str, template: str, context: dict, doctree: Any) -> None:
    """Name the feed in the head of each page."""
    base = app.config.html_baseurl
    if app.builder.name == "html" and base and template.endswith(".html"):
        title = html.escape(f"{app.config.html_title}: changes")
        context["metatags"] = (context.get("metatags") or "") + (
            f'\n    <link rel="alternate" type="application/atom+xml" title="{title}" '
            f'href="{base}{NAME}"/>'
        )


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", link, priority=960)  # after page_metadata
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
