"""The table ```{checked} damaged```: what the tests found when they loaded damaged files."""

from __future__ import annotations

from collections import Counter, defaultdict

from docutils import nodes

from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import sentence, table


def the_damaged(book: Book) -> list[nodes.Node]:
    """How many files were damaged at random, and what came of loading them."""
    entries = (book.run or {}).get("damaged", [])
    if not entries:
        return [sentence("No damaged file is in the recorded run.", "not-yet")]
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        kinds[entry["what"]].update(same=entry["same"], refused=entry["refused"])
    rows = [
        [what, *(f"{n:,}" for n in (found.total(), found["refused"], found["same"]))]
        for what, found in sorted(kinds.items())
    ]
    total = sum(found.total() for found in kinds.values())
    heads = ["what", "damaged", "refused as damaged", "the same numbers"]
    return [
        sentence(f"{many(total, 'damaged file')}, none with other numbers."),
        table("Damaged files", heads, rows),
    ]
