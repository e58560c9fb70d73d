"""The tables of the page "How this book is checked": ```{checked} equations``` and the others.

They are made when the page is written, from what the other extensions have found in all pages, from
tests/ and results/, and from the recorded run of the tests (run_record.py). The page is made again
whenever one of these has changed.
"""

from __future__ import annotations

import ast
import hashlib
import html
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book._ext.evidence import coverage_index, drawn, record_roles, suite_run
from book._ext.evidence.suite_run import Found, found, outcome
from book._ext.live import live
from book._ext.source import source_pages

Cell: TypeAlias = str | nodes.Node | Sequence[nodes.Node]
Row: TypeAlias = Sequence[Cell]

THE_CELLS = (
    "tests/package/cells/test_cell_interface.py",
    "test_backward_is_the_gradient_of_forward",
)
DIFFERENCES = "central differences"
EXERCISES = "tests/exercises/test_exercises.py"
SOLUTION, WRONG = (
    "test_the_solution_passes",
    "test_a_wrong_answer_fails_with_its_message",
)
IN_THE_PAGE = (
    "tests/website/test_live_page.py",
    "test_every_exercise_is_judged_in_the_page",
)

# What is said of every page, and the test that says it.
OF_EVERY_PAGE = {
    "axe finds no fault, in both themes, at 1280, 390 and 320 pixels": (
        "tests/website/test_site.py",
        "test_axe_finds_nothing_at_1280_390_and_320_pixels",
    ),
    "every colour of code can be read, in both themes": (
        "tests/website/test_site.py",
        "test_every_colour_of_code_can_be_read",
    ),
    "nothing scrolls sideways at 320 pixels": (
        "tests/website/test_site.py",
        "test_no_page_scrolls_sideways_at_320_pixels",
    ),
    "at most 450 KB, gzipped, without figures": (
        "tests/website/test_site.py",
        "test_every_page_is_light",
    ),
    "no request to another host": (
        "tests/website/test_site.py",
        "test_nothing_is_asked_of_another_host",
    ),
    "no request that fails": ("tests/website/test_site.py", "test_nothing_is_missing"),
    "no message in the browser's console": (
        "tests/website/test_site.py",
        "test_the_console_stays_empty",
    ),
    "every link inside the site leads somewhere": (
        "tests/website/test_site.py",
        "test_links_inside_the_site_lead_somewhere",
    ),
    "every fault that the build looks for, planted in a book, fails the build": (
        "tests/website/test_page_faults.py",
        "test_each_fault_fails_the_build_and_is_named",
    ),
    "every fault that these checks look for, planted in a site, is found": (
        "tests/website/test_site.py",
        "test_each_check_finds_its_fault_and_no_other",
    ),
}
NAMES = record_roles.NAMES | {
    "hypothesis": "Hypothesis",
    "jupyter-book": "Jupyter Book",
    "matplotlib": "Matplotlib",
    "playwright": "Playwright",
    "sphinx": "Sphinx",
    "triton": "Triton",
}
SCORES = ("performance", "accessibility", "best-practices", "seo")


class Book:
    """All that the tables are made from."""

    def __init__(self, app: Any, docname: str) -> None:
        self.app, self.docname, self.root = app, docname, Path(app.srcdir)
        self.run = suite_run.shown(self.root)

    @cached_property
    def parts(self) -> dict[str, list[str]]:
        """The pages of each part that are in this book, in reading order."""
        toc = yaml.safe_load((self.root / "_toc.yml").read_text("utf-8"))
        parts = toc.get("parts") or [{"caption": "All pages", **toc}]
        files = {
            part["caption"]: [c["file"] for c in part.get("chapters", [])]
            for part in parts
        }
        files = {"Beginning": [toc["root"]]} | files
        titles = self.app.env.titles
        return {
            part: [file for file in of if file in titles] for part, of in files.items()
        }

    @cached_property
    def tests_measured(self) -> coverage_index.Evidence:
        """Which tests executed and check what."""
        return coverage_index.read(self.root)

    def of(self, test: coverage_index.Test) -> Found:
        """Return what the run found of a test."""
        return found(self.run, test.path, test.function)

    def test(self, path: str, name: str) -> nodes.Node:
        """Return a link to a test, by its name alone: its page shows the file."""
        name = name.rpartition("::")[2]
        return (
            self._link(name, path, name)
            if name in self.tests(path)
            else nodes.literal("", name)
        )

    def file(self, path: str) -> nodes.Node:
        """Return a link to a file of code or tests."""
        is_there = (self.root / path).is_file()
        return self._link(path, path) if is_there else nodes.literal("", path)

    def _link(self, text: str, path: str, name: str = "") -> nodes.reference:
        return drawn.named_link(
            text, source_pages.link(self.app, self.docname, path, name)
        )

    def tests(self, path: str) -> list[str]:
        """Return the names that a file of tests defines; a recorded run may know others."""
        file = self.root / path
        return (
            re.findall(r"^ *def (\w+)", file.read_text("utf-8"), re.M)
            if file.is_file()
            else []
        )

    def page(self, docname: str) -> nodes.reference:
        """Return a link to a page of the book."""
        uri = self.app.builder.get_relative_uri(self.docname, docname)
        title = self.app.env.titles[docname].astext()
        return nodes.reference("", title, internal=True, refuri=uri)

    def equation(self, label: str) -> nodes.Node:
        """Return a link to an equation, by its number."""
        text = nodes.Text(label)
        domain, build = self.app.env.get_domain("math"), self.app.builder
        found = domain.resolve_xref(
            self.app.env, self.docname, build, "eq", label, nodes.inline(), text
        )
        return found or text


