"""The article of a built page, made ready for paper: what is left out, opened, made smaller."""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer

# What is of no use on paper. A page may give more: class "not-on-paper".
LEFT_OUT = (
    "script, style, link, button, input, select, form, iframe, noscript, [hidden], .headerlink,"
    " .live-bar, .toctree-wrapper, .dark-twin, .part-progress, .exercises-here > p,"
    " .not-on-paper"
)
# Tokens that print_html.css colours. Every other one would be an element more in the PDF's tags.
COLOURED = re.compile(r"k\w?|s\w?|c\w?|m\w|ow|n[cfd]|fm|g\w|hll|-.*|.*ansi.*")
SHORT = 14  # lines of code that stay on one page


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
    """Formulas and code, nine tenths of all elements, kept as text outside of the tree."""

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


def drop_controls(article: Tag, aside: Aside) -> None:
    """Take from an article what is of no use on paper, and its formulas out of the tree."""
    for node in article.select(LEFT_OUT):
        node.decompose()
    for formula in article.find_all("span", class_="katex"):
        say_tex(formula)
        aside.put(formula)


def lay_out(article: Tag, aside: Aside) -> None:
    """Lay open what is folded, and take the code out of the tree."""
    for code in article.find_all("pre"):
        simplify(code)
        aside.put(code)
    for image in article.select("img[loading]"):
        del image["loading"]
    for folded in article.select("details"):
        lay_open(folded)
    for label in article.select(".sd-tab-set > label"):
        label.name, label["class"] = "p", "tab-label"


def simplify(code: Tag) -> None:
    """Keep of the marks of code those that show, and say whether it is short.

    Two blank lines between functions become one.
    """
    if code.get_text().count("\n") <= SHORT:
        mark(code, "short")
    for token in code.find_all("span"):
        if not COLOURED.fullmatch(" ".join(classes(token))):
            token.unwrap()
    if code.find_parent(class_="cell_output") is None:
        code.smooth()
        for text in code.find_all(string=re.compile("\n{3}")):
            text.replace_with(re.sub("\n{3,}", "\n\n", text))


def lay_open(folded: Tag) -> None:
    """Make an open box of a folded one."""
    summary = folded.find("summary", recursive=False)
    if isinstance(summary, Tag):
        if "hide" in classes(folded):  # "Show code cell source"
            summary.decompose()
        else:
            summary.name = "p"
            mark(summary, "opened")
    folded.name = "div"


def say_tex(formula: Tag) -> None:
    """Give a formula its TeX as a text alternative in the place of its hidden MathML.

    Chromium tags as a figure only what paints something; a space that is not hidden is enough.
    """
    mathml, source = formula.find("span"), formula.find("annotation")
    if isinstance(mathml, Tag) and isinstance(source, Tag):
        formula["role"], formula["aria-label"] = "img", source.get_text()
        mathml["class"], mathml.string = "alt", "\u00a0"


def demote(article: Tag, by: int) -> None:
    """Lower an article's headings, so that those of the whole nest."""
    for heading in article.select("h1, h2, h3, h4, h5"):
        mark(heading, f"was-{heading.name}")
        heading.name = f"h{min(6, int(heading.name[1]) + by)}"
