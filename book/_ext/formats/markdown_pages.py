"""Each page as plain Markdown beside its HTML, for programs that read and for readers' notes.

markdownify makes the Markdown from the finished HTML, in which all references are resolved and all
outputs are in their places. A formula becomes its TeX between dollars, a box becomes a quotation,
and a cell becomes fenced Python. No directive of MyST is left.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from markdownify import ATX, MarkdownConverter

# What means nothing outside of the page.
LEFT_OUT = (
    "script, style, link, button, input, select, form, iframe, noscript, svg, [hidden],"
    " .headerlink, .live-bar, .toctree-wrapper, .dark-twin, .part-progress, .checked-by,"
    " .not-on-paper, .eqno, .answers-file, details.hide > summary"
)
BOX = "div.admonition, details, div.exercise, div.solution, div.proof"
STAND_IN = re.compile(r"FORMULA(\d+)X")


class Converter(MarkdownConverter):
    """Markdownify's converter, which also keeps text from being read as HTML or as a column."""

    def escape(self, text: str, parent_tags: Any) -> str:
        """Return text without what Markdown would read in it."""
        text = super().escape(text, parent_tags)  # type: ignore[misc]
        text = text.replace("<", r"\<")
        return text.replace("|", r"\|") if {"td", "th"} & set(parent_tags) else text


def language(code: Tag) -> str:
    """Return the language of a listing, or none for what a cell printed."""
    if code.find_parent(class_="cell_output"):
        return "text"
    highlighted = code.find_parent("div", class_=re.compile("^highlight-"))
    names = highlighted.get_attribute_list("class") if highlighted else []
    found = [str(n)[10:] for n in names if str(n).startswith("highlight-")]
    known = {"ipython3": "python", "python3": "python", "default": "", "none": ""}
    return known.get(found[0], found[0]) if found else ""


def without_marks(html: str) -> str:
    """Return HTML without the spans of formulas and code, which are nine tenths of its elements."""
    html = re.sub(
        r"(?s)<pre>.*?</pre>", lambda m: re.sub(r"</?span[^>]*>", "", m[0]), html
    )
    kept, end = [], 0
    for drawn in re.finditer(r'<span class="katex-html"', html):
        kept.append(html[end : drawn.start()])
        depth = 0
        for tag in re.compile("<(/?)span").finditer(html, drawn.start()):
            depth += -1 if tag[1] else 1
            if not depth:
                break
        end = html.index(">", tag.end()) + 1
    return re.sub(
        r"(?s)<math\b.*?(<annotation\b.*?</annotation>).*?</math>",
        r"\1",
        "".join([*kept, html[end:]]),
    )


def tex_of(formula: Tag) -> str:
    """Return the TeX of a formula on one line, as a table can hold it too."""
    source = formula.find("annotation")
    tex = " ".join((source.get_text() if source else formula.get_text()).split())
    if formula.find_parent(["td", "th"]):  # a bar would end the cell
        tex = re.sub(r"\\\|\s*", r"\\Vert ", tex)
        tex = re.sub(r"\|\s*", r"\\vert ", tex)
    return tex


def set_formulas_aside(article: Tag) -> list[str]:
    """Return the formulas in Markdown; in the article each is a word that nothing escapes."""
    kept: list[str] = []
    new = BeautifulSoup("", "html.parser").new_tag

    def leave(node: Tag, markdown: str, block: bool) -> None:
        word = f"FORMULA{len(kept)}X"
        kept.append(markdown)
        made = new("p" if block else "span")
        made.string = word
        node.replace_with(made)

    for formula in article.select("div.math"):
        number = formula.select_one(".eqno")
        tag = f" \\tag{{{re.sub(r'[#()]', '', number.get_text())}}}" if number else ""
        leave(formula, f"$${tex_of(formula)}{tag}$$", block=True)
    for formula in article.select("span.math, .katex"):
        if formula.parent is not None:
            leave(formula, f"${tex_of(formula)}$", block=False)
    return kept