# --- nodes ---------------------------------------------------------------------------------------


def table(caption: str, heads: Sequence[str], rows: Iterable[Row]) -> nodes.table:
    """Return a table whose first column names the rows; a row of one cell heads those below it."""
    group = nodes.tgroup("", cols=len(heads))
    group += [
        nodes.colspec("", colwidth=1, stub=int(i == 0)) for i in range(len(heads))
    ]
    group += nodes.thead("", _row(heads, len(heads)))
    group += nodes.tbody("", *(_row(row, len(heads)) for row in rows))
    title, anchor = nodes.title("", caption), f"table-{nodes.make_id(caption)}"
    return nodes.table("", title, group, classes=["checked"], ids=[anchor])


def _row(cells: Row, width: int) -> nodes.row:
    entries = [nodes.entry("", *_paragraph(cell)) for cell in cells]
    entries[-1].attributes.update(
        {"morecols": width - len(cells)} if len(cells) < width else {}
    )
    return nodes.row("", *entries)


def _paragraph(cell: Cell) -> list[nodes.Node]:
    if isinstance(cell, str):
        return [nodes.paragraph("", cell)]
    if isinstance(cell, nodes.Node):
        return [nodes.paragraph("", "", cell)]
    return [nodes.paragraph("", "", *between(cell))]


def between(several: Sequence[nodes.Node]) -> list[nodes.Node]:
    """Return nodes with commas between them."""
    commas = [nodes.Text(", ") for _ in several]
    return [node for pair in zip(several, commas, strict=True) for node in pair][:-1]


def word(text: str) -> nodes.inline:
    """Return an outcome in its colour: what a run, a record or a number is."""
    is_good = text in ("passed", "fresh", "reproduced")
    return nodes.inline(
        "", text, classes=["outcome", "good" if is_good else "not-good"]
    )


def whole(text: str) -> nodes.inline:
    """Return a number that is not broken into two lines."""
    return nodes.inline("", text, classes=["outcome"])


def folded(summary: str, *content: nodes.Node) -> list[nodes.Node]:
    """Return what opens with a click."""
    opening = f'<details class="checked-fold"><summary>{html.escape(summary)}</summary>'
    return [drawn.raw(opening), *content, drawn.raw("</details>")]


def sentence(text: str, *classes: str) -> nodes.paragraph:
    """Return a paragraph of plain text."""
    return nodes.paragraph("", text, classes=list(classes))


def many(number: int, one: str) -> str:
    """Return a number and its noun, such as "1 test" or "2,345 tests"."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def size(value: float | None) -> str:
    """Return an error as it is read: 4.1 × 10⁻⁸."""
    if value is None:
        return "not a number"
    if value == 0:
        return "0"
    digits, _, power = f"{value:.1e}".partition("e")
    small = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{small}" if digits == "1.0" else f"{digits} × 10{small}"


# --- the run -------------------------------------------------------------------------------------


def the_run(book: Book) -> list[nodes.Node]:
    """What was run, when, on what, and whether it is still what the book is."""
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


def listed(words: Sequence[str]) -> str:
    """Return words as one reads them: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# --- equations and listings ----------------------------------------------------------------------


