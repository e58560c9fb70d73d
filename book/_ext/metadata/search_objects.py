"""What the search finds by name: symbols, functions, terms, exercises and labelled equations.

Sphinx's index has the objects of its domains; this is a domain of ours. An object's name there
holds all its spellings and what it means, `h_t = h[t] : hidden state after step t`;
book/_static/search.js takes it apart again. Rows of the tables of notation get an anchor each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from docutils import nodes
from sphinx.domains import Domain, ObjType
from sphinx.domains.math import MathDomain
from sphinx.domains.std import StandardDomain

from book._ext.evidence import drawn
from book._ext.page import glossary_links, plain_math

NOTATION = "book/notation"

Found = tuple[str, str, str, str, str, int]


class Symbol(NamedTuple):
    """A row of the tables of notation: the symbols it explains, their code, its meaning, its id."""

    spellings: tuple[str, ...]
    meaning: str
    anchor: str


def symbols(doctree: nodes.document) -> Iterator[Symbol]:
    """Give each row of the tables of symbols an anchor, and yield what it explains."""
    taken: set[str] = set()
    for table in doctree.findall(nodes.table):
        rows = [row for row in table.findall(nodes.row) if len(row) > 2]
        if not rows or rows[0][0].astext().strip() != "symbol":
            continue
        for row in rows[1:]:
            names = spellings(row)
            slug = re.sub(
                r"[^a-zA-Z0-9]*\W[^a-zA-Z0-9]*", "-", plain_math.typed(names[0])
            ).strip("-")
            row["ids"].append(unique(f"symbol-{slug}", taken))
            yield Symbol(names, glossary_links.plain(row[-1]), row["ids"][-1])


def spellings(row: nodes.row) -> tuple[str, ...]:
    """Return how the symbols of a row are written: in signs, without signs, and in code."""
    signs = [w for w in plain_math.text(row[0].astext()).split(", ") if w != "…"]
    codes = [
        word
        for code in row[1].findall(nodes.literal)
        for word in code.astext().split(", ")
    ]
    return tuple(dict.fromkeys([*signs, *map(plain_math.typed, signs), *codes]))


def unique(anchor: str, taken: set[str]) -> str:
    """Return an anchor that is not taken, and take it."""
    number, free = 1, anchor
    while free in taken:
        number += 1
        free = f"{anchor}-{number}"
    taken.add(free)
    return free


class Book(Domain):
    """The things of the book that have a name."""

    name = "book"
    label = "Unrolled"
    object_types = {
        kind: ObjType(kind)
        for kind in ("symbol", "function", "term", "exercise", "equation")
    }
    initial_data: dict[str, Any] = {"symbols": {}}
    data_version = 1

    def clear_doc(self, docname: str) -> None:
        """Forget a page."""
        self.data["symbols"].pop(docname, None)

    def process_doc(self, env: Any, docname: str, document: nodes.document) -> None:
        """Read the tables of notation."""
        if docname == NOTATION:
            self.data["symbols"][docname] = list(symbols(document))

    def resolve_any_xref(self, *given: Any) -> list[tuple[str, nodes.reference]]:
        """Return nothing: these names are for the search."""
        return []

    def get_objects(self) -> Iterator[Found]:
        """Yield what the search finds: name, name with spellings, kind, page, anchor, priority."""
        for kind, spellings, about, page, anchor in self.things():
            shown = " = ".join(spellings) + (f" : {about}" if about else "")
            yield spellings[0], shown, kind, page, anchor, 1

    def things(self) -> Iterator[tuple[str, tuple[str, ...], str, str, str]]:
        """Yield kind, spellings, meaning, page and anchor of everything."""
        for page, found in self.data["symbols"].items():
            for symbol in found:
                yield "symbol", symbol.spellings, symbol.meaning, page, symbol.anchor
        seen = set()
        by_page = getattr(self.env, "unrolled_drawn", {})
        for page in self.env.collect_relations():  # in the order of reading
            for name in by_page.get(page, {}):
                if name not in seen:
                    seen.add(name)
                    yield "function", (name,), "", page, drawn.anchor_of(name)
        std = cast(StandardDomain, self.env.get_domain("std"))
        for term in getattr(self.env, "unrolled_terms", []):
            if found := std.objects.get(("term", term.name)):
                yield "term", (term.name, *term.aliases), term.definition, *found
        for label, (page, anchor, title) in std.labels.items():
            if label.startswith("ex-") and not label.endswith("-problem"):
                yield "exercise", (title,), "", page, anchor
        for label, (page, _) in cast(
            MathDomain, self.env.get_domain("math")
        ).equations.items():
            name = label.removeprefix("eq-").replace("-", " ")
            yield "equation", (name,), "", page, f"equation-{label}"


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_domain(Book)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