def link(target: str, page: str, base: str, pages: set[str]) -> str:
    """Return where a link of a page leads: to Markdown if there is some, else to the site.

    Nothing is returned for a link within the page.
    """
    parts = urlsplit(target)
    if target.startswith("#"):
        return ""  # Markdown has no anchors for equations and figures
    if parts.scheme:
        return target
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), parts.path))
    name = path.removesuffix(".html")
    if name in pages:
        return "" if name == page else parts.path.removesuffix(".html") + ".md"
    return urljoin(f"{base}{page}.html", target) if base else target


def relink(article: Tag, page: str, base: str, pages: set[str]) -> None:
    """Point the links and the images of an article to what is there without the site."""
    for anchor in article.select("a[href]"):
        target = link(str(anchor["href"]), page, base, pages)
        if target:
            anchor["href"] = target
            del anchor["title"]
        else:
            anchor.unwrap()
    for image in article.select("img[src]") if base else ():
        image["src"] = urljoin(f"{base}{page}.html", str(image["src"]))


def plain(article: Tag) -> None:
    """Put elements that Markdown has in the place of those that it has not."""
    new = BeautifulSoup("", "html.parser").new_tag
    for title in article.select(
        ".admonition-title, summary, .sd-tab-set > label, dt, .drawn-caption, .sd-card-title"
    ):
        title.name = "p"
        words = new("strong")
        words.extend(list(title.contents))
        title.append(words)
        for inner in words.select("p, strong, details"):
            inner.unwrap()
    for container in article.select("dl, dd"):
        container.name = "div"
    for note in article.select("figcaption, caption"):
        note.name = "p"
        for inner in note.select("p"):
            inner.unwrap()
    for text in article.select("td code, th code"):
        text.string = text.get_text().replace("|", r"\|")
    for box in article.select(BOX):
        if "hide" not in box.get_attribute_list("class"):
            box.name = "blockquote"


def page_markdown(
    html: str, page: str, base: str = "", pages: set[str] | None = None
) -> str:
    """Return the Markdown of a page's HTML.

    base: the address of the site, with its slash, or nothing if it is undecided. Then links to what
    has no Markdown stay relative. pages: the names of all pages that have Markdown.
    """
    article = BeautifulSoup(without_marks(html), "html.parser")
    formulas = set_formulas_aside(article)
    for node in article.select(LEFT_OUT):
        node.decompose()
    relink(article, page, base, pages or set())
    plain(article)
    converter = Converter(
        heading_style=ATX, bullets="-", code_language_callback=language
    )
    text = converter.convert_soup(article)
    text = STAND_IN.sub(lambda m: formulas[int(m[1])], text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def write(app: Any, page: str, template: str, context: dict, doctree: Any) -> None:
    """Write a page's Markdown beside it, and name it in the page's head."""
    if app.builder.name != "html" or doctree is None or page not in app.env.found_docs:
        return
    body, base = context.get("body") or "", app.config.html_baseurl or ""
    target = Path(app.outdir) / f"{page}.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page_markdown(body, page, base, app.env.found_docs), "utf-8")
    context["metatags"] = (context.get("metatags") or "") + (
        f'\n    <link rel="alternate" type="text/markdown" href="{target.name}"/>'
    )


def remove_stale(app: Any, exception: Exception | None) -> None:
    """Remove the Markdown of pages that the book no longer has."""
    if exception is None and app.builder.name == "html":
        out = Path(app.outdir)
        for path in out.rglob("*.md"):
            name = path.relative_to(out).with_suffix("").as_posix()
            # Sphinx keeps the sources of the pages in folders of its own.
            if name not in app.env.found_docs and not name.startswith("_"):
                path.unlink()


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    # after everything that changes the body or the head
    app.connect("html-page-context", write, priority=970)
    app.connect("build-finished", remove_stale)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
