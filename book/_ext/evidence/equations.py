"""Labelled equations: each names the tests that check it; one without a test fails the build.

A test checks an equation if it is marked with its label, was run when `make evidence` last
measured, and asserts on values (coverage_index.py).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import logging

from book._ext.evidence import coverage_index, drawn

LOG = logging.getLogger(__name__)


def labelled(doctree: nodes.document) -> list[nodes.math_block]:
    """Return the equations of a page that have a label."""
    return [node for node in doctree.findall(nodes.math_block) if node.get("label")]


def check(app: Any, doctree: nodes.document) -> None:
    """Fail for a label without a test, or that is not called eq-…"""
    found = coverage_index.read(Path(app.srcdir))
    known = app.env.unrolled_equations = getattr(app.env, "unrolled_equations", {})
    known.pop(app.env.docname, None)
    for node in labelled(doctree):
        label = node["label"]
        tests = found.of_equation(label)
        known.setdefault(app.env.docname, {})[label] = tests
        warn = partial(LOG.warning, location=node, type="equation")
        if not label.startswith("eq-"):
            warn("equation %s: labels begin with eq-", label)
        elif not tests:
            marker = f'@pytest.mark.equation("{label}")'
            said = f"equation {label} on {app.env.docname} has no test marked {marker}"
            warn("%s%s", said, found.why_none(label))


def mark(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put the mark that names its tests under each labelled equation."""
    for node in labelled(doctree):
        tests = coverage_index.read(Path(app.srcdir)).of_equation(node["label"])
        if tests:
            under = nodes.container(classes=["equation-mark"])
            under += drawn.checked_by(app, docname, tests)
            node.parent.insert(node.parent.index(node) + 1, under)


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages whose equations have other tests than when they were read."""
    now = coverage_index.read(Path(app.srcdir)).of_equation
    return drawn.retested(env, getattr(env, "unrolled_equations", {}), now)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", check)
    app.connect("doctree-resolved", mark)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
