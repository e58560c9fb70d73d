"""The whole book as one page of HTML, to be printed: put together from the pages of the site.

So its numbers of equations and figures, its outputs and its marks are those of the site, nothing is
executed or resolved again, and what the theme and the scripts add round the text is left behind.
(Sphinx's singlehtml would need its own answers to sphinx-exercise, to Jupyter Book's hidden cells,
on which it stops, and to every hook of ours on a page's context.)
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer
from sphinx_external_toc.parsing import parse_toc_yaml

# What is of no use on paper. A page may give more: class "not-on-paper".
LEFT_OUT = (
    "script, style, link, button, input, select, form, iframe, noscript, [hidden], .headerlink,"
    " .live-bar, .toctree-wrapper, .dark-twin, .gradient-flow, .not-on-paper"
)
# Tokens that paper.css colours. Every other one would be an element more in the PDF's tags.
COLOURED = re.compile(r"k\w?|s\w?|c\w?|m\w|ow|n[cfd]|fm|g\w|hll|-.*|.*ansi.*")
SHORT = 18  # lines of code that stay on one page
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


def anchor(name: str, fragment: str = "") -> str:
    """Return the id in the whole of a page, or of something on it."""
    place = name.replace("/", "-")
    return f"{place}--{fragment}" if fragment else place


def text_of(heading: Tag) -> str:
    """Return a heading's text on one line."""
    return " ".join(heading.get_text().split())


def element(name: str, text: str, **attributes: str) -> Tag:
    """Return a new element."""
    made = BeautifulSoup("", "html.parser").new_tag(name, attrs={**attributes})
    made.string = text
    return made


def classes(node: Tag) -> list[str]:
    """Return the classes of an element."""
    return [str(name) for name in node.get_attribute_list("class") if name]


def mark(node: Tag, name: str) -> None:
    """Give an element one more class."""
    node["class"] = " ".join([*classes(node), name])


def read(folder: Path, name: str) -> tuple[Tag, str]:
    """Return the article of a built page, and the site's own address if the page has one."""
    text = (folder / f"{name}.html").read_text("utf-8")
    text = re.sub(
        r"(?s)<math\b.*?(<annotation\b.*?</annotation>).*?</math>", r"\1", text
    )
    article = BeautifulSoup(
        text, "html.parser", parse_only=SoupStrainer("article")
    ).article
    assert isinstance(article, Tag)
    canonical = re.search(r'<link rel="canonical" href="([^"]+)"', text)
    return article, canonical[1].removesuffix(f"{name}.html") if canonical else ""


class Aside:
    """Formulas and code, nine tenths of all elements, as text beside the tree in work."""

    def __init__(self) -> None:
        """Begin with none."""
        self.kept: list[str] = []

    def put(self, node: Tag) -> None:
        """Leave in a node's place an empty one that shows its text."""
        stand_in = element("i", node.get_text(), kept=str(len(self.kept)))
        self.kept.append(str(node))
        node.replace_with(stand_in)

    def back(self, text: str) -> str:
        """Return a text with everything in its place again."""
        return re.sub(
            r'(?s)<i kept="(\d+)">.*?</i>', lambda m: self.kept[int(m[1])], text
        )


def for_paper(article: Tag, aside: Aside) -> None:
    """Take from an article what is of no use on paper, and lay open what is folded."""
    for formula in article.find_all("span", class_="katex"):
        say_tex(formula)
        aside.put(formula)
    for code in article.find_all("pre"):
        simplify(code)
        aside.put(code)
    for node in article.select(LEFT_OUT):
        node.decompose()
    for image in article.select("img[loading]"):
        del image["loading"]
    for folded in article.select("details"):
        lay_open(folded)
    for label in article.select(".sd-tab-set > label"):
        label.name, label["class"] = "p", "tab-label"


def simplify(code: Tag) -> None:
    """Keep of the marks of code those that show, and say whether it is short."""
    if code.get_text().count("\n") <= SHORT:
        mark(code, "short")
    for token in code.find_all("span"):
        if not COLOURED.fullmatch(" ".join(classes(token))):
            token.unwrap()


def lay_open(folded: Tag) -> None:
    """Make an open box of a folded one; a list of tests becomes a line."""
    summary = folded.find("summary", recursive=False)
    if isinstance(summary, Tag):
        if "hide" in classes(folded):  # "Show code cell source"
            summary.decompose()
        else:
            summary.name = "p"
            mark(summary, "opened")
    if "checked-by" in classes(folded):
        name_tests(folded)
    folded.name = "div"


