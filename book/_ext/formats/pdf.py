"""Print the built book: `python -m book._ext.formats.pdf`. The result is _build/forms/unrolled.pdf.

The pages of the site become one (print_html.py), which Chromium prints twice: the first time says
on which page each chapter begins, for the contents. The PDF is then read again and held against the
table of contents; it takes the place of an older one only when nothing is wrong with it.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import Destination, NameObject, TextStringObject

from book._ext.build import build, chromium
from book._ext.build.paths import HERE, Paths
from book._ext.formats import downloads, print_html

PAGES = 600  # the PDF has fewer
DATE = time.strftime("%Y%m%d%H%M%S", time.gmtime(int(build.QUIET["SOURCE_DATE_EPOCH"])))


class PdfError(Exception):
    """There is no PDF; the message says why, one line for each cause."""


def printed(
    browser: Any, book: print_html.Book, source: Path, target: Path
) -> dict[str, int]:
    """Print the one page, if all of it fits; return the pages' numbers in its contents."""
    source.write_text(book.html, "utf-8")
    page = browser.new_page(
        viewport={"width": 794, "height": 1123}, color_scheme="light"
    )
    try:
        page.set_default_timeout(0)
        page.emulate_media(media="print")
        page.goto(source.resolve().as_uri())
        page.evaluate("document.fonts.ready")
        page.add_script_tag(path=str(Path(__file__).with_name("print_html.js")))
        page.evaluate("fit()")
        if misfits := page.evaluate("measure()"):
            raise PdfError("\n".join(misfits))
        options = {
            "path": target,
            "prefer_css_page_size": True,
            "print_background": True,
        }
        page.pdf(**options)
        numbers = places(PdfReader(target))
        page.evaluate(NUMBER, numbers)
        page.pdf(tagged=True, outline=True, **options)
    finally:
        page.close()
    undate(target)
    entitle(target, book)
    return numbers


NUMBER = """(numbers) => {
  for (const number of document.querySelectorAll("[data-to]")) {
    number.textContent = numbers[number.dataset.to];
  }
}"""


def undate(path: Path) -> None:
    """Write the day that all of the book's builds bear in place of the hour of printing."""
    data = path.read_bytes()
    path.write_bytes(re.sub(rb"(Date \(D:)\d{14}", rb"\g<1>" + DATE.encode(), data))


def entitle(path: Path, book: print_html.Book) -> None:
    """Give each bookmark the words of its heading, and the book its authors.

    Chromium takes them from what it painted: without the space where a line was broken, and twice
    where it laid a heading out on one page and then moved it to the next; formulas it leaves out.
    """
    writer = PdfWriter(path, incremental=True)
    marks = [mark.get_object() for mark in chain(writer.root_object["/Outlines"])]
    for mark, heading in zip(marks, book.headings, strict=False):
        if str(mark["/Title"]).startswith(heading.title.split()[0]):
            mark[NameObject("/Title")] = TextStringObject(heading.title)
    writer.add_metadata({"/Author": book.author, "/Creator": "make pdf"})
    writer.write(path)


def chain(parent: Any) -> Iterator[Any]:
    """Yield the bookmarks below one, in order."""
    mark = parent.get("/First")
    while mark is not None:
        yield mark
        yield from chain(mark)
        mark = mark.get("/Next")


def page_numbers(reader: PdfReader) -> dict[Any, int]:
    """Return the number, counted from 1, of every page by what refers to it."""
    return {page.indirect_reference: i for i, page in enumerate(reader.pages, start=1)}


def places(reader: PdfReader) -> dict[str, int]:
    """Return the number of the page of everything that a link leads to."""
    pages = page_numbers(reader)
    named = reader.named_destinations
    return {name.lstrip("/"): pages[d.raw_get("/Page")] for name, d in named.items()}


def bookmarks(reader: PdfReader) -> Iterator[tuple[int, str, int]]:
    """Yield level, title and page of each bookmark, in order."""
    pages = page_numbers(reader)

    def below(items: list[Any], level: int) -> Iterator[tuple[int, str, int]]:
        for item in items:
            if isinstance(item, Destination):
                yield (
                    level,
                    " ".join(str(item.title).split()),
                    pages[item.raw_get("/Page")],
                )
            else:
                yield from below(item, level + 1)

    return below(reader.outline, 1)


def faults(path: Path, book: print_html.Book, numbers: dict[str, int]) -> list[str]:
    """Return what is wrong with a PDF: a line for each."""
    reader = PdfReader(path)
    return [
        *wrong_bookmarks(list(bookmarks(reader)), book),
        *wrong_places(places(reader), book, numbers),
        *wrong_links(reader),
        *wrong_fonts(reader),
        *wrong_title(reader, book),
        *wrong_length(len(reader.pages)),
    ]


