"""Exercises on the site: their hints and solutions, folded, and the links from the chapters.

A section links the exercises that name it, and a chapter ends with a list of all of its exercises.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from book._ext.live import exercise_pages
from unrolled import exercises

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
        items += nodes.list_item("", nodes.paragraph("", "", *described(name, page)))
        if anchor := getattr(module, "SECTION", None):
            link_from_section(doctree, anchor, name, page)
    box = nodes.section(
        ids=["exercises"], names=["exercises"], classes=["exercises-here"]
    )
    box += nodes.title("", "Exercises")
    box += items
    where = reference("all-exercises", "All exercises, and which you have solved", page)
    box += nodes.paragraph("", "", where)
    sections[0] += box


def described(name: str, page: str) -> list[nodes.Node]:
    """Return a link to an exercise from a page, with its level and its minutes."""
    exercise = exercises.load(name)
    link = reference(exercise_pages.label_of(name), exercise.TITLE, page)
    about = f" · level {exercise.LEVEL} · {exercise.MINUTES} minutes"
    return [link, nodes.inline("", about)]


def link_from_section(
    doctree: nodes.document, anchor: str, name: str, page: str
) -> None:
    """Link an exercise at the end of a section, above the sections inside it."""
    for section in doctree.findall(nodes.section):
        if section.get("slug") == anchor:
            inside = section.first_child_matching_class(nodes.section)
            words = [nodes.Text("Exercise: "), *described(name, page)]
            line = nodes.paragraph("", "", *words, classes=["exercise-here"])
            section.insert(len(section) if inside is None else inside, line)
            return
    raise ExtensionError(f"{page}.md has no section #{anchor}, which {name} names")


def reference(label: str, title: str, page: str) -> nodes.Node:
    """Return a link to a label that Sphinx will resolve."""
    return addnodes.pending_xref(
        "",
        nodes.inline("", title),
        refdomain="std",
        reftype="ref",
        reftarget=label,
        refexplicit=True,
        refwarn=True,
        refdoc=page,
    )


def add_script(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Load the script that marks solved exercises where exercises are listed."""
    body = context.get("body") or ""
    if any(f'"{name}' in body for name in ("exercises-here", "exercise-list")):
        app.add_js_file("exercises.js", loading_method="defer")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("answers", Answers)
    app.connect("doctree-read", list_exercises, priority=100)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
