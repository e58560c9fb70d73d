"""Formulas in a line are kept together with the punctuation that touches them.

Without this, browsers break lines between a formula and the comma that follows it. Lines may still
break inside the formula.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

OPENING = re.compile(r"[(\[“‘]+$")
CLOSING = re.compile(r"^[,.;:!?)\]’”]+")


def keep_marks(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put each formula with its marks into one inline node, which is not broken."""
    if app.builder.name != "html":
        return
    for formula in list(doctree.findall(nodes.math)):
        line = formula.parent
        place = line.index(formula)
        before = _found(OPENING, line.children[place - 1 : place])
        after = _found(CLOSING, line.children[place + 1 : place + 2])
        if after:
            line[place + 1] = nodes.Text(line[place + 1][len(after) :])
        if before:
            line[place - 1] = nodes.Text(line[place - 1][: -len(before)])
        if before or after:
            marked = [nodes.Text(before), formula, nodes.Text(after)]
            line[place] = nodes.inline("", "", *marked, classes=["with-marks"])


def _found(marks: re.Pattern, neighbour: list[nodes.Node]) -> str:
    """Return the marks of a neighbour, if there is one and it is text."""
    text = [node for node in neighbour if isinstance(node, nodes.Text)]
    found = marks.search(text[0]) if text else None
    return found[0] if found else ""


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-resolved", keep_marks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
