"""The entry of each chapter, and of the book, for a bibliography: in the menu, and in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pybtex.database import BibliographyData, Entry, Person

from book._ext.metadata import page_metadata
from book._ext.source import citation_file

FILE = "unrolled.bib"


def key_of(page: str, root_doc: str) -> str:
    """Return the key of a page: `book/04-gates/the-lstm` -> `unrolled-the-lstm`."""
    *folders, name = page.split("/")
    kept = [folder for folder in folders if folder == "exercises"]
    return "unrolled" if page == root_doc else "-".join(["unrolled", *kept, name])


def entry(app: Any, page: str) -> tuple[str, Entry]:
    """Return a page's entry with its key; the first page's is the book's."""
    config = app.config
    book = citation_file.citation()["title"]
    of_book = page == config.root_doc
    # Braces keep capitals: The LSTM, not The lstm.
    fields = [("title", f"{{{book if of_book else app.env.titles[page].astext()}}}")]
    fields += [] if of_book else [("booktitle", f"{{{book}}}")]
    fields.append(("year", page_metadata.year(app)))
    if config.html_baseurl:
        fields.append(
            ("url", f"{config.html_baseurl}{app.builder.get_target_uri(page)}")
        )
    people = {"author": [Person(last=f"{{{citation_file.author()}}}")]}
    return key_of(page, config.root_doc), Entry(
        "book" if of_book else "incollection", fields=fields, persons=people
    )


def written(*entries: tuple[str, Entry]) -> str:
    """Return entries in BibTeX, with LaTeX's own characters escaped."""
    return BibliographyData(dict(entries)).to_string("bibtex")


def offer(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Give the menu of the page its entry."""
    if app.builder.name == "html" and pagename in page_metadata.chapters(app):
        context["citation"] = (
            written(entry(app, pagename)).strip().replace("\n    ", "\n  ")
        )
        context["citations"] = context["pathto"](FILE, 1)


def finish(app: Any, exception: Exception | None) -> None:
    """Write the file of all entries."""
    if exception is None and app.builder.name == "html":
        entries = [entry(app, page) for page in page_metadata.chapters(app)]
        (Path(app.outdir) / FILE).write_text(written(*entries), "utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", offer)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
