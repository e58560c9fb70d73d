"""```{checked} site```: the checks of every page, Lighthouse's scores, and the times of knobs."""

from __future__ import annotations

import json
import statistics

from docutils import nodes

from book._ext.evidence.suite_run import found
from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import folded, sentence, table, word

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
SCORES = ("performance", "accessibility", "best-practices", "seo")
QUICK = 100  # milliseconds that a cell takes outside of the page


def the_site(book: Book) -> list[nodes.Node]:
    """What holds of every page, the scores that Lighthouse gave, and the times of knobs."""
    rows = [
        [said, book.test(*test), word(found(book.run, *test).outcome)]
        for said, test in OF_EVERY_PAGE.items()
    ]
    passed = sum(
        found(book.run, *test).outcome == "passed" for test in OF_EVERY_PAGE.values()
    )
    line = f"Checks of the whole site that passed in the last run: {passed} of {len(rows)}."
    shown: list[nodes.Node] = [
        sentence(line, "checked-count"),
        table("Checks of every page", ["check", "test", "outcome"], rows),
    ]
    try:
        scores = json.loads((book.root / "results/lighthouse.json").read_text("utf-8"))
        pages = scores["pages"]
    except (OSError, ValueError, KeyError):
        return [
            *shown,
            sentence("Lighthouse’s scores are not measured yet.", "not-yet"),
            *the_knobs(book),
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
    if "runs" in scores:
        about += f"; {many(scores['runs'], 'run')} of each page"
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
        *the_knobs(book),
    ]


def the_knobs(book: Book) -> list[nodes.Node]:
    """How soon the figures of quick cells are drawn again when their knobs move."""
    try:
        record = json.loads((book.root / "results/knob_times.json").read_text("utf-8"))
    except OSError:
        return []
    times = [
        knob["shown"]["median"]
        for page in record["pages"].values()
        for cell in page.values()
        if cell["native"] < QUICK
        for knob in cell["knobs"].values()
    ]
    return [
        sentence(
            f"If a cell takes less than {QUICK} ms in Python itself, its figure follows its knobs: "
            f"with {many(len(times), 'knob')} on the pages of the book, the new figure is there "
            f"after {statistics.median(times):.0f} ms in the median and {max(times)} ms at most."
        ),
        sentence(
            f"Each time is the median of {record['moves']} moves in Chromium "
            f"{record['versions']['chromium']}, {record['date']}, {record['device']}.",
            "record-origin",
        ),
    ]
