"""```{checked} gradients``` and ```{checked} frameworks```: the errors that the tests measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from docutils import nodes

from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import folded, sentence, size, table, whole

THE_CELLS = (
    "tests/package/cells/test_cell_interface.py",
    "test_backward_is_the_gradient_of_forward",
)
DIFFERENCES = "central differences"


def measured(run: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the errors that the run measured."""
    return run.get("measured", []) if run else []


def largest(entries: Iterable[dict[str, Any]]) -> float | None:
    """Return the largest error; None, which is no number, is larger than all."""
    errors = [entry["found"] for entry in entries]
    return None if None in errors else max(errors)


def bounds(entries: Iterable[dict[str, Any]]) -> str:
    """Return the bound, or both ends where there are several."""
    found = sorted({entry["bound"] for entry in entries})
    return " to ".join(size(bound) for bound in dict.fromkeys((found[0], found[-1])))


def the_gradients(book: Book) -> list[nodes.Node]:
    """Backward passes against central differences: the worst entry that each check met."""
    entries = [e for e in measured(book.run) if e["against"] == DIFFERENCES]
    if not entries:
        return [sentence("No gradient check is in the recorded run.", "not-yet")]
    of_cells, others = [], defaultdict(list)
    for entry in entries:
        if (entry["file"], entry["test"]) == THE_CELLS:
            of_cells.append(entry)
        else:
            others[entry["file"], entry["test"]].append(entry)
    heads = ["cell", "largest relative error", "bound"]
    rows = [
        [e["case"], whole(size(e["found"])), whole(size(e["bound"]))] for e in of_cells
    ]
    more = [
        [book.test(*test), whole(size(largest(of_test))), whole(bounds(of_test))]
        for test, of_test in sorted(others.items())
    ]
    checks = sum(entry["times"] for entry in entries)
    line = f"{many(checks, 'check')} in {many(len(others) + bool(of_cells), 'test')}; the largest "
    line += f"relative error of any entry is {size(largest(entries))}."
    fold = folded(
        f"{many(len(more), 'other test')} that check gradients",
        table("The largest error in each test", ["test", *heads[1:]], more),
    )
    return [
        sentence(line, "checked-count"),
        table("Every recurrent cell", heads, rows),
        *fold,
    ]


def the_frameworks(book: Book) -> list[nodes.Node]:
    """NumPy's answers and those of the frameworks."""
    grouped = defaultdict(list)
    for entry in measured(book.run):
        if entry["against"] != DIFFERENCES:
            grouped[entry["against"], entry["what"]].append(entry)
    if not grouped:
        return [sentence("No comparison is in the recorded run.", "not-yet")]
    heads = ["framework", "what", "largest difference", "bound"]
    rows = [
        [
            against,
            f"{what}, {many(len({e['case'] for e in of}), 'case')}",
            whole(size(largest(of))),
            whole(bounds(of)),
        ]
        for (against, what), of in sorted(grouped.items())
    ]
    compared = [entry for of in grouped.values() for entry in of]
    within = sum(e["found"] is not None and e["found"] <= e["bound"] for e in compared)
    line = f"Comparisons within the bound in the last run: {within} of {len(compared)}."
    return [
        sentence(line, "checked-count"),
        table("The NumPy code compared with the frameworks", heads, rows),
    ]
