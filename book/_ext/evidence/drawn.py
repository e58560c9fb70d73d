"""Drawn cells on the page: checked against the package, captioned with their file and tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import logging

from book._ext.evidence import coverage_index
from book._ext.page import contents, permalinks
from book._ext.source import drawn_cells, source_pages

NAMED = 8  # tests of a listing, the most specific; the others are counted

LOG = logging.getLogger(__name__)


def drawn_nodes(doctree: nodes.document) -> list[tuple[nodes.container, str]]:
    """Return the containers of a page's drawn cells, each with the object's dotted name."""
    found = []
    for node in doctree.findall(nodes.container):
        metadata = node.get("cell_metadata") or {}
        if node.get("nb_element") == "cell_code" and "drawn" in metadata:
            found.append((node, str(metadata["drawn"])))
    return found


def check(app: Any, doctree: nodes.document) -> None:
    """Fail for a cell that is not the tested text, or that no test executes."""
    root = Path(app.srcdir)
    known = app.env.unrolled_drawn = getattr(app.env, "unrolled_drawn", {})
    known.pop(app.env.docname, None)
    for node, name in drawn_nodes(doctree):
        warn = partial(LOG.warning, location=node, type="drawn")
        app.env.note_dependency(str(root / "code/unrolled" / "__init__.py"))
        try:
            tested = drawn_cells.source_of(name, root)
            app.env.note_dependency(str(drawn_cells.file_of(name, root)))
        except drawn_cells.NoSource as error:
            warn("drawn cell: %s", error)
            continue
        shown = next(node.findall(nodes.literal_block)).astext().rstrip("\n")
        if shown != tested:
            warn("drawn cell: %s is not the text in code/; `make draw` copies it", name)
        mark = coverage_index.read(root).mark(name)
        if not mark.tests:
            said = "no test executes %s; write one, and `make evidence` measures it"
            warn(f"drawn cell: {said}", name)
        known.setdefault(app.env.docname, {})[name] = mark


def caption(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put the caption above each drawn cell."""
    root = Path(app.srcdir)
    anchors: set[str] = set()
    chapter = contents.number_of(app.env, docname)
    for place, (node, name) in enumerate(drawn_nodes(doctree), 1):
        try:
            path = drawn_cells.file_of(name, root).relative_to(root).as_posix()
        except drawn_cells.NoSource:
            continue
        node["classes"].append("drawn")
        is_module = drawn_cells.module_file(name, root) is not None
        short = "" if is_module else name.rpartition(".")[2]
        bar = nodes.container(classes=["drawn-caption"])
        link = source_pages.link(app, docname, path, short)
        bar += nodes.inline("", "", named_link(name, link, f"Defined in {path}"))
        if chapter:
            listing = f"Listing {chapter}.{place} "
            bar[0].insert(0, nodes.inline("", listing, classes=["caption-number"]))
        if (anchor := anchor_of(name)) not in anchors:
            anchors.add(anchor)
            bar["ids"].append(anchor)
            if getattr(app.builder, "add_permalinks", False):
                bar[0] += raw(permalinks.headerlink(anchor, "code"))
        bar += executed_by(app, docname, coverage_index.read(root).mark(name))
        node.insert(0, bar)


def anchor_of(name: str) -> str:
    """Return the anchor of a drawn cell: `unrolled.cells.rnn.step` is at `#rnn.step`."""
    return ".".join(name.split(".")[-2:])


def named_link(text: str, uri: str, title: str = "") -> nodes.reference:
    """Return a link whose text is code."""
    link = nodes.reference("", "", internal=True, refuri=uri)
    if title:
        link["reftitle"] = title
    link += nodes.literal("", text)
    return link


def executed_by(app: Any, docname: str, mark: coverage_index.Mark) -> list[nodes.Node]:
    """Return the mark of a listing: its tests, its mutants, and whether it has changed since."""
    if not mark.tests:
        return []
    said = [f"Executed by {count(mark.tests)}"]
    if mark.mutants and (real := mark.mutants["mutants"] - mark.mutants["equivalent"]):
        one = "mutant" if real == 1 else "mutants"
        said.append(
            f"{mark.mutants['caught']} of {real} {one} of it caught by the tests"
        )
    if mark.is_changed:
        said.append("changed since the tests were measured")
    return folded_tests(app, docname, "; ".join(said), mark.tests, mark.is_changed)


def checked_by(
    app: Any, docname: str, tests: list[coverage_index.Test]
) -> list[nodes.Node]:
    """Return the mark of an equation, which counts its tests and, opened, names them."""
    return (
        folded_tests(app, docname, f"Checked by {count(tests)}", tests) if tests else []
    )


def count(tests: list[coverage_index.Test]) -> str:
    """Return "1 test" or "2 tests"."""
    return "1 test" if len(tests) == 1 else f"{len(tests)} tests"


def folded_tests(
    app: Any,
    docname: str,
    summary: str,
    tests: list[coverage_index.Test],
    is_changed: bool = False,
) -> list[nodes.Node]:
    """Return what opens with a click and names the first tests."""
    items = nodes.bullet_list(classes=["simple"])
    for test in tests[:NAMED]:
        link = named_link(
            str(test), source_pages.link(app, docname, test.path, test.function)
        )
        items += nodes.list_item("", nodes.paragraph("", "", link))
    more = len(tests) - NAMED
    changed = " changed" if is_changed else ""
    return [
        raw(f'<details class="checked-by{changed}"><summary>{summary}</summary>'),
        items,
        *(
            [nodes.paragraph("", f"and {more} more", classes=["more"])]
            if more > 0
            else []
        ),
        raw("</details>"),
    ]


def raw(text: str) -> nodes.raw:
    """Return HTML that only HTML builders show."""
    return nodes.raw("", text, format="html")


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages whose drawn objects have other marks than when they were read."""
    return retested(
        env,
        getattr(env, "unrolled_drawn", {}),
        coverage_index.read(Path(app.srcdir)).mark,
    )


def retested(
    env: Any, known: dict[str, dict[str, Any]], now: Callable[[str], Any]
) -> list[str]:
    """Return the pages of `known` (page -> name -> what was said) where `now` says otherwise."""
    return [
        page
        for page, names in known.items()
        if page in env.found_docs
        and any(now(name) != said for name, said in names.items())
    ]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", check)
    app.connect("doctree-resolved", caption)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
