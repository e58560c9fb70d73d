"""Print the built book: `python book/_ext/pdf.py`. The result is _build/forms/unrolled.pdf.

The pages of the site become one (paper.py), which Chromium prints twice: the first time says on
which page each chapter begins, for the contents. The PDF is then read again and held against the
table of contents; it takes the place of an older one only when nothing is wrong with it.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build
import chromium
import paper
from pypdf import PdfReader, PdfWriter
from pypdf.generic import Destination, DictionaryObject, NameObject, TextStringObject

ROOT = Path(__file__).resolve().parents[2]
FORMS = ROOT / "_build/forms"
DATE = time.strftime("%Y%m%d%H%M%S", time.gmtime(int(build.QUIET["SOURCE_DATE_EPOCH"])))


class PdfError(Exception):
    """There is no PDF; the message says why, one line for each cause."""


def printed(book: paper.Book, source: Path, target: Path) -> None:
    """Print the one page, with the pages' numbers in its contents; raise for what does not fit."""
    from playwright.sync_api import Error, sync_playwright

    source.write_text(book.html, "utf-8")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium.path(), args=chromium.flags()
            )
        except Error:
            raise PdfError(f"There is {chromium.MISSING}") from None
        page = browser.new_page(viewport={"width": 794, "height": 1123}, color_scheme="light")
        page.set_default_timeout(0)
        page.emulate_media(media="print")
        page.goto(source.resolve().as_uri())
        page.evaluate("document.fonts.ready")
        page.add_script_tag(path=str(Path(__file__).with_name("paper.js")))
        page.evaluate("fit()")
        if faults := page.evaluate("measure()"):
            raise PdfError("\n".join(faults))
        numbers: dict[str, int] = {}
        for _ in range(2):
            page.evaluate(NUMBER, numbers)
            page.pdf(path=target, prefer_css_page_size=True, print_background=True,
                     tagged=True, outline=True)  # fmt: skip
            numbers = places(PdfReader(target))
        browser.close()
    undate(target)
    entitle(target, book)


NUMBER = """(numbers) => {
  for (const place of document.querySelectorAll("[data-to]")) {
    place.textContent = numbers[place.dataset.to] ?? "000";
  }
}"""


def undate(path: Path) -> None:
    """Write the day that all of the book's builds bear in place of the hour of printing."""
    data = path.read_bytes()
    path.write_bytes(re.sub(rb"(Date \(D:)\d{14}", rb"\g<1>" + DATE.encode(), data))


def entitle(path: Path, book: paper.Book) -> None:
    """Give each bookmark the words of its heading.

    Chromium takes them from what it painted: without the space where a line was broken, and twice
    where it laid a heading out on one page and then moved it to the next.
    """
    writer = PdfWriter(path, incremental=True)
    marks = [mark.get_object() for mark in chain(writer.root_object["/Outlines"])]
    for mark, heading in zip(marks, book.headings, strict=False):
        painted, title = ("".join(str(t).split()) for t in (mark["/Title"], heading.title))
        if re.fullmatch(f"(?:{re.escape(title)})+", painted):
            mark[NameObject("/Title")] = TextStringObject(heading.title)
    writer.write(path)


def chain(parent: Any) -> Iterator[Any]:
    """Yield the bookmarks below one, in order."""
    mark = parent.get("/First")
    while mark is not None:
        yield mark
        yield from chain(mark)
        mark = mark.get("/Next")


def places(reader: PdfReader) -> dict[str, int]:
    """Return the page, counted from 1, of everything that a link leads to."""
    pages = {page.indirect_reference.idnum: i for i, page in enumerate(reader.pages, start=1)}
    named = reader.named_destinations
    return {name.lstrip("/"): pages[d.raw_get("/Page").idnum] for name, d in named.items()}


def bookmarks(reader: PdfReader) -> Iterator[tuple[int, str, int]]:
    """Yield level, title and page of each bookmark, in order."""
    pages = {page.indirect_reference.idnum: i for i, page in enumerate(reader.pages, start=1)}

    def below(items: list[Any], level: int) -> Iterator[tuple[int, str, int]]:
        for item in items:
            if isinstance(item, Destination):
                yield level, " ".join(str(item.title).split()), pages[item.raw_get("/Page").idnum]
            else:
                yield from below(item, level + 1)

    return below(reader.outline, 1)


