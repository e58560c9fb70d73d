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
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import yaml
from bs4 import BeautifulSoup, SoupStrainer, Tag
from sphinx_external_toc.parsing import parse_toc_yaml

# What is of no use on paper. A page may give more: class "not-on-paper".
LEFT_OUT = (
    "script, style, link, button, input, select, form, iframe, noscript, [hidden], .headerlink,"
    " .live-bar, .toctree-wrapper, .dark-twin, .gradient-flow, .not-on-paper"
)
MANY_TESTS = 12  # more than these are counted by file
SHORT = 26  # lines of code that stay on one page
SENTENCE = (
    "Recurrent networks built from nothing: derived, written out in NumPy, tested, and trained."
)
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
            for item in tree.items:
                if item in site:
                    inside = name != site.root.docname
                    yield from below(item, caption, level + 1 if inside else 1 + bool(caption))

    yield from below(site.root.docname, "", 1)


def anchor(name: str, fragment: str = "") -> str:
    """Return the id in the whole of a page, or of something on it."""
    place = name.replace("/", "-")
    return f"{place}--{fragment}" if fragment else place


def text_of(heading: Tag) -> str:
    """Return a heading's text on one line."""
    return " ".join(heading.get_text().split())


def read(folder: Path, name: str) -> tuple[Tag, str]:
    """Return the article of a built page, and the site's own address if the page has one."""
    text = (folder / f"{name}.html").read_text("utf-8")
    article = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer("article")).article
    assert isinstance(article, Tag)
    canonical = re.search(r'<link rel="canonical" href="([^"]+)"', text)
    return article, canonical[1].removesuffix(f"{name}.html") if canonical else ""


def for_paper(article: Tag) -> None:
    """Take from an article what is of no use on paper, and lay open what is folded."""
    for node in article.select(LEFT_OUT):
        node.decompose()
    for image in article.select("img[loading]"):
        del image["loading"]
    for folded in article.select("details"):
        lay_open(folded)
    for label in article.select(".sd-tab-set > label"):
        label.name, label["class"] = "p", ["tab-label"]
    for formula in article.select(".katex"):
        say_tex(formula)
    for code in article.select("pre"):
        if code.get_text().count("\n") <= SHORT:
            code["class"] = [*code.get("class", []), "short"]


def lay_open(folded: Tag) -> None:
    """Make an open box of a folded one; a long list of tests becomes counts by file."""
    summary = folded.find("summary", recursive=False)
    classes = folded.get("class") or []
    if isinstance(summary, Tag):
        if "hide" in classes:  # "Show code cell source"
            summary.decompose()
        else:
            summary.name = "p"
            summary["class"] = [*(summary.get("class") or []), "opened"]
    if "checked-by" in classes:
        name_tests(folded)
    folded.name = "div"


def name_tests(box: Tag) -> None:
    """Write the tests of a mark as one line: each file once, with its tests or their number."""
    files: dict[str, list[str]] = {}
    items = box.select("li")
    if not items:
        return
    for item in items:
        file, _, test = text_of(item).partition("::")
        files.setdefault(file, []).append(test)
    short = len(items) <= MANY_TESTS
    named = [
        f"{file}: {', '.join(filter(None, tests))}" if short else f"{file} ({len(tests)})"
        for file, tests in files.items()
    ]
    line = BeautifulSoup("", "html.parser").new_tag("p", attrs={"class": "tests"})
    line.string = "; ".join(named) if short else ", ".join(named)
    for listed in box.select("ul"):
        listed.decompose()
    box.append(line)


def say_tex(formula: Tag) -> None:
    """Give a formula its TeX as a text alternative in the place of its hidden MathML."""
    source = formula.select_one("annotation")
    mathml = formula.select_one(".katex-mathml")
    if source is None or mathml is None:
        return
    formula["role"], formula["aria-label"] = "img", source.get_text()
    mathml.decompose()


def relink(article: Tag, name: str, site: str, names: set[str], folder: Path) -> None:
    """Give ids their page's name, and lead links to where they are in the whole.

    What the book does not hold (files of code and tests) is linked on the site, if it has an
    address; if not, its link is dropped and its text stays.
    """
    for node in article.select("[id]"):
        node["id"] = anchor(name, str(node["id"]))
    for image in article.select("img[src]"):
        image["src"] = (folder / f"{name}.html").parent.joinpath(str(image["src"])).resolve().as_uri()
    for link in article.select("a[href]"):
        href = str(link["href"])
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
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
        heading["class"] = [*(heading.get("class") or []), f"was-{heading.name}"]
        heading.name = f"h{min(6, int(heading.name[1]) + by)}"