def wrong_bookmarks(
    found: list[tuple[int, str, int]], book: print_html.Book
) -> list[str]:
    """Every heading has its bookmark, at its level and in its order."""
    expected = [tuple(heading) for heading in book.headings]
    actual = [(level, title) for level, title, _ in found]
    lines = [
        f"no bookmark of level {n}: {t}" for n, t in expected if (n, t) not in actual
    ]
    lines += [
        f"a bookmark of no heading: {t}" for n, t in actual if (n, t) not in expected
    ]
    if not lines and actual != expected:
        lines.append("the bookmarks are not in the order of the headings")
    pages = [page for _, _, page in found]
    if pages != sorted(pages):
        lines.append("the bookmarks do not lead forward from page to page")
    return lines


def wrong_places(
    found: dict[str, int], book: print_html.Book, numbers: dict[str, int]
) -> list[str]:
    """Every chapter begins on a page of its own, after the one before it, as the contents say."""
    lines = [
        f"the page {name} is not in the PDF"
        for name in book.chapters
        if name not in found
    ]
    pages = [found[name] for name in book.chapters if name in found]
    if any(a >= b for a, b in pairwise(pages)):
        lines.append("the pages of the table of contents are not in its order")
    lines += [
        f"the contents have page {numbers.get(name)} for {name}, which is on page {found[name]}"
        for name in book.chapters
        if name in found and numbers.get(name) != found[name]
    ]
    missing = sorted(book.targets - {*found})
    return lines + [f"nothing at #{name}, to which a link leads" for name in missing]


def wrong_links(reader: PdfReader) -> list[str]:
    """Every link leads to a place in the book or to an address of the web."""
    named = {name.lstrip("/") for name in reader.named_destinations}
    lines = set()
    for number, page in enumerate(reader.pages, start=1):
        for note in page.get("/Annots") or []:
            link = note.get_object()
            if link.get("/Subtype") != "/Link":
                continue
            uri = str(link.get("/A", {}).get("/URI", ""))
            if uri and not re.match(r"https?://(?!localhost|127\.)|mailto:", uri):
                lines.add(f"page {number}: a link to {uri}")
            if not uri and str(link.get("/Dest", "")).lstrip("/") not in named:
                lines.add(f"page {number}: a link leads nowhere: {link.get('/Dest')}")
    return sorted(lines)


def wrong_fonts(reader: PdfReader) -> list[str]:
    """Every font is embedded; one of Type 3 is drawn in the file."""
    lines = set()
    for page in reader.pages:
        resources: Any = page.get("/Resources", {})
        for named in resources.get("/Font", {}).values():
            font = named.get_object()
            for inner in font.get("/DescendantFonts", [font]):
                about = inner.get_object().get("/FontDescriptor", {})
                inside = any(f"/FontFile{n}" in about for n in ("", 2, 3))
                if not inside and font["/Subtype"] != "/Type3":
                    lines.add(f"a font is not embedded: {font.get('/BaseFont')}")
    return sorted(lines)


def wrong_title(reader: PdfReader, book: print_html.Book) -> list[str]:
    """The document has a title and a language, and is tagged."""
    catalog = reader.root_object
    has = {
        "title": reader.metadata is not None and reader.metadata.title == book.title,
        "language": bool(catalog.get("/Lang")),
        "tags": "/StructTreeRoot" in catalog,
    }
    return [f"the PDF has no {what}" for what, there in has.items() if not there]


def wrong_length(pages: int) -> list[str]:
    """A book of 600 pages is too heavy to print: leave something out, or set it more tightly."""
    if pages < PAGES:
        return []
    return [f"the PDF has {pages} pages, and must have fewer than {PAGES}"]


def make(root: Path, folder: Path, target: Path, browser: Any) -> int:
    """Make the PDF of the book built in a folder; return the number of its pages."""
    book = print_html.assemble(root, folder)
    if book.faults:
        raise PdfError("\n".join(book.faults))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished.pdf")
    source = target.with_suffix(".unfinished.html")
    try:
        numbers = printed(browser, book, source, unfinished)
        if wrong := faults(unfinished, book, numbers):
            raise PdfError("\n".join(wrong))
        unfinished.replace(target)
    finally:
        source.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
    return len(PdfReader(target).pages)


def main(paths: Paths = HERE) -> int:
    """Print the book; return the exit status."""

    def work() -> str:
        if not (paths.html / "index.html").is_file():
            raise build.BuildError("The book is not built yet: `make book` builds it")
        try:
            with build.alone(paths.build), chromium.running() as browser:
                pages = make(
                    paths.root, paths.html, paths.forms / "unrolled.pdf", browser
                )
                downloads.show(paths.build, paths.root)
        except (PdfError, chromium.NoChromiumError) as error:
            raise build.BuildError(f"There is no new PDF:\n{error}") from None
        return f"The book is in _build/forms/unrolled.pdf, {pages} pages."

    return build.status(work, "an older PDF stays as it was")


if __name__ == "__main__":
    sys.exit(main())