def name_tests(box: Tag) -> None:
    """Write the tests of a mark as one line: each file once, with its tests."""
    files: dict[str, list[str]] = {}
    items = box.select("li")
    if not items:
        return
    for item in items:
        file, _, test = text_of(item).partition("::")
        files.setdefault(file, []).append(test)
    named = [
        f"{file}: {', '.join(filter(None, tests))}" for file, tests in files.items()
    ]
    line = element("p", "; ".join(named), **{"class": "tests"})
    for listed in box.select("ul"):
        listed.replace_with(line)


def say_tex(formula: Tag) -> None:
    """Give a formula its TeX as a text alternative in the place of its hidden MathML.

    Chromium tags as a figure only what paints something that is not hidden: a space.
    """
    mathml, source = formula.find("span"), formula.find("annotation")
    if isinstance(mathml, Tag) and isinstance(source, Tag):
        formula["role"], formula["aria-label"] = "img", source.get_text()
        mathml["class"], mathml.string = "alt", "\u00a0"


def relink(article: Tag, name: str, site: str, names: set[str], folder: Path) -> None:
    """Give ids their page's name, and lead links to where they are in the whole.

    What the book does not hold (files of code and tests) is linked on the site, if it has an
    address; if not, its link is dropped and its text stays.
    """
    for node in article.select("[id]"):
        node["id"] = anchor(name, str(node["id"]))
    for image in article.select("img[src]"):
        file = (folder / name).parent / unquote(str(image["src"]))
        image["src"] = file.resolve().as_uri()
    for link in article.select("a[href]"):
        href = str(link["href"])
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            continue
        path = posixpath.normpath(
            posixpath.join(posixpath.dirname(name), unquote(parts.path))
        )
        page = path.removesuffix(".html") if parts.path else name
        if page in names:
            link["href"] = "#" + anchor(page, unquote(parts.fragment))
        elif site:
            link["href"] = urljoin(f"{site}{name}.html", href)
        else:
            link.unwrap()


def demote(article: Tag, by: int) -> None:
    """Lower an article's headings, so that those of the whole nest."""
    for heading in article.select("h1, h2, h3, h4, h5"):
        mark(heading, f"was-{heading.name}")
        heading.name = f"h{min(6, int(heading.name[1]) + by)}"


def settle(whole: Tag) -> tuple[set[str], list[str]]:
    """Return the ids that links lead to, and the links that lead nowhere; drop all other ids."""
    links = whole.select('a[href^="#"]')
    ids = {str(node["id"]) for node in whole.select("[id]")}
    wanted = {str(link["href"])[1:] for link in links}
    faults = [
        f"a link leads to #{name}, which is not there" for name in sorted(wanted - ids)
    ]
    instead = {}
    for node in reversed(whole.select("[id]")):
        name = str(node["id"])
        if name not in wanted:
            del node["id"]
        elif not node.get_text(strip=True) and not node.find("img"):
            instead[name] = land(node, name)
    for link in links:
        name = str(link["href"])[1:]
        link["href"] = "#" + instead.get(name, name)
    return {instead.get(name, name) for name in wanted & ids}, faults


def land(empty: Tag, name: str) -> str:
    """Return the id of what follows an empty anchor: a PDF can only lead to what is painted."""
    following = empty.find_next_sibling()
    if following is None or empty.parent is None or empty.parent.name == "p":
        empty.insert(0, "\u200b")
        return name
    empty.decompose()
    return str(following.attrs.setdefault("id", name))


def esc(text: str) -> str:
    """Return text for HTML."""
    return html.escape(text)


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
                BeautifulSoup(opening(part, which, place, inside), "html.parser")
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
        title=esc(title),
        author=esc(author),
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
        Path(__file__).with_name("paper.css"),
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
        f'<section class="title-page"><p class="title">{esc(title)}</p>'
        f'<p class="sentence">{esc(sentence)}</p><p class="by">{esc(author)}</p>'
        f'<p class="licence">{LICENCE}</p></section>'
    )


def opening(part: str, which: str, place: str, inside: list[Piece]) -> str:
    """Return the page that opens a part."""
    eyebrow = f'<p class="eyebrow">Part {which}</p>' if which else ""
    listed = "".join(
        f'<li><a href="#{anchor(piece.chapter.name)}">{esc(piece.title)}</a></li>'
        for piece in inside
    )
    return (
        f'<section class="part" id="{place}">{eyebrow}<h1>{esc(part)}</h1>'
        f"<ol>{listed}</ol></section>"
    )


def entry(level: int, name: str, place: str, which: str = "") -> str:
    """Return a line of the contents."""
    return (
        f'<p class="level-{level}{" of-part" * bool(which)}"><a href="#{place}">'
        + (f'<span class="which">{which}</span> ' if which else "")
        + f'<span>{esc(name)}</span><span class="dots"></span>'
        f'<span class="number" data-to="{place}">000</span></a></p>'
    )
