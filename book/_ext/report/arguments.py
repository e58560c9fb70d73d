"""```{checked} arguments```: what came of calls with wrong and unusual arguments."""

from __future__ import annotations

from docutils import nodes

from book._ext.report.book import Book
from book._ext.report.tables import Row, sentence, table

OUTCOMES = {
    "refused": "refused by an error that names an argument",
    "right": "answered with the right numbers",
    "finite": "answered with finite numbers, not compared",
    "unchecked": "answered where any number is allowed, not compared",
    "unclear": "refused by an error that names no argument",
    "silent": "answered as if the argument were right",
    "wrong": "answered with different numbers",
    "not finite": "answered with numbers that are not finite",
}


def the_arguments(book: Book) -> list[nodes.Node]:
    """How often a function was called with a wrong or unusual argument, and what came of it."""
    tried = (book.run or {}).get("tried") or {}
    if not tried.get("functions"):
        return [sentence("No run has called functions with wrong arguments yet.")]
    found = {name: tried["found"].get(name, 0) for name in OUTCOMES}
    count = (
        f"{sum(found.values()):,} calls of {tried['functions']:,} functions with a wrong or"
        f" unusual value in one of {tried['arguments']:,} arguments and parts of arguments,"
        " or with all arguments of a problem in which one size is 0 or 1."
    )
    rows: list[Row] = [[said, f"{found[name]:,}"] for name, said in OUTCOMES.items()]
    return [sentence(count), table("Wrong arguments", ["the call was", "calls"], rows)]
