"""The title and the description of each page.

The description is `description` in the page's front matter, or else the first whole sentences of
its first paragraph.
"""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes

from book._ext.source.citation_file import citation

LONGEST = 160  # characters of a description taken from a text
ABOUT = {
    "search": "Search all pages of the book Unrolled: chapters, exercises, glossary and code.",
    "genindex": "The index of the book Unrolled: its terms, with the places that explain them.",
}


def title(app: Any, pagename: str, context: dict) -> str:
    """Return a page's title as text."""
    if pagename in app.env.titles:
        return app.env.titles[pagename].astext()
    names = {"search": "Search", "genindex": "Index"}
    # an index of a domain, such as that of proofs, has an indextitle
    given = context.get("title") or context.get("indextitle") or pagename
    return names.get(pagename) or html.unescape(re.sub("<[^>]+>", "", str(given)))


def page_title(app: Any, pagename: str, context: dict) -> str:
    """Return what stands in a tab and in a list of results: *The LSTM · Unrolled*."""
    if pagename == app.config.root_doc:
        return citation()["title"]
    return f"{title(app, pagename, context)} · {app.config.html_title}"


def description(app: Any, pagename: str, doctree: nodes.document | None) -> str:
    """Return one or two whole sentences about a page."""
    if given := app.env.metadata.get(pagename, {}).get("description"):
        return str(given)
    if doctree is not None:
        name = app.env.titles[pagename].astext()
        return (
            first_sentences(doctree) or f"{name}, in the book {app.config.html_title}."
        )
    if pagename.startswith("source/"):
        return of_source(Path(app.srcdir), pagename, app.config.html_title)
    return ABOUT.get(
        pagename, f"An index of the book {app.config.html_title}: {pagename}."
    )


def of_source(root: Path, pagename: str, book: str) -> str:
    """Return what the first paragraph of a file's docstring says, whole."""
    name = pagename.removeprefix("source/") + ".py"
    text = ast.get_docstring(ast.parse((root / name).read_text("utf-8"))) or ""
    first = " ".join(text.partition("\n\n")[0].split()).rstrip(".:")
    return f"{name}, a file of the book {book}" + (f": {first}." if first else ".")


def first_sentences(doctree: nodes.document) -> str:
    """Return the first whole sentences of the text, as many as fit, one at least."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            found = ""
            for sentence in readable(paragraph):
                if found and len(found) + len(sentence) >= LONGEST:
                    break
                found = f"{found} {sentence}".strip()
            if found:
                return found
    return ""


def readable(paragraph: nodes.paragraph) -> Iterator[str]:
    """Yield the whole sentences of a paragraph that can be read without their mathematics set."""
    text = "".join(map(_text, paragraph.children))
    for sentence in re.findall(r"[^.!?]+(?:[.!?](?!\s|$)[^.!?]*)*[.!?](?=\s|$)", text):
        if "\0" not in sentence:
            yield " ".join(sentence.split())


def _text(node: nodes.Node) -> str:
    """Return a node as text; a formula that is more than a symbol is marked as unreadable."""
    if isinstance(node, nodes.math | nodes.math_block):
        latex = node.astext()
        return latex if re.fullmatch(r"\w+(?: [=<>] \w+)?", latex) else "\0"
    if isinstance(node, nodes.Text | nodes.literal):
        return node.astext()
    if isinstance(node, nodes.footnote_reference | nodes.raw | nodes.image):
        return ""
    return "".join(map(_text, node.children))
