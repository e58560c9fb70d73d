"""What makes XHTML pages an EPUB: title page, cover, contents, and the list of every file."""

from __future__ import annotations

import html
import os
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from book._ext.source.citation_file import citation

SUBTITLE = "Recurrent networks built from nothing"
# Fixed, so that a new edition takes the old one's place in a reader's library.
IDENTIFIER = uuid.uuid5(
    uuid.NAMESPACE_OID, "unrolled-recurrent-networks-built-from-nothing"
).urn
TYPES = {
    ".xhtml": "application/xhtml+xml",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
}
LICENCES = "Code: BSD 3-Clause. Text and figures: CC BY 4.0."
ACCESSIBILITY = (
    ("schema:accessMode", ("textual", "visual")),
    ("schema:accessModeSufficient", ("textual",)),
    (
        "schema:accessibilityFeature",
        (
            *("alternativeText", "MathML", "tableOfContents", "readingOrder"),
            *("structuralNavigation", "displayTransformability"),
        ),
    ),
    ("schema:accessibilityHazard", ("none",)),
    (
        "schema:accessibilitySummary",
        (
            "Every figure has a description in words, every equation is MathML, and headings, "
            "parts and chapters can be navigated. Nothing needs a script, colour or sight alone.",
        ),
    ),
)
CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="content.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""


class About(NamedTuple):
    """What is said of the book."""

    title: str
    authors: list[str]
    version: str
    description: str
    address: str | None


def about(address: str | None) -> About:
    """Return what CITATION.cff says of the book."""
    said = citation()
    authors = [author["name"] for author in said["authors"]]
    title = said["title"].partition(":")[0]
    return About(
        title, authors, said["version"], " ".join(said["abstract"].split()), address
    )


def title_page(book: About) -> str:
    """Return the body of the title page."""
    lines = [
        f"<h1>{html.escape(book.title)}</h1>",
        f'<p class="subtitle">{SUBTITLE}</p>',
        f'<p class="authors">{html.escape(", ".join(book.authors))}</p>',
        f"<p>{html.escape(book.description)}</p>",
        f"<p>Version {book.version}. {LICENCES}</p>",
    ]
    if book.address:
        url = html.escape(book.address)
        lines.append(f'<p><a href="{url}">{url}</a></p>')
    return '<section epub:type="titlepage" class="title-page">{}</section>'.format(
        "\n".join(lines)
    )


def navigation(parts: list[tuple[str, list[tuple[str, str]]]]) -> str:
    """Return the body of the contents: parts, and in each its pages as (file, title)."""
    entries = []
    for caption, pages in parts:
        links = [
            f'<li><a href="{uri}">{html.escape(title)}</a></li>' for uri, title in pages
        ]
        if caption and links:
            inner = "\n".join(links)
            entries.append(
                f"<li><span>{html.escape(caption)}</span>\n<ol>\n{inner}\n</ol></li>"
            )
        else:
            entries += links
    first = parts[0][1][0][0]
    return "\n".join(
        [
            '<nav epub:type="toc" id="toc"><h1>Contents</h1>\n<ol>',
            *entries,
            "</ol></nav>",
            '<nav epub:type="landmarks" hidden="hidden"><h2>Landmarks</h2>\n<ol>',
            '<li><a epub:type="titlepage" href="title-page.xhtml">Title page</a></li>',
            '<li><a epub:type="toc" href="#toc">Contents</a></li>',
            f'<li><a epub:type="bodymatter" href="{first}">Beginning</a></li>',
            "</ol></nav>",
        ]
    )


def contents(book: About, folder: Path, pages: list[str]) -> str:
    """Return content.opf: what the book is, its files, and the order in which they are read."""
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in TYPES and "_static" not in path.parts
    )
    names = {file: f"f{number}" for number, file in enumerate(files)}
    day = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    title = html.escape(f"{book.title}: {SUBTITLE[0].lower()}{SUBTITLE[1:]}")
    said = [
        f'<dc:identifier id="id">{IDENTIFIER}</dc:identifier>',
        f"<dc:title>{title}</dc:title>",
        "<dc:language>en-GB</dc:language>",
        *(f"<dc:creator>{html.escape(author)}</dc:creator>" for author in book.authors),
        f"<dc:description>{html.escape(book.description)}</dc:description>",
        f"<dc:rights>{LICENCES}</dc:rights>",
        "<dc:subject>Recurrent neural networks</dc:subject>",
        f"<dc:date>{time.strftime('%Y-%m-%d', day)}</dc:date>",
        f'<meta property="dcterms:modified">{time.strftime("%Y-%m-%dT%H:%M:%SZ", day)}</meta>',
        *(
            f'<meta property="{name}">{html.escape(value)}</meta>'
            for name, values in ACCESSIBILITY
            for value in values
        ),
    ]
    if book.address:
        said.append(f"<dc:source>{html.escape(book.address)}</dc:source>")
    items = [item(folder, file, names[file]) for file in files]
    spine = [f'<itemref idref="{names[page]}"/>' for page in pages]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"'
            ' xml:lang="en-GB" prefix="schema: http://schema.org/">',
            '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">',
            *said,
            "</metadata>\n<manifest>",
            *items,
            "</manifest>\n<spine>",
            *spine,
            "</spine>\n</package>\n",
        ]
    )


def item(folder: Path, file: str, name: str) -> str:
    """Return a file's line in the list, with what a reading system must be able to show."""
    path = folder / file
    text = path.read_text("utf-8") if path.suffix == ".xhtml" else ""
    properties = [
        kind for kind, tag in (("mathml", "<math"), ("svg", "<svg")) if tag in text
    ]
    properties += {"nav.xhtml": ["nav"], "cover.png": ["cover-image"]}.get(file, [])
    said = f' properties="{" ".join(properties)}"' if properties else ""
    return f'<item id="{name}" href="{file}" media-type="{TYPES[path.suffix]}"{said}/>'


def draw_cover(path: Path, book: About) -> None:
    """Draw the cover: the title over an unrolled network whose gradient fades on its way back."""
    from matplotlib import patches
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ink, ground, light = "#14181f", "#fbfaf7", "#0b5fa5"
    figure = Figure(figsize=(6, 9), dpi=200, facecolor=ground)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 6), ylim=(0, 9))
    axes.axis("off")

    def circle(x: float, y: float, radius: float, **look: Any) -> None:
        axes.add_patch(patches.Circle((x, y), radius, edgecolor=ink, **look))

    steps = 6
    for t in range(steps):
        x, strength = 0.75 + 0.9 * t, 0.55 ** (steps - 1 - t)
        for y in (2.6, 5.0):
            axes.plot([x, x], [3.8, y], color=ink, linewidth=1.2, zorder=1)
            circle(x, y, 0.09, facecolor=ink, zorder=2)
        if t:
            axes.plot([x - 0.9, x], [3.8, 3.8], color=ink, linewidth=1.2, zorder=1)
        circle(x, 3.8, 0.3, facecolor=ground, zorder=2)
        circle(x, 3.8, 0.3, facecolor=light, linewidth=1.4, alpha=strength, zorder=3)
        circle(x, 3.8, 0.3, fill=False, zorder=4)
    serif: dict[str, Any] = {"family": "DejaVu Serif", "color": ink}
    axes.text(0.45, 7.55, book.title, fontsize=54, va="center", **serif)
    axes.text(0.47, 6.75, SUBTITLE, fontsize=17, va="center", **serif)
    axes.text(0.47, 0.8, ", ".join(book.authors), fontsize=13, va="center", **serif)
    figure.savefig(path, metadata={"Software": None})