def settle(whole: Tag) -> tuple[set[str], list[str]]:
    """Return the ids that links lead to, and the links that lead nowhere; drop all other ids."""
    ids = Counter(str(node["id"]) for node in whole.select("[id]"))
    links = [str(link["href"])[1:] for link in whole.select('a[href^="#"]')]
    faults = [f"a link leads to #{target}, which is not there" for target in links if not ids[target]]
    targets = set(links) & set(ids)
    for node in whole.select("[id]"):
        if node["id"] not in targets:
            del node["id"]
        elif not node.get_text(strip=True) and not node.select("img"):
            land(node)
    return targets, sorted(set(faults))


def land(empty: Tag) -> None:
    """Move the id of an empty anchor to a link of its own, which a PDF can lead to."""
    empty.string = "\u200b"


def esc(text: str) -> str:
    """Return text for HTML."""
    return html.escape(text)


def number(chapter: str) -> str:
    """Return the number of the part that a page lies in, by its folder, or nothing."""
    found = re.match(r"(?:.*/)?0*(\d+)-[^/]*/", chapter)
    return found[1] if found else ""


def assemble(root: Path, folder: Path) -> Book:
    """Put the built pages of a book together."""
    listed = list(chapters(root / "_toc.yml"))
    names = {chapter.name for chapter in listed}
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    title = str(config["title"])
    body: list[str] = []
    index: list[str] = []
    rules: list[str] = []
    part = ""
    for place, chapter in enumerate(listed):
        article, site = read(folder, chapter.name)
        for_paper(article)
        relink(article, chapter.name, site, names, folder)
        demote(article, chapter.level - 1)
        heading = article.find(re.compile("h[1-6]"))
        name = text_of(heading) if isinstance(heading, Tag) else chapter.name
        if chapter.part != part:
            part = chapter.part
            inside = [c.name for c in listed if c.part == part]
            which = next(filter(None, map(number, inside)), "")
            body.append(opening(part, which, anchor(f"part-{place}")))
            index.append(entry(1, part, anchor(f"part-{place}"), f"Part {which}" if which else ""))
            head = f"Part {which} · {part}" if which else part
        elif not part:
            head = title
        index.append(entry(chapter.level, name, anchor(chapter.name)))
        rules.append(page_rule(f"c{place}", head, name))
        del article["class"]
        article["class"], article["style"] = "chapter", f"page: c{place}"
        article["id"] = anchor(chapter.name)
        body.append(str(article))
    whole = BeautifulSoup(
        f'<main>{front(title, config)}<nav class="contents"><h1>Contents</h1>{"".join(index)}</nav>'
        f"{''.join(body)}</main>",
        "html.parser",
    )
    targets, faults = settle(whole)
    headings = [
        Heading(int(h.name[1]), text_of(h)) for h in whole.select("h1, h2, h3, h4, h5, h6")
    ]
    page = PAGE.format(
        lang=config["sphinx"]["config"].get("language", "en"),
        title=esc(title),
        author=esc(str(config["author"])),
        styles="".join(
            f'<link rel="stylesheet" href="{path.resolve().as_uri()}">' for path in styles(root, folder)
        ),
        rules="\n".join(rules),
        body=whole,
    )
    return Book(page, title, headings, [anchor(c.name) for c in listed], targets, faults)


PAGE = """<!doctype html>
<html lang="{lang}" data-theme="light">
<head><meta charset="utf-8"><title>{title}</title><meta name="author" content="{author}">
{styles}<style>
{rules}
</style></head>
<body>{body}</body></html>
"""


def styles(root: Path, folder: Path) -> list[Path]:
    """Return the style sheets, with every script of the fonts and not Latin alone."""
    fonts = root / "node_modules/@fontsource"
    return [
        *(fonts / "source-serif-4" / f"{face}.css" for face in ("400", "400-italic", "600")),
        *(fonts / "source-sans-3" / f"{face}.css" for face in ("400", "400-italic", "600")),
        fonts / "source-code-pro/400.css",
        folder / "_static/katex/katex.min.css",
        folder / "_static/pygments.css",
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


def front(title: str, config: dict) -> str:
    """Return the title page."""
    return (
        f'<section class="title-page"><p class="title">{esc(title)}</p>'
        f'<p class="sentence">{SENTENCE}</p><p class="by">{esc(str(config["author"]))}</p>'
        f'<p class="licence">{LICENCE}</p></section>'
    )


def opening(part: str, which: str, place: str) -> str:
    """Return the page that opens a part."""
    eyebrow = f'<p class="eyebrow">Part {which}</p>' if which else ""
    return f'<section class="part" id="{place}">{eyebrow}<h1>{esc(part)}</h1></section>'


def entry(level: int, name: str, place: str, which: str = "") -> str:
    """Return a line of the contents."""
    return (
        f'<p class="level-{level}{" of-part" * bool(which)}"><a href="#{place}">'
        + (f'<span class="which">{which}</span> ' if which else "")
        + f'<span>{esc(name)}</span><span class="dots"></span>'
        f'<span class="number" data-to="{place}">000</span></a></p>'
    )
