"""The whole book as one page of HTML, to be printed: put together from the pages of the site.

So its numbers of equations and figures, its outputs and its marks are those of the site, nothing is
executed or resolved again, and what the theme and the scripts add round the text is left behind.
(Sphinx's singlehtml would need its own answers to sphinx-exercise, to Jupyter Book's hidden cells,
on which it stops, and to every hook of ours on a page's context.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import yaml
from bs4 import BeautifulSoup, Tag
from sphinx_external_toc.parsing import parse_toc_yaml

from book._ext.formats.print_articles import Aside, demote, for_paper, read, text_of
from book._ext.formats.print_links import anchor, relink, settle

LICENCE = "Text and figures: CC BY 4.0. Code: BSD 3-Clause licence."


class Chapter(NamedTuple):
    """A page of the table of contents."""

    name: str
    part: str
    level: int


class Heading(NamedTuple):
    """A heading of the whole, as it must stand among the bookmarks."""

    level: int
    title: str


class Book(NamedTuple):
    """The one page, and what the PDF made from it must have."""

    html: str
    title: str
    author: str
    headings: list[Heading]
    chapters: list[str]  # the anchors of the pages, in order
    targets: set[str]  # the anchors that links lead to
    faults: list[str]


def chapters(toc: Path) -> Iterator[Chapter]:
    """Yield the pages of a table of contents in reading order, each with its part."""
    site = parse_toc_yaml(toc)

    def below(name: str, part: str, level: int) -> Iterator[Chapter]:
        yield Chapter(name, part, level)
        for tree in site[name].subtrees:
            caption = tree.caption or part
            for item in map(str, tree.items):
                if item in site:  # and not an address of the web
                    inside = name != site.root.docname
                    yield from below(
                        item, caption, level + 1 if inside else 1 + bool(caption)
                    )

    yield from below(site.root.docname, "", 1)


def number(chapter: str) -> str:
    """Return the number of the part that a page lies in, by its folder, or nothing."""
    found = re.match(r"(?:.*/)?0*(\d+)-[^/]*/", chapter)
    return found[1] if found else ""


class Piece(NamedTuple):
    """A chapter with its article, made ready, and its title."""

    chapter: Chapter
    article: Tag
    title: str


def pieces(listed: list[Chapter], folder: Path, aside: Aside) -> Iterator[Piece]:
    """Yield every chapter, its links leading to where things are in the whole."""
    names = {chapter.name for chapter in listed}
    for chapter in listed:
        article, site = read(folder, chapter.name)
        for_paper(article, aside)
        relink(article, chapter.name, site, names, folder)
        demote(article, chapter.level - 1)
        heading = article.find(re.compile("h[1-6]"))
        yield Piece(
            chapter,
            article,
            text_of(heading) if isinstance(heading, Tag) else chapter.name,
        )


def assemble(root: Path, folder: Path) -> Book:
    """Put the built pages of a book together."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    title, author = str(config["title"]), str(config["author"])
    aside = Aside()
    whole = BeautifulSoup("<main></main>", "html.parser")
    main = whole.main
    assert main is not None
    listed = list(chapters(root / "_toc.yml"))
    index: list[str] = []
    rules: list[str] = []
    for part, group in groupby(
        pieces(listed, folder, aside), lambda piece: piece.chapter.part
    ):
        inside = list(group)
        which = next(filter(None, (number(piece.chapter.name) for piece in inside)), "")
        head = f"Part {which} · {part}" if which else part or title
        if part:
            place = anchor("part", inside[0].chapter.name)
            main.append(
                BeautifulSoup(part_page(part, which, place, inside), "html.parser")
            )
            index.append(entry(1, part, place, f"Part {which}" if which else ""))
        for chapter, article, name in inside:
            page = f"c{len(rules)}"
            rules.append(page_rule(page, head, name))
            index.append(entry(chapter.level, name, anchor(chapter.name)))
            article["class"], article["style"] = "chapter", f"page: {page}"
            article["id"] = anchor(chapter.name)
            main.append(article)
    contents = f'<nav class="contents"><h1>Contents</h1>{"".join(index)}</nav>'
    tagline = main.select_one(".tagline")
    sentence = text_of(tagline.extract()) if tagline else ""
    main.insert(
        0, BeautifulSoup(front(title, sentence, author) + contents, "html.parser")
    )
    targets, faults = settle(main)
    headings = [
        Heading(int(h.name[1]), text_of(h))
        for h in main.find_all(re.compile("^h[1-6]$"))
    ]
    page = PAGE.format(
        lang=config["sphinx"]["config"].get("language", "en"),
        title=escape(title),
        author=escape(author),
        styles="\n".join(
            f'<link rel="stylesheet" href="{path.resolve().as_uri()}">'
            for path in styles(root)
        ),
        rules="\n".join(rules),
        body=aside.back(str(main)),
    )
    names = [anchor(chapter.name) for chapter in listed]
    return Book(page, title, author, headings, names, targets, faults)


PAGE = """<!doctype html>
<html lang="{lang}" data-theme="light">
<head><meta charset="utf-8"><title>{title}</title><meta name="author" content="{author}">
{styles}<style>
{rules}
</style></head>
<body>{body}</body></html>
"""


def styles(root: Path) -> list[Path]:
    """Return the style sheets, with every script of the fonts and not Latin alone."""
    fonts = root / "node_modules/@fontsource"
    return [
        *(
            fonts / "source-serif-4" / f"{face}.css"
            for face in ("400", "400-italic", "600")
        ),
        *(
            fonts / "source-sans-3" / f"{face}.css"
            for face in ("400", "400-italic", "600")
        ),
        fonts / "source-code-pro/400.css",
        root / "node_modules/katex/dist/katex.min.css",
        Path(__file__).with_name("print_html.css"),
    ]


def css_string(text: str) -> str:
    """Return text as a string of CSS, inside HTML."""
    return '"' + re.sub(r'[\\"<\n]', lambda m: f"\\{ord(m[0]):x} ", text) + '"'


def page_rule(page: str, head: str, foot: str) -> str:
    """Return the rule that names a chapter's part above its pages and the chapter below them."""
    return (
        f"@page {page} {{ @top-left {{ content: {css_string(head)} }}"
        f" @bottom-left {{ content: {css_string(foot)} }} }}"
    )


def front(title: str, sentence: str, author: str) -> str:
    """Return the title page; its sentence is the tagline of the landing page."""
    return (
        f'<section class="title-page"><p class="title">{escape(title)}</p>'
        f'<p class="sentence">{escape(sentence)}</p><p class="by">{escape(author)}</p>'
        f'<p class="licence">{LICENCE}</p></section>'
    )


def part_page(part: str, which: str, place: str, inside: list[Piece]) -> str:
    """Return the page that opens a part."""
    eyebrow = f'<p class="eyebrow">Part {which}</p>' if which else ""
    listed = "".join(
        f'<li><a href="#{anchor(piece.chapter.name)}">{escape(piece.title)}</a></li>'
        for piece in inside
    )
    return (
        f'<section class="part" id="{place}">{eyebrow}<h1>{escape(part)}</h1>'
        f"<ol>{listed}</ol></section>"
    )


def entry(level: int, name: str, place: str, which: str = "") -> str:
    """Return a line of the contents."""
    return (
        f'<p class="level-{level}{" of-part" * bool(which)}"><a href="#{place}">'
        + (f'<span class="which">{which}</span> ' if which else "")
        + f'<span>{escape(name)}</span><span class="dots"></span>'
        f'<span class="number" data-to="{place}">000</span></a></p>'
    )
