"""Exercises on the site: their hints and solutions, folded, and each chapter's list of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from book._ext.live import exercise_pages

FOLDER = Path("code/unrolled/exercises")


class Answers(SphinxDirective):
    """Hints and solution of the exercise that is named."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse what exercise_pages writes, as if it stood in the page."""
        name = self.arguments[0]
        try:
            text = exercise_pages.answers(name)
        except ValueError as error:
            raise self.error(str(error)) from None
        box = nodes.container(classes=["answers"])
        lines = StringList(text.splitlines(), source=f"{FOLDER}/{name}.py")
        self.state.nested_parse(lines, self.content_offset, box)
        return [box]


def list_exercises(app: Any, doctree: nodes.document) -> None:
    """End a chapter with links to its exercises."""
    page = app.env.docname
    root = Path(app.srcdir)
    if not page.startswith("book/") or page.startswith("book/exercises"):
        return
    app.env.note_dependency(str(root / FOLDER / "__init__.py"))
    found = exercise_pages.of_chapter(page.removeprefix("book/"))
    sections = [node for node in doctree.children if isinstance(node, nodes.section)]
    if not found or not sections:
        return
    items = nodes.bullet_list(classes=["simple"])
    for name, module in found:
        app.env.note_dependency(str(module.__file__))
        link = exercise_link(name, module.TITLE, page)
        about = nodes.inline("", f" · level {module.LEVEL} · {module.MINUTES} minutes")
        items += nodes.list_item("", nodes.paragraph("", "", link, about))
    box = nodes.section(
        ids=["exercises"], names=["exercises"], classes=["exercises-here"]
    )
    box += nodes.title("", "Exercises")
    box += items
    sections[0] += box


def exercise_link(name: str, title: str, page: str) -> nodes.Node:
    """Return a link to an exercise that Sphinx will resolve."""
    return addnodes.pending_xref(
        "",
        nodes.inline("", title),
        refdomain="std",
        reftype="ref",
        reftarget=exercise_pages.label_of(name),
        refexplicit=True,
        refwarn=True,
        refdoc=page,
    )


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("answers", Answers)
    app.connect("doctree-read", list_exercises, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
