"""Boxes of class "dropdown" (hints, solutions) as <details>, which fold without a script."""

from __future__ import annotations

from typing import Any

from docutils import nodes


class Folding(nodes.General, nodes.Element):
    """A box that opens when its summary is pressed."""


class Summary(nodes.General, nodes.TextElement):
    """The line that stays when the box is closed."""


def fold(app: Any, doctree: nodes.document, docname: str) -> None:
    """Replace the boxes of a page that fold."""
    for box in list(doctree.findall(nodes.Admonition)):
        if "dropdown" not in box.get("classes", []) or not isinstance(
            box[0], nodes.title
        ):
            continue
        title, *rest = box.children
        for link in list(title.findall(nodes.reference)):
            # what folds and unfolds cannot be a link too
            link.replace_self(link.children)
        classes = list(dict.fromkeys([*box["classes"], "admonition"]))
        folding = Folding(
            box.rawsource, Summary("", "", *title.children), *rest, classes=classes
        )
        folding["ids"] = box["ids"]
        box.replace_self(folding)


def visit_folding(self: Any, node: Folding) -> None:
    """Open the element; its classes and ids are the node's."""
    self.body.append(self.starttag(node, "details"))


def visit_summary(self: Any, node: Summary) -> None:
    """Open the element."""
    self.body.append(self.starttag(node, "summary", "", CLASS="admonition-title"))


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_node(
        Folding, html=(visit_folding, lambda self, node: self.body.append("</details>"))
    )
    app.add_node(
        Summary, html=(visit_summary, lambda self, node: self.body.append("</summary>"))
    )
    app.connect("doctree-resolved", fold, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