def the_equations(book: Book) -> list[nodes.Node]:
    """Every numbered equation, its tests, and what became of them."""
    known = getattr(book.app.env, "unrolled_equations", {})
    shown: list[nodes.Node] = []
    counts = [0, 0]
    without = 0  # whose tests execute nothing of the package
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
    shown: list[nodes.Node] = [table("Listings drawn from the package", heads, rows)]
    outcomes = {
        name: outcome(map(book.of, mark.tests)) for name, mark in sorted(marks.items())
    }
    if others := [f"{name} ({of})" for name, of in outcomes.items() if of != "passed"]:
        shown.append(
            sentence(f"Not every test passed of {listed(others)}.", "checked-count")
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


# --- what was measured ---------------------------------------------------------------------------


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
    heads = ["against", "what", "largest difference", "bound"]
    rows = [
        [
            against,
            f"{what}, {many(len({e['case'] for e in of}), 'case')}",
            whole(size(largest(of))),
            whole(bounds(of)),
        ]
        for (against, what), of in sorted(grouped.items())
    ]
    return [table("NumPy, by hand, against the frameworks", heads, rows)]


# --- exercises and planted errors ----------------------------------------------------------------


def wrong_answers(root: Path, part: str) -> dict[str, int]:
    """Return how many wrong answers tests/exercises/PART.py has to each exercise."""
    path = root / f"tests/exercises/{part}.py"
    for node in ast.parse(path.read_text("utf-8")).body if path.is_file() else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WRONG":
            answers = node.value
            assert isinstance(answers, ast.Dict)
            return {
                ast.literal_eval(key): len(value.elts)
                for key, value in zip(answers.keys, answers.values, strict=True)
                if key is not None and isinstance(value, ast.List)
            }
    return {}


def the_exercises(book: Book) -> list[nodes.Node]:
    """Solutions that pass and wrong answers that are refused, natively and in the page."""
    from unrolled import exercises

    parts = {part: names for part, names in exercises.PARTS.items() if names}
    in_page = found(book.run, *IN_THE_PAGE)
    # part -> how many solutions, wrong answers and exercises in the page; and how many came right
    there, right = {}, {}
    for part, names in parts.items():
        in_browser = [
            n for n in names if needs_nothing(f"unrolled.exercises.{part}.{n}", book)
        ]
        answers = sum(wrong_answers(book.root, part).values())
        there[part] = (len(names), answers, len(in_browser))
        is_judged = f"[{part}]" not in (*in_page.failed, *in_page.skipped)
        lost = [
            not_passed(found(book.run, EXERCISES, t), names) for t in (SOLUTION, WRONG)
        ]
        right[part] = (
            len(names) - lost[0],
            answers - lost[1],
            len(in_browser) * is_judged,
        )
    ran = [number_of(found(book.run, EXERCISES, test)) for test in (SOLUTION, WRONG)]
    every, passed = (
        [sum(of) for of in zip(*d.values(), strict=True)] for d in (there, right)
    )
    is_known = [
        ran[0] == every[0],
        ran[1] == every[1],
        number_of(in_page) == len(parts),
    ]

    def row(of: Sequence[int], good: Sequence[int]) -> list[str]:
        return [
            f"{g} of {n}" if known else f"not run, of {n}"
            for n, g, known in zip(of, good, is_known, strict=True)
        ]

    rows: list[Row] = []
    for part in parts:
        page = f"book/exercises/{part.replace('_', '-')}"
        link = book.page(page) if page in book.app.env.titles else nodes.Text(part)
        rows.append([link, *row(there[part], right[part])])
    rows.append(["all", *row(every, passed)])
    heads = ["exercises", "solutions", "wrong answers", "in the page"]
    caption = (
        "Solutions that pass, wrong answers refused, exercises judged in the page too"
    )
    return [table(caption, heads, rows)]


def needs_nothing(module: str, book: Book) -> bool:
    """Tell whether an exercise can be run in the page."""
    return module not in live.lacking(book.root)


def number_of(of_test: Found) -> int:
    """Return how many cases of a test were run or skipped."""
    return of_test.passed + len(of_test.failed) + len(of_test.skipped)


def not_passed(of_test: Found, names: Sequence[str]) -> int:
    """Return how many cases of these exercises did not pass."""
    return sum(
        case.startswith((f"[{name}]", f"[{name}-"))
        for case in (*of_test.failed, *of_test.skipped)
        for name in names
    )


def the_planted(book: Book) -> list[nodes.Node]:
    """Errors planted by tests, and whether they were found."""
    rows: list[Row] = []
    total = 0
    for file, functions in sorted(book.run["tests"].items() if book.run else ()):
        tests = [name for name in functions if "planted" in name]
        of_tests = [found(book.run, file, name.rpartition("::")[2]) for name in tests]
        if tests:
            number = sum(number_of(one) for one in of_tests)
            total += number
            rows.append([book.file(file), str(number), word(outcome(of_tests))])
    if not rows:
        return [sentence("No planted error is in the recorded run.", "not-yet")]
    rows.append(["all", str(total), ""])
    return [table("Errors planted by the tests", ["file", "errors", "found"], rows)]


# --- records and the site ------------------------------------------------------------------------


def the_records(book: Book) -> list[nodes.Node]:
    """Every recorded result: what made it, when, on what, and whether it is fresh."""
    from unrolled import records

    folder = book.root / "results"
    known = record_roles.stale_records(book.root)
    rows: list[Row] = []
    stale = 0
    for path in sorted(folder.rglob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        if path.name in record_roles.OF_THE_BOOK or "code" not in record:
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        is_stale = name in known
        stale += is_stale
        script = records.script_of(record)
        seeds = record["seed"]
        seed = ", ".join(map(str, seeds)) if isinstance(seeds, list) else str(seeds)
        device = record["device"]
        if isinstance(device, dict):
            device = device.get("name") or ", ".join(str(v) for v in device.values())
        about = f"{record['date']}, commit {str(record['commit'])[:10]}, seed {seed}; {device}"
        what: Cell = [nodes.literal("", name), book.file(script)]
        fresh = "reproduced" if "reproduced" in record else "fresh"
        rows.append([what, about, word("stale" if is_stale else fresh)])
    line = f"{many(len(rows), 'record')}, {stale or 'none'} stale."
    if not any((folder / "gpu").glob("*.json")):
        line += " No record of a run on a GPU exists."
    heads = ["record, script", "made", "code since"]
    fold = folded("All records", table("Recorded results", heads, rows)) if rows else []
    return [sentence(line, "checked-count"), *fold]


def the_site(book: Book) -> list[nodes.Node]:
    """What holds of every page, and the scores that Lighthouse gave."""
    rows = [
        [said, book.test(*test), word(found(book.run, *test).outcome)]
        for said, test in OF_EVERY_PAGE.items()
    ]
    shown: list[nodes.Node] = [
        table("Checks of every page", ["check", "test", "outcome"], rows)
    ]
    try:
        scores = json.loads((book.root / "results/lighthouse.json").read_text("utf-8"))
        pages = scores["pages"]
    except (OSError, ValueError, KeyError):
        return [
            *shown,
            sentence("Lighthouse’s scores are not measured yet.", "not-yet"),
        ]
    columns = {
        name: [
            float(page[name]) for page in pages.values() if page.get(name) is not None
        ]
        for name in (*SCORES, "bytes")
    }
    lines = [
        [
            name.replace("-", " ").replace("seo", "SEO"),
            f"{min(of):.0f}",
            f"{statistics.median(of):g}",
        ]
        for name, of in columns.items()
        if of and name in SCORES
    ]
    versions = ", ".join(
        f"{name} {number}" for name, number in scores.get("versions", {}).items()
    )
    about = f"Lighthouse, {many(len(pages), 'page')}, {scores.get('date')}, {scores.get('device')}"
    shown.append(
        table("Lighthouse’s scores, of 100", ["score", "lowest", "median"], lines)
    )
    weight = columns["bytes"]
    if weight:
        about += f"; a page weighs {statistics.median(weight) / 1000:.0f} KB in the median and "
        about += f"{max(weight) / 1000:.0f} KB at most"
    shown.append(
        sentence(f"{about}{f'; {versions}' if versions else ''}.", "record-origin")
    )
    heads = ["page", "performance", "accessibility", "best practices", "SEO", "KB"]
    each = [
        [
            name.removeprefix("book/"),
            *(f"{page.get(score, 0):.0f}" for score in SCORES),
            f"{page.get('bytes', 0) / 1000:.0f}",
        ]
        for name, page in sorted(pages.items())
    ]
    return [
        *shown,
        *folded("Page by page", table("Lighthouse, page by page", heads, each)),
    ]


TABLES = {
    "run": the_run,
    "equations": the_equations,
    "listings": the_listings,
    "gradients": the_gradients,
    "frameworks": the_frameworks,
    "exercises": the_exercises,
    "planted": the_planted,
    "records": the_records,
    "site": the_site,
}


# --- Sphinx --------------------------------------------------------------------------------------


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
