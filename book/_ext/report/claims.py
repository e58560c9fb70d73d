"""```{checked} claims```: the conclusions of the book that a test holds to their data."""

from __future__ import annotations

from docutils import nodes

from book._ext.evidence import claims
from book._ext.evidence.claims import Claim
from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import Row, folded, sentence, table, word


def the_claims(book: Book) -> list[nodes.Node]:
    """Every claim, its page, what its test compares, the seeds, and the last outcome."""
    of_page: dict[str, list[Claim]] = {}
    labelled = claims.pages(book.root)
    for claim in claims.read(book.root):
        of_page.setdefault(labelled.get(claim.name, ""), []).append(claim)
    if not of_page:
        return [sentence("No claim is entered yet.", "not-yet")]
    shown: list[nodes.Node] = []
    passed = number = 0
    for part, pages in book.parts.items():
        rows: list[Row] = []
        good = 0
        for page in pages:
            rows += [[book.page(page)]] * (page in of_page)
            for claim in of_page.get(page, ()):
                found = book.outcome(claim.path, claim.test)
                good += found == "passed"
                rows.append(
                    [
                        link(book, page, claim),
                        claim.compares,
                        seeds(book, claim),
                        [book.test(claim.path, claim.test), word(found)],
                    ]
                )
        of_part = sum(len(row) > 1 for row in rows)
        passed, number = passed + good, number + of_part
        if of_part:
            heads = ["claim", "what the test compares", "seeds", "test, outcome"]
            shown += folded(
                f"{part}: {good} of {many(of_part, 'claim')}",
                table(f"The claims of “{part}”", heads, rows),
            )
    total = f"{passed} of {many(number, 'claim')} passed in the last run."
    return [sentence(total, "checked-count"), *shown]


def link(book: Book, page: str, claim: Claim) -> nodes.reference:
    """Return a claim as a link to the paragraph that draws it."""
    uri = book.app.builder.get_relative_uri(book.docname, page)
    anchor = nodes.make_id(f"claim-{claim.name}")
    return nodes.reference("", claim.text, internal=True, refuri=f"{uri}#{anchor}")


def seeds(book: Book, claim: Claim) -> str:
    """Return the seeds of the records that a claim rests on; a cell has its own."""
    found = {record: claims.seeds(book.root, record) for record in claim.records}
    several = {", ".join(map(str, of)) for of in found.values()} or {"of the cell"}
    return "; ".join(sorted(several))
