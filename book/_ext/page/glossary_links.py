"""Terms in the text: the first use on a page links to the term's entry in the glossary.

The definition, as plain text, is the link's title, so that it shows without any script. Terms are
read from the glossary's own entries; short forms are those that an entry names ("BPTT for short",
"Long short-term memory: …").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes

from book._ext.page import plain_math

GLOSSARY = "book/reference/glossary"

# Words with an everyday or a second meaning here; longer terms that contain them are linked.
TOO_COMMON = {
    "bias",
    "cell",
    "gate",
    "layer",
    "loss",
    "mask",
    "query, key, value",
    "scan",
    "state",
    "unit",
}

# A term is not linked inside these, nor where the text is emphasised: there it is being introduced.
NEVER_INSIDE = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.caption,
    nodes.term,
    nodes.rubric,
    nodes.citation,
    nodes.footnote,
    nodes.emphasis,
    addnodes.pending_xref,
    addnodes.compact_paragraph,
    addnodes.toctree,
)
NEVER_IN_CLASS = {
    "bibtex-citation",
    "answers",
    "exercises-here",
    "record-origin",
    "cell_output",
    "parts",
}


class Term(NamedTuple):
    """An entry of the glossary: its name, other names, definition, and the labels it refers to."""

    name: str
    anchor: str
    aliases: tuple[str, ...]
    definition: str
    labels: tuple[str, ...]


def entries(doctree: nodes.document) -> Iterator[Term]:
    """Yield the terms that a page defines."""
    for item in doctree.findall(nodes.definition_list_item):
        term = item.next_node(nodes.term)
        definition = item.next_node(nodes.definition)
        if term is None or definition is None or not term["ids"]:
            continue
        labels = tuple(
            x["reftarget"] for x in definition.findall(addnodes.pending_xref)
        )
        words = plain(definition)
        name = term.astext()
        yield Term(name, term["ids"][0], other_names(name, words), words, labels)


def plain(node: nodes.Node) -> str:
    """Return a text without what it says of other pages, its formulas in letters and signs."""
    words = re.sub(r"\s*(?:See \0\.|\([^()]*\0[^()]*\))", "", _plain(node)).replace(
        "\0", ""
    )
    return re.sub(r"\s+", " ", words).strip()


def _plain(node: nodes.Node) -> str:
    if isinstance(node, addnodes.pending_xref):
        return "\0"
    if isinstance(node, nodes.math):
        return plain_math.text(node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(map(_plain, node.children))


def other_names(name: str, definition: str) -> tuple[str, ...]:
    """Return the other names that a definition gives its term."""
    long = re.match(r"([A-Z][\w -]+): ", definition) if name.isupper() else None
    short = re.search(r"\b([A-Z]{2,}) for short\b", definition)
    found = [long[1][0].lower() + long[1][1:]] if long else []
    return (*found, *([short[1]] if short else []))


def spellings(name: str) -> set[str]:
    """Return the forms of a term: singular and plural, as written and with a capital."""
    if name.endswith("y") and name[-2] not in "aeiou":
        plural = name[:-1] + "ies"
    elif name.endswith("trix"):
        plural = name[:-1] + "ces"
    elif name.endswith(("s", "x", "ch")):
        plural = name + "es"
    else:
        plural = name + "s"
    return {
        form for word in (name, plural) for form in (word, word[0].upper() + word[1:])
    }


def pattern(terms: list[Term]) -> tuple[re.Pattern[str], dict[str, Term]]:
    """Return what finds any term, the longest first, and the term of each form."""
    forms = {
        form: t
        for t in terms
        for name in (t.name, *t.aliases)
        for form in spellings(name)
    }
    longest_first = sorted(forms, key=len, reverse=True)
    either = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in longest_first)
    return re.compile(rf"(?<![\w-])(?:{either})(?![\w-])" if either else r"(?!)"), forms


def link_terms(
    doctree: nodes.Element, terms: list[Term], explained: set[str], address: str
) -> int:
    """Link the first use of each term, save those this page explains; return how many were made."""
    finder, forms = pattern(terms)
    done = set(explained)
    made = 0
    for node in list(doctree.findall(nodes.Text)):
        if node.parent is None or forbidden(node):
            for match in finder.finditer(node.astext()) if introduces(node) else ():
                done.add(forms[" ".join(match[0].split())].name)
            continue
        pieces: list[nodes.Node] = []
        words, end = node.astext(), 0
        for match in finder.finditer(words):
            term = forms[" ".join(match[0].split())]
            if term.name in done or term.name in TOO_COMMON:
                continue
            done.add(term.name)
            link = nodes.reference(
                "",
                "",
                nodes.Text(match[0]),
                internal=True,
                refuri=f"{address}#{term.anchor}",
                reftitle=term.definition,
                classes=["term-link"],
            )
            pieces += [nodes.Text(words[end : match.start()]), link]
            end = match.end()
            made += 1
        if pieces:
            pieces.append(nodes.Text(words[end:]))
            node.parent.replace(node, [piece for piece in pieces if piece.astext()])
    return made


def above(node: nodes.Node) -> Iterator[nodes.Element]:
    """Yield what a node stands in, from the inside out."""
    while (node := node.parent) is not None:
        yield node


def forbidden(node: nodes.Node) -> bool:
    """Return whether no link may be put here."""
    return any(
        isinstance(outer, NEVER_INSIDE)
        or NEVER_IN_CLASS & set(outer.get("classes", ()))
        for outer in above(node)
    )


def introduces(node: nodes.Node) -> bool:
    """Return whether a text is emphasised, as a term is where a page introduces it."""
    return isinstance(node.parent, nodes.emphasis) and not any(
        isinstance(outer, nodes.title | nodes.caption) for outer in above(node)
    )


def remember(app: Any, doctree: nodes.document) -> None:
    """Keep the glossary's terms where the other pages find them."""
    if app.env.docname == GLOSSARY:
        app.env.unrolled_terms = list(entries(doctree))


def rewritten(app: Any, env: Any) -> list[str]:
    """Return every page when the glossary, which all of them show in part, has changed."""
    terms = getattr(env, "unrolled_terms", [])
    before, env.unrolled_terms_shown = (
        getattr(env, "unrolled_terms_shown", None),
        list(terms),
    )
    return sorted(env.found_docs) if before != terms else []


def link(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put the links into a page of the site."""
    terms = getattr(app.env, "unrolled_terms", [])
    if (
        app.builder.name != "html"
        or docname == GLOSSARY
        or GLOSSARY not in app.env.found_docs
    ):
        return
    labels = app.env.get_domain("std").anonlabels
    explained = {
        t.name
        for t in terms
        if any(labels.get(x, ("",))[0] == docname for x in t.labels)
    }
    link_terms(
        doctree, terms, explained, app.builder.get_relative_uri(docname, GLOSSARY)
    )


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", remember)
    app.connect("env-updated", rewritten)
    app.connect("doctree-resolved", link, priority=600)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
