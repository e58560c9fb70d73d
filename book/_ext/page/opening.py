"""The note that opens a chapter, which the source sets in italics, stands in the text's own face.

It is among the first lines that are painted: italics, a font of their own that comes later, would
wrap them anew and move all that follows.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes


def set_upright(app: Any, doctree: nodes.document) -> None:
    """Mark a paragraph all in italics right under a page's title, and take the italics away."""
    for title in list(doctree.findall(nodes.title))[:1]:
        after = title.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.paragraph) and len(after) == 1:
            (only,) = after.children
            if isinstance(only, nodes.emphasis):
                after["classes"].append("opening")
                only.replace_self(only.children)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", set_upright)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
