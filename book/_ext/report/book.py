"""What the tables are made from: the pages, the tests, the recorded run, and links to them."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

from docutils import nodes

from book._ext.evidence import coverage_index, drawn, suite_run
from book._ext.evidence.suite_run import Found, found
from book._ext.page import contents
from book._ext.source import source_pages


class Book:
    """All that the tables are made from."""

    def __init__(self, app: Any, docname: str) -> None:
        self.app, self.docname, self.root = app, docname, Path(app.srcdir)
        self.run = suite_run.shown(self.root)

    @cached_property
    def parts(self) -> dict[str, list[str]]:
        """The pages of each part that are in this book, in reading order."""
        of = {"Beginning": [self.app.config.root_doc]}
        for part in contents.parts(self.app.config.external_site_map):
            of[part.caption or "All pages"] = part.pages
        titles = self.app.env.titles
        return {part: [p for p in pages if p in titles] for part, pages in of.items()}

    @cached_property
    def tests_measured(self) -> coverage_index.Evidence:
        """Which tests executed and check what."""
        return coverage_index.read(self.root)

    def of(self, test: coverage_index.Test) -> Found:
        """Return what the run found of a test."""
        return found(self.run, test.path, test.function)

    def outcome(self, path: str, test: str) -> str:
        """Return the outcome of a test function in the run, in one word."""
        return found(self.run, path, test).outcome

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
