"""Drawn cells on the page: checked against the package, captioned with their file and tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cells
import evidence
import permalinks
import sources
from docutils import nodes
from sphinx.util import logging

LOG = logging.getLogger(__name__)


def drawn_nodes(doctree: nodes.document) -> list[tuple[nodes.container, str]]:
    """Return the containers of a page's drawn cells, each with the object's dotted name."""
    found = []
    for node in doctree.findall(nodes.container):
        metadata = node.get("cell_metadata") or {}
        if node.get("nb_element") == "cell_code" and "drawn" in metadata:
            found.append((node, str(metadata["drawn"])))
    return found


def tests_of(root: Path, name: str) -> list[evidence.Test]:
    """Return the tests that use an object of the package."""
    return evidence.read(root / "tests").objects.get(name, [])


def check(app: Any, doctree: nodes.document) -> None:
    """Fail for a cell that is not the tested text, or whose function no test uses."""
    root = Path(app.srcdir)
    known = app.env.unrolled_drawn = getattr(app.env, "unrolled_drawn", {})
    known.pop(app.env.docname, None)
    for node, name in drawn_nodes(doctree):
        app.env.note_dependency(str(root / "code/unrolled" / "__init__.py"))
        try:
            tested = cells.source_of(name, root)
            app.env.note_dependency(str(cells.file_of(name, root)))
        except cells.NoSource as error:
            LOG.warning("drawn cell: %s", error, location=node, type="drawn")
            continue
        shown = next(node.findall(nodes.literal_block)).astext().rstrip("\n")
        if shown != tested:
            LOG.warning(
                "drawn cell: %s is not the text in code/; `make draw` copies it",
                name,
                location=node,
                type="drawn",
            )
        tests = tests_of(root, name)
        if not tests and tested.lstrip().startswith("def "):
            LOG.warning("drawn cell: no test uses %s", name, location=node, type="drawn")
        known.setdefault(app.env.docname, {})[name] = tests


def caption(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put the caption above each drawn cell."""
    root = Path(app.srcdir)
    anchors: set[str] = set()
    for node, name in drawn_nodes(doctree):
        try:
            path = cells.file_of(name, root).relative_to(root).as_posix()
        except cells.NoSource:
            continue
        node["classes"].append("drawn")
        short = name.rpartition(".")[2]
        bar = nodes.container(classes=["drawn-caption"])
        bar += nodes.inline(
            "", "", named_link(name, sources.link(app, docname, path, short), f"Defined in {path}")
        )
        if (anchor := anchor_of(name)) not in anchors:
            anchors.add(anchor)
            bar["ids"].append(anchor)
            if getattr(app.builder, "add_permalinks", False):
                bar[0] += raw(permalinks.headerlink(anchor, "code"))
        bar += checked_by(app, docname, tests_of(root, name))
        node.insert(0, bar)


def anchor_of(name: str) -> str:
    """Return the anchor of a drawn cell: `unrolled.rnn.step` is at `#rnn.step`."""
    return name.removeprefix("unrolled.")


def named_link(text: str, uri: str, title: str = "") -> nodes.reference:
    """Return a link whose text is code."""
    link = nodes.reference("", "", internal=True, refuri=uri)
    if title:
        link["reftitle"] = title
    link += nodes.literal("", text)
    return link


def checked_by(app: Any, docname: str, tests: list[evidence.Test]) -> list[nodes.Node]:
    """Return the mark that counts the tests and, opened, names them."""
    if not tests:
        return []
    links = [named_link(str(t), sources.link(app, docname, t.path, t.name)) for t in tests]
    count = "1 test" if len(tests) == 1 else f"{len(tests)} tests"
    items = nodes.bullet_list(classes=["simple"])
    for link in links:
        items += nodes.list_item("", nodes.paragraph("", "", link))
    return [
        raw(f'<details class="checked-by"><summary>Checked by {count}</summary>'),
        items,
        raw("</details>"),
    ]


def raw(text: str) -> nodes.raw:
    """Return HTML that only HTML builders show."""
    return nodes.raw("", text, format="html")


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages whose drawn objects have other tests than when they were read."""
    now = evidence.read(Path(app.srcdir) / "tests").objects
    return retested(env, getattr(env, "unrolled_drawn", {}), now)


def retested(env: Any, known: dict, now: dict[str, list[evidence.Test]]) -> list[str]:
    """Return the pages of `known` (page -> name -> tests) where a name has other tests now."""
    return [
        page
        for page, names in known.items()
        if page in env.found_docs and any(now.get(n, []) != t for n, t in names.items())
    ]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", check)
    app.connect("doctree-resolved", caption)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