def faults(path: Path, book: paper.Book) -> list[str]:
    """Return what is wrong with a PDF: a line for each."""
    reader = PdfReader(path)
    return [
        *wrong_bookmarks(list(bookmarks(reader)), book),
        *wrong_places(places(reader), book),
        *wrong_links(reader),
        *wrong_fonts(reader),
        *wrong_title(reader, book),
    ]


def wrong_bookmarks(found: list[tuple[int, str, int]], book: paper.Book) -> list[str]:
    """Every heading has its bookmark, at its level and in its order."""
    expected = [tuple(heading) for heading in book.headings]
    actual = [(level, title) for level, title, _ in found]
    lines = [f"no bookmark of level {n}: {title}" for n, title in expected if (n, title) not in actual]
    lines += [f"a bookmark of no heading: {title}" for n, title in actual if (n, title) not in expected]
    if not lines and actual != expected:
        lines.append("the bookmarks are not in the order of the headings")
    pages = [page for _, _, page in found]
    if pages != sorted(pages):
        lines.append("the bookmarks do not lead forward from page to page")
    return lines


def wrong_places(found: dict[str, int], book: paper.Book) -> list[str]:
    """Every chapter begins on a page of its own, after the one before it."""
    lines = [f"the page {name} is not in the PDF" for name in book.chapters if name not in found]
    pages = [found[name] for name in book.chapters if name in found]
    if any(a >= b for a, b in zip(pages, pages[1:], strict=False)):
        lines.append("the pages of the table of contents are not in its order")
    lines += [f"nothing at #{name}, to which a link leads" for name in sorted(book.targets - {*found})]
    return lines


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
    """Every font is embedded."""
    lines = set()
    for page in reader.pages:
        resources = page.get("/Resources")
        fonts = (resources.get_object() if resources else {}).get("/Font") or DictionaryObject()
        for font in map(lambda f: f.get_object(), fonts.get_object().values()):
            for inner in font.get("/DescendantFonts", [font]):
                about = inner.get_object().get("/FontDescriptor")
                inside = font["/Subtype"] == "/Type3" or (about and any(
                    f"/FontFile{n}" in about.get_object() for n in ("", 2, 3)))  # fmt: skip
                if not inside:
                    lines.add(f"a font is not embedded: {font.get('/BaseFont')}")
    return sorted(lines)


def wrong_title(reader: PdfReader, book: paper.Book) -> list[str]:
    """The document has a title and a language, and is tagged."""
    catalog = reader.root_object
    has = {
        "title": reader.metadata is not None and reader.metadata.title == book.title,
        "language": bool(catalog.get("/Lang")),
        "tags": "/StructTreeRoot" in catalog,
    }
    return [f"the PDF has no {what}" for what, there in has.items() if not there]


def make(root: Path, folder: Path, target: Path) -> int:
    """Make the PDF of the book built in a folder; return the number of its pages."""
    if not (folder / "index.html").is_file():
        raise PdfError("The book is not built yet: `make book` builds it")
    book = paper.assemble(root, folder)
    if book.faults:
        raise PdfError("\n".join(book.faults))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished.pdf")
    source = target.with_suffix(".unfinished.html")
    try:
        printed(book, source, unfinished)
        if wrong := faults(unfinished, book):
            raise PdfError("\n".join(wrong))
        unfinished.replace(target)
    finally:
        source.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
    return len(PdfReader(target).pages)


def main() -> int:
    """Print the book; return the exit status."""
    try:
        with build.alone(build.BUILD):
            pages = make(ROOT, build.BUILD / "html", FORMS / "unrolled.pdf")
    except PdfError as error:
        print(f"There is no new PDF:\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; an older PDF stays as it was", file=sys.stderr)
        return 130
    print(f"The book is in _build/forms/unrolled.pdf, {pages} pages.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
