"""```{checked} equations``` and ```{checked} listings```: their tests, and what became of them."""

from __future__ import annotations

import statistics

from docutils import nodes

from book._ext.evidence import coverage_index
from book._ext.evidence.suite_run import outcome
from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import (
    Cell,
    Row,
    folded,
    listed,
    sentence,
    table,
    whole,
    word,
)


def the_equations(book: Book) -> list[nodes.Node]:
    """Every numbered equation, its tests, and what became of them."""
    known = getattr(book.app.env, "unrolled_equations", {})
    shown: list[nodes.Node] = []
    counts = [0, 0]
    without = 0  # equations whose tests execute nothing of the package
    for part, pages in book.parts.items():
        rows: list[Row] = []
        passed = 0
        for page in pages:
            labels = known.get(page, {})
            rows += [[book.page(page)]] * bool(labels)
            for label in labels:
                tests = book.tests_measured.of_equation(label)
                without += bool(tests) and book.tests_measured.executing.isdisjoint(
                    tests
                )
                result = outcome(book.of(test) for test in tests)
                passed += result == "passed"
                links = [book.test(*test) for test in tests]
                rows.append([book.equation(label), links or "none", word(result)])
        number = sum(len(row) > 1 for row in rows)
        counts[0] += passed
        counts[1] += number
        if number:
            name = f"{part}: {passed} of {many(number, 'equation')}"
            caption = f"The equations of “{part}”"
            shown += folded(
                name, table(caption, ["equation", "tests", "outcome"], rows)
            )
    total = f"{counts[0]} of {many(counts[1], 'equation')} passed all their tests in the last run."
    if without:
        total += (
            f" The tests of {without} were not seen to execute code of the package."
        )
    return [sentence(total, "checked-count"), *shown]


def the_listings(book: Book) -> list[nodes.Node]:
    """How many cells are drawn, of how many functions, and what became of their tests."""
    known = getattr(book.app.env, "unrolled_drawn", {})
    rows: list[Row] = []
    marks: dict[str, coverage_index.Mark] = {}
    total = 0
    for part, pages in book.parts.items():
        names = [name for page in pages for name in known.get(page, {})]
        of_part = {name: book.tests_measured.mark(name) for name in names}
        total += len(names)
        if names:
            rows.append([part, str(len(names)), *of_listings(book, of_part)])
        marks |= of_part
    rows.append(["all", str(total), *of_listings(book, marks)])
    heads = [
        "part",
        "listings",
        "of objects",
        "tests of each",
        "outcome of their tests",
    ]
    outcomes = {
        name: outcome(map(book.of, mark.tests)) for name, mark in sorted(marks.items())
    }
    others = [f"{name} ({of})" for name, of in outcomes.items() if of != "passed"]
    count = (
        "Functions and classes whose tests all passed in the last run: "
        f"{len(marks) - len(others)} of {len(marks)}, in {many(total, 'listing')}."
    )
    shown: list[nodes.Node] = [
        sentence(count, "checked-count"),
        table("Listings drawn from the package", heads, rows),
    ]
    if others:
        shown.append(
            sentence(f"Some tests did not pass of {listed(others)}.", "checked-count")
        )
    record = book.tests_measured.record
    if "date" in record:
        changed = [name for name, mark in sorted(marks.items()) if mark.is_changed]
        line = (
            f"Which tests execute them was measured on {record['date']}, commit "
            f"{record['commit']}. "
            + (
                f"Changed since, itself or a test of it: {listed(changed)}."
                if changed
                else "Neither a listing nor a test of one has changed since."
            )
        )
        shown.append(sentence(line, "record-origin", *["stale"] * bool(changed)))
    return shown


def of_listings(book: Book, marks: dict[str, coverage_index.Mark]) -> list[Cell]:
    """Return, of some listings, how many there are, how many tests each has, and their outcome."""
    numbers = sorted(len(mark.tests) for mark in marks.values()) or [0]
    several = " to ".join(map(str, dict.fromkeys((numbers[0], numbers[-1]))))
    if numbers[0] < numbers[-1]:
        several += f", median {statistics.median(numbers):g}"
    tests = {test for mark in marks.values() for test in mark.tests}
    return [str(len(marks)), whole(several), word(outcome(map(book.of, tests)))]
