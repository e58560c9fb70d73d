"""```{checked} run```: what the last run of the whole suite was of, and what has changed since."""

from __future__ import annotations

from docutils import nodes

from book._ext.evidence import record_roles, suite_run
from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import Row, folded, listed, sentence, table, word

NAMES = record_roles.NAMES | {
    "hypothesis": "Hypothesis",
    "jupyter-book": "Jupyter Book",
    "matplotlib": "Matplotlib",
    "playwright": "Playwright",
    "sphinx": "Sphinx",
    "triton": "Triton",
}


def the_run(book: Book) -> list[nodes.Node]:
    """What was run, when, on which machine, and what has changed since."""
    run = book.run
    if run is None:
        line = (
            "No run of the whole suite is recorded yet: “make test” makes one, “make checks” keeps "
            "it. Until then every outcome on this page is “not run”."
        )
        return [sentence(line, "record-origin", "stale")]
    since = suite_run.changed_since(run, book.root)
    minutes = (
        f"{run['seconds'] / 60:.0f} minutes"
        if run["seconds"] > 119
        else "2 minutes at most"
    )
    functions = sum(len(tests) for tests in run["tests"].values())
    rows: list[Row] = [
        [
            "tests",
            f"{run['passed']:,} passed, {run['failed']:,} failed, {run['skipped']:,} "
            f"skipped; {functions:,} functions in {len(run['tests'])} files",
        ],
        ["when", f"{run['date']}, in {minutes}"],
        [
            "commit",
            run["commit"] + (", with changes not committed" if run["changed"] else ""),
        ],
        ["device", run["device"]],
        [
            "versions",
            ", ".join(
                f"{NAMES.get(name, name)} {number}"
                for name, number in run["versions"].items()
            ),
        ],
        [
            "since then",
            [
                word("stale" if since else "fresh"),
                nodes.Text(
                    listed([f"{folder}/" for folder in since]) + " changed"
                    if since
                    else "nothing in "
                    + listed([f"{f}/" for f in suite_run.FOLDERS])
                    + " changed"
                ),
            ],
        ],
    ]
    heads = ["run", "found"]
    shown: list[nodes.Node] = [
        table("The last recorded run of the whole suite", heads, rows)
    ]
    if failed := list(suite_run.failures(run)):
        items = [
            nodes.list_item("", nodes.paragraph("", "", nodes.literal("", f)))
            for f in failed
        ]
        shown += folded(
            f"{many(len(failed), 'test')} failed", nodes.bullet_list("", *items)
        )
    return shown
