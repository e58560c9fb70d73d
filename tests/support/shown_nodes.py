"""Nodes of a page as a test reads them."""

from docutils import nodes


def said(shown):
    """The text of nodes, a line for each row and paragraph."""
    lines = []
    for node in shown:
        rows = list(node.findall(nodes.row))
        lines += [" | ".join(e.astext() for e in row.children) for row in rows] or [
            node.astext()
        ]
    return "\n".join(lines)
