"""The table ```{checked} mutants```: what `make mutants` found, from results/mutation.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes

from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import folded, sentence, table, whole

COUNTS = ("mutants", "caught", "equivalent")


def read(root: Path) -> dict[str, Any] | None:
    """Return the record, or None if there is none."""
    path = root / "results/mutation.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def score(counts: dict[str, int]) -> float:
    """Return the share of the mutants that are caught, of those that change what a function does.

    Where every mutant is equivalent there is nothing to catch, and the score is one.
    """
    different = counts["mutants"] - counts["equivalent"]
    return counts["caught"] / different if different else 1.0


def percent(counts: dict[str, int]) -> str:
    """Return a score, rounded down, so that only a whole score reads 100 %."""
    return f"{int(score(counts) * 1000) / 10:g} %"


def the_mutants(book: Book) -> list[nodes.Node]:
    """The score of each module, and the mutants that no test caught."""
    record = read(book.root)
    if record is None:
        return [
            sentence("No mutants are recorded yet: “make mutants” does it.", "not-yet")
        ]
    results = record["results"]
    modules, survivors = results["modules"], results["survivors"]
    every = {name: sum(of[name] for of in modules.values()) for name in COUNTS}
    rows = [
        [
            nodes.literal("", module.removeprefix("unrolled.")),
            *(str(of[name]) for name in COUNTS),
            whole(percent(of)),
        ]
        for module, of in sorted(modules.items())
    ]
    rows.append(
        [
            "all",
            *(str(every[name]) for name in COUNTS),
            whole(percent(every)),
        ]
    )
    line = (
        f"{every['caught']:,} of {many(every['mutants'], 'mutant')} were caught, and "
        f"{every['equivalent']} of the others change nothing that a function does: the score is "
        f"{percent(every)}. Measured {record['date']}, commit {record['commit']}, "
        f"seed {record['seed']}; {record['device']}."
    )
    shown: list[nodes.Node] = [
        sentence(line, "checked-count"),
        table("Mutants by module", ["module", *COUNTS, "score"], rows),
    ]
    if survivors:
        heads = ["function", "instead of", "the mutant has", "why no test fails"]
        entries = [
            [
                nodes.literal("", s["function"]),
                nodes.literal("", s["before"]),
                nodes.literal("", s["after"]),
                s["sentence"] or "Not explained yet.",
            ]
            for s in survivors
        ]
        fold = table("Mutants that no test caught", heads, entries)
        shown += folded(many(len(survivors), "mutant") + " survived", fold)
    return shown
