"""The pages of the EPUB: a Sphinx builder that writes XHTML from the doctrees of the site.

It takes the place of Sphinx's own builder of that name, which declares no MathML, knows no parts
and puts the site's style and scripts into the book. `epub.py` calls it, and packs what it writes.

A reading system runs no scripts: equations are MathML, which KaTeX also makes; what needs a script
is left out; links to the site's pages of code become plain text, or lead
to the repository once its address is decided.
"""

from __future__ import annotations

import html
import posixpath
import re
import shutil
import tomllib
from collections.abc import Iterator
from html.entities import name2codepoint
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.io import StringOutput
from pygments.formatters import HtmlFormatter
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

from book._ext.formats import epub_package
from book._ext.page import contents, theme_cleanup
from book._ext.source import address, drawn_cells

LOG = logging.getLogger(__name__)
STYLE = Path(__file__).with_name("epub.css")
NEEDS_SCRIPT = re.compile(r"<script\b|<form\b|<button\b")
OF_THE_SITE = ("source/", "_static/", "_sources/", "downloads/")
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"\
 lang="{language}" xml:lang="{language}">
<head>
<meta charset="utf-8"/>
<title>{title}</title>
<link rel="stylesheet" href="{style}"/>
</head>
<body>
{body}
</body>
</html>
"""


class EpubPages(StandaloneHTMLBuilder):
    """Writes each page as XHTML, and the files that tell a reading system what there is."""

    name = "epub"
    epilog = "The pages of the EPUB are in %(outdir)s."
    supported_image_types = ["image/svg+xml", "image/png", "image/jpeg", "image/gif"]
    copysource = search = download_support = html_scaled_image_link = add_permalinks = (
        False
    )
    allow_sharp_as_current_path = False
    embedded = True

    def init(self) -> None:
        """Choose the suffix; katex.py writes MathML alone."""
        super().init()
        self.out_suffix = self.link_suffix = ".xhtml"
        self.use_index = False

    def get_outdated_docs(self) -> Iterator[str]:
        """Return every page: it takes seconds, and a page may follow from another."""
        return iter(self.env.found_docs)

    def copy_assets(self) -> None:
        """Copy nothing of the site's style and scripts."""

    def write_doc(self, docname: str, doctree: nodes.document) -> None:
        """Write one page."""
        for_paper(doctree, docname, self.app.config)
        doctree.settings = self.docsettings
        self.secnumbers = self.env.toc_secnumbers.get(docname, {})
        self.fignumbers = self.env.toc_fignumbers.get(docname, {})
        self.imgpath = relative_uri(self.get_target_uri(docname), "_images")
        self.current_docname = docname
        self.docwriter.write(doctree, StringOutput(encoding="utf-8"))
        self.docwriter.assemble_parts()
        part = next((p.caption for p in self.parts() if docname in p.pages), "")
        above = f'<p class="part">{html.escape(part)}</p>\n' if part else ""
        self.write_page(
            docname, self.title(docname), above + self.docwriter.parts["fragment"]
        )

    def write_page(self, name: str, title: str, body: str) -> None:
        """Write a page with this body, if it is XML."""
        file = self.get_target_uri(name)
        text = PAGE.format(
            language=self.config.language,
            title=html.escape(title),
            style=relative_uri(file, "epub.css"),
            body=xhtml(body),
        )
        try:
            ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            line = text.splitlines()[error.position[0] - 1][:100]
            LOG.warning("not XHTML: %s: %s", error, line, location=name, type="epub")
        path = Path(self.outdir, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def title(self, docname: str) -> str:
        """Return a page's title without markup."""
        return self.env.titles[docname].astext()

    def parts(self) -> list[contents.Part]:
        """Return the parts with their pages, in reading order; the root stands first."""
        root = contents.Part("", None, [self.config.root_doc])
        return [root, *contents.parts(self.config.external_site_map)]

    def finish(self) -> None:
        """Write images, style, cover, title page, contents and the list of everything."""
        self.copy_image_files()
        out = Path(self.outdir)
        for path in out.glob("_images/*.svg"):
            path.write_text(plain_ids(path.read_text("utf-8")), "utf-8")
        code = HtmlFormatter(
            style=self.config.html_theme_options["pygments_light_style"]
        )
        style = STYLE.read_text("utf-8") + code.get_style_defs(".highlight")
        (out / "epub.css").write_text(style + "\n", "utf-8")
        about = epub_package.about(address.repository(self.config))
        epub_package.draw_cover(out / "cover.png", about)
        self.write_page("title-page", about.title, epub_package.title_page(about))
        parts = [
            (
                part.caption,
                [(self.get_target_uri(p), self.title(p)) for p in part.pages],
            )
            for part in self.parts()
        ]
        self.write_page("nav", "Contents", epub_package.navigation(parts))
        pages = [
            "title-page.xhtml",
            "nav.xhtml",
            *(uri for _, uris in parts for uri, _ in uris),
        ]
        (out / "content.opf").write_text(
            epub_package.contents(about, out, pages), "utf-8"
        )
        (out / "META-INF").mkdir()
        (out / "META-INF/container.xml").write_text(epub_package.CONTAINER, "utf-8")


def xhtml(body: str) -> str:
    """Return a body as XML has it: no names of characters, repaired as on the site, no inputs."""
    for pattern, better in theme_cleanup.REPAIRS:
        body = re.sub(pattern, better, body)
    # A summary that says "show" and "hide", for the site's style to choose from, says the first.
    body = re.sub(r'<p class="expanded admonition-title">.*?</p>', "", body, flags=re.S)
    body = re.sub(
        r"<summary\b.*?</summary>",
        lambda m: re.sub(r"<(/?)p\b", r"<\1span", m[0]),
        body,
        flags=re.S,
    )
    # Tabs stand one under the other; what switched them is left out, what names them is a heading.
    body = re.sub(r"<input\b[^>]*>", "", body)
    body = re.sub(
        r"<label\b[^>]*>(.*?)</label>", r'<p class="tab-name">\1</p>', body, flags=re.S
    )
    return re.sub(
        r"&(\w+);",
        lambda m: (
            m[0]
            if m[1] in ("amp", "lt", "gt", "quot", "apos") or m[1] not in name2codepoint
            else chr(name2codepoint[m[1]])
        ),
        body,
    )


def plain_ids(svg: str) -> str:
    """Return an SVG without the ids that XML does not allow; nothing refers to them."""
    return re.sub(r' id="(?![A-Za-z_][\w.-]*")[^"]*"', "", svg)


def for_paper(doctree: nodes.document, docname: str, config: Any) -> None:
    """Leave out what is for the site alone, and unlink what is not there."""
    for raw in list(doctree.findall(nodes.raw)):
        if NEEDS_SCRIPT.search(raw.astext()) or "not-on-paper" in raw.astext():
            raw.parent.remove(raw)
    for link in list(doctree.findall(nodes.reference)):
        path, _, name = link.get("refuri", "").partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(docname), path))
        if target.startswith(OF_THE_SITE):
            file = target.removeprefix("source/").removesuffix(".xhtml") + ".py"
            url = (
                address.file_url(config, file) if target.startswith("source/") else None
            )
            if url:
                link["refuri"], link["internal"] = url, False
            else:
                link.parent.replace(link, link.children)


def name_version(app: Any, config: Any) -> None:
    """Give Sphinx the package's version, without which it refuses to build an EPUB."""
    text = (drawn_cells.ROOT / "pyproject.toml").read_text("utf-8")
    config.version = tomllib.loads(text)["project"]["version"]


def clear(app: Any) -> None:
    """Empty the folder of an earlier EPUB, so that nothing of it is packed again."""
    if app.builder.name == "epub":
        shutil.rmtree(app.outdir, ignore_errors=True)
        # other extensions write there; nothing of it is packed
        Path(app.outdir, "_static").mkdir(parents=True)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_builder(EpubPages, override=True)
    app.connect("config-inited", name_version)
    app.connect("builder-inited", clear)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
