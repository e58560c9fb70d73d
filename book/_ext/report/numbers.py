"""```{checked} numbers```: one line from each of the other tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from docutils import nodes

from book._ext.report.arguments import the_arguments
from book._ext.report.book import Book
from book._ext.report.claims import the_claims
from book._ext.report.damaged import the_damaged
from book._ext.report.exercises import the_exercises, the_planted
from book._ext.report.listings import the_equations, the_listings
from book._ext.report.measured import the_frameworks, the_gradients
from book._ext.report.mutants import the_mutants
from book._ext.report.records import the_records
from book._ext.report.site import the_site
from book._ext.report.tables import table

# The heading of each section of the page, and the table that stands there.
SECTIONS: Mapping[str, Callable[[Book], Sequence[nodes.Node]]] = {
    "Equations": the_equations,
    "Listings": the_listings,
    "Claims": the_claims,
    "Gradients": the_gradients,
    "Frameworks": the_frameworks,
    "Exercises": the_exercises,
    "Planted errors": the_planted,
    "Mutants": the_mutants,
    "Wrong arguments": the_arguments,
    "Recorded results": the_records,
    "Damaged files": the_damaged,
    "The site": the_site,
}


def the_numbers(book: Book) -> list[nodes.Node]:
    """The first count of every table, beside a link to the section with the whole table."""
    rows = []
    for heading, make in SECTIONS.items():
        anchor = f"#{nodes.make_id(heading)}"
        link = nodes.reference("", heading, internal=True, refuri=anchor)
        rows.append([link, first_count(make(book))])
    return [table("What the last run found, in short", ["what", "found"], rows)]


def first_count(shown: Sequence[nodes.Node]) -> str:
    """Return the first sentence of a table's count, or the line that says why there is none."""
    for node in shown:
        if isinstance(node, nodes.paragraph):
            sentence, dot, _ = node.astext().partition(". ")
            return sentence + "." * bool(dot)
    raise ValueError("a table of the page begins without a sentence that counts")
