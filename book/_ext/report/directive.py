"""The directive {checked}: the tables of the page "How this book is checked".

They are made when the page is written, from what the other extensions have found in all pages, from
tests/ and results/, and from the recorded run of the tests. The page is made again whenever one of
these has changed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book._ext.evidence import suite_run
from book._ext.report.book import Book
from book._ext.report.claims import the_claims
from book._ext.report.exercises import the_exercises, the_planted
from book._ext.report.listings import the_equations, the_listings
from book._ext.report.measured import the_frameworks, the_gradients
from book._ext.report.mutants import the_mutants
from book._ext.report.records import the_records
from book._ext.report.site import the_site
from book._ext.report.the_run import the_run

TABLES = {
    "run": the_run,
    "claims": the_claims,
    "equations": the_equations,
    "listings": the_listings,
    "gradients": the_gradients,
    "frameworks": the_frameworks,
    "exercises": the_exercises,
    "planted": the_planted,
    "mutants": the_mutants,
    "records": the_records,
    "site": the_site,
}


class checked_table(nodes.General, nodes.Element):  # noqa: N801
    """The place of a table, until all pages are read."""


class Checked(SphinxDirective):
    """The place of a table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the place."""
        name = self.arguments[0]
        if name not in TABLES:
            raise self.error(f"checked: {name} is none of {', '.join(TABLES)}")
        env: Any = self.env
        known = env.unrolled_checked_pages = getattr(
            env, "unrolled_checked_pages", set()
        )
        known.add(env.docname)
        return [checked_table(what=name)]


def fill(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put the tables in their places."""
    if places := list(doctree.findall(checked_table)):
        book = Book(app, docname)
        for place in places:
            place.replace_self(TABLES[place["what"]](book))


def digest(root: Path) -> str:
    """Return a hash of all that the tables are made from."""
    found = hashlib.sha256(json.dumps(suite_run.hashes(root)).encode())
    results = sorted((root / "results").rglob("*.json"))
    for path in (root / "_toc.yml", root / suite_run.LAST, *results):
        if path.is_file():
            found.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages with tables if anything that they are made from has changed."""
    before = getattr(env, "unrolled_checked", None)
    env.unrolled_checked = digest(Path(app.srcdir))
    pages = getattr(env, "unrolled_checked_pages", set())
    return [] if before == env.unrolled_checked else sorted(pages & env.found_docs)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_node(checked_table)
    app.add_directive("checked", Checked)
    app.connect("doctree-resolved", fill)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
